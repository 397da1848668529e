//! Events that this version does not know.

use bytes::Bytes;

/// An event of a type that this version does not know, sent by a newer Mesos.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnknownEvent {
    /// The number of the type; 0 if the event has no type.
    pub type_number: i32,
    /// The bytes of the event as received; empty if the backend does not have them.
    pub record: Bytes,
}
