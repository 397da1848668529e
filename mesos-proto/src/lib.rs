//! The messages of the Mesos v1 API.
mod debug;
#[allow(missing_docs)] // until every field of the .proto files is documented
#[path = "generated/mod.rs"]
pub mod v1;
