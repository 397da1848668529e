//! The wire format of the v1 APIs: paths and calls, the two encodings, RecordIO, event streams,
//! answers and redirects. Connections are in `transport`.

pub(crate) mod answer;
pub(crate) mod api;
pub(crate) mod codec;
pub(crate) mod framing;
pub(crate) mod offers_chunks;
pub mod recordio;
pub(crate) mod redirect;
pub(crate) mod request;
pub(crate) mod stream;
pub(crate) mod undecoded;
