//! The messages of the Mesos v1 API.
#[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
mod generated;
pub use generated::mesos::v1;
