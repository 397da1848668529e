//! The v1 HTTP API.

mod answer;
mod api;
mod backend;
mod caller;
mod calls;
mod codec;
mod connection;
mod endpoint;
pub mod files;
mod operator;
pub mod recordio;
mod redirect;
mod settings;
mod stream;

pub use backend::HttpBackend;
pub use codec::Codec;
pub use endpoint::{Endpoint, EndpointError, EndpointErrorKind, Scheme};
pub use operator::OperatorClient;
