//! The v1 HTTP API.

mod endpoint;
pub mod recordio;
#[allow(dead_code)]
mod redirect;

pub use endpoint::{Endpoint, EndpointError, EndpointErrorKind, Scheme};
