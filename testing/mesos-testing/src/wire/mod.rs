//! The server's side of the two streaming APIs, which a fake master and a fake agent
//! share. Their responses are their own.

mod api;
mod codec;
mod control;
mod exchange;
mod reaction;
mod received;
mod server;
mod stream;

pub use api::Wire;
pub use codec::{Encoding, JSON, PROTOBUF};
pub(crate) use codec::{decode, next_record};
pub use control::Control;
pub(crate) use exchange::{Exchange, Response, Service, exchange};
pub use reaction::{Held, Reaction, When};
pub use received::Received;
pub(crate) use server::{Listener, serve};
pub(crate) use stream::Events;
pub use stream::Stream;
