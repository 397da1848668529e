//! Events that this version does not know.

use bytes::Bytes;

/// An event of a type that the schema lacks: sent by a newer Mesos.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnknownEvent {
    /// The number of its type; 0 where there was none.
    pub type_number: i32,
    /// The record as it came; empty where the backend has none.
    pub record: Bytes,
}
