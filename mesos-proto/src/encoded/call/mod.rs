//! Encodes the calls that a scheduler makes most often, without a message.
//!
//! A message of a DECLINE would need a copy of each id, and prost visits each id twice, and all twenty
//! fields of a call.

#[cfg(feature = "json")]
mod json;
mod protobuf;

use bytes::Bytes;

use crate::v1::Filters;

/// The encoding of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// protobuf.
    #[default]
    Protobuf,
    /// Mesos' JSON mapping.
    #[cfg(feature = "json")]
    Json,
}

/// A DECLINE. The ids are those of offers, as text. `None` if the encoding cannot represent the
/// filters: JSON does not have NaN.
///
/// ```
/// use mesos_proto::encoded::{self, Encoding};
/// use mesos_proto::v1::scheduler::Call;
/// use prost::Message as _;
///
/// let ids = [&b"offer"[..]].into_iter();
/// let bytes = encoded::decline(Encoding::Protobuf, "framework", ids, None);
/// let decline = Call::decode(bytes.unwrap_or_default())?.decline.unwrap_or_default();
/// assert_eq!(decline.offer_ids[0].value, "offer");
/// # Ok::<(), prost::DecodeError>(())
/// ```
pub fn decline<'a>(
    encoding: Encoding,
    framework_id: &str,
    offer_ids: impl Iterator<Item = &'a [u8]> + Clone,
    filters: Option<&Filters>,
) -> Option<Bytes> {
    match encoding {
        Encoding::Protobuf => Some(protobuf::decline(framework_id, offer_ids, filters)),
        #[cfg(feature = "json")]
        Encoding::Json => json::decline(framework_id, offer_ids, filters),
    }
}

/// An ACKNOWLEDGE. The ids are text.
pub fn acknowledge(
    encoding: Encoding,
    framework_id: &str,
    agent_id: &[u8],
    task_id: &[u8],
    uuid: &[u8],
) -> Bytes {
    match encoding {
        Encoding::Protobuf => protobuf::acknowledge(framework_id, agent_id, task_id, uuid),
        #[cfg(feature = "json")]
        Encoding::Json => json::acknowledge(framework_id, agent_id, task_id, uuid),
    }
}

/// A RECONCILE of these tasks. Each has an id and, if it is known, the id of its agent.
pub fn reconcile<'a>(
    encoding: Encoding,
    framework_id: &str,
    tasks: impl Iterator<Item = (&'a str, Option<&'a str>)> + Clone,
) -> Bytes {
    match encoding {
        Encoding::Protobuf => protobuf::reconcile(framework_id, tasks),
        #[cfg(feature = "json")]
        Encoding::Json => json::reconcile(framework_id, tasks),
    }
}
