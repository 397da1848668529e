//! The server's side of the two streaming APIs over sockets, which a fake master and a fake agent
//! share. Their responses are their own.

mod api;
mod codec;
mod control;
mod reaction;
mod received;
mod server;
mod stream;

pub use api::Wire;
pub(crate) use codec::decode;
pub use codec::{Encoding, JSON, PROTOBUF};
pub use control::Control;
pub use reaction::{Held, Reaction, When};
pub use received::Received;
pub(crate) use server::{Listener, Response, Service, serve};
pub use stream::Stream;
