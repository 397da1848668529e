//! Updates of tasks that are decoded when they are needed.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use prost::Message as _;

#[cfg(feature = "json")]
use super::json;
use super::shape::{self, Shape, Stack, check, key};
use super::{is_text, only_value};
use crate::lossy;
use crate::v1::TaskStatus;
use crate::v1::scheduler::event::Type;
use crate::wire::{LENGTH_DELIMITED, VARINT, length_delimited, tag, varint};

/// Field numbers in `mesos.v1.scheduler.Event` and in its `Update`.
const EVENT_TYPE: u32 = 1;
const EVENT_UPDATE: u32 = 5;
const UPDATE_STATUS: u32 = 1;

/// Keys in `mesos.v1.TaskStatus`.
const TASK_ID: u8 = key(1, LENGTH_DELIMITED);
const STATE: u8 = key(2, VARINT);
const AGENT_ID: u8 = key(5, LENGTH_DELIMITED);
const REASON: u8 = key(10, VARINT);
const UUID: u8 = key(11, LENGTH_DELIMITED);

static STATUS: Shape = Shape::new(
    shape::TASK_STATUS,
    &[TASK_ID, STATE, AGENT_ID, REASON, UUID],
);

/// A task's update as protobuf or JSON. The fields that identify the update can be read without decoding
/// all of it, and decoding cannot fail.
///
/// It is a slice of the bytes that contain it, and keeps them in memory.
#[derive(Clone, PartialEq)]
pub struct EncodedUpdate {
    status: Bytes,
    fields: Fields,
}

/// The positions of fields in the bytes of a status, and numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields {
    pub(super) task_id: Option<Range<usize>>,
    pub(super) agent_id: Option<Range<usize>>,
    pub(super) uuid: Uuid,
    pub(super) state: Option<i32>,
    pub(super) reason: Option<i32>,
}

/// The uuid of a status.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Uuid {
    #[default]
    Missing,
    /// The position in the bytes of the status.
    At(Range<usize>),
    /// JSON contains it as base64.
    #[cfg(feature = "json")]
    Decoded([u8; 16]),
}

impl EncodedUpdate {
    /// The update in `event`, which is an encoded `mesos.v1.scheduler.Event`. `None` if the event is
    /// not UPDATE, or if it has to be decoded as a whole; see the [module](super).
    ///
    /// ```
    /// use bytes::Bytes;
    /// use mesos_proto::encoded::EncodedUpdate;
    /// use mesos_proto::v1::TaskState;
    ///
    /// // The type UPDATE, and a status with the id "t" and the state TASK_RUNNING.
    /// let event = Bytes::from_static(b"\x08\x04\x2a\x09\x0a\x07\x0a\x03\x0a\x01t\x10\x01");
    /// let update = EncodedUpdate::in_event(&event).ok_or("decode the event")?;
    /// assert_eq!((update.task_id(), update.state()), ("t", TaskState::TaskRunning as i32));
    /// assert_eq!(update.decode().0.task_id.value, "t");
    /// # Ok::<(), &str>(())
    /// ```
    pub fn in_event(event: &Bytes) -> Option<Self> {
        let status = status_in(event)?;
        let fields = Fields::of(status)?;
        Some(Self {
            status: event.slice_ref(status),
            fields,
        })
    }

    #[cfg(feature = "json")]
    pub(super) fn new(status: Bytes, fields: Fields) -> Self {
        Self { status, fields }
    }

    /// The id of the task.
    pub fn task_id(&self) -> &str {
        self.text(&self.fields.task_id).unwrap_or_default()
    }

    /// The id of the task as bytes. It costs less than [`task_id`](Self::task_id), which checks again
    /// that the bytes are UTF-8.
    pub fn task_id_bytes(&self) -> &[u8] {
        self.bytes(&self.fields.task_id).unwrap_or_default()
    }

    /// The id of the agent, if there is one.
    pub fn agent_id(&self) -> Option<&str> {
        self.text(&self.fields.agent_id)
    }

    /// The id of the agent as bytes, as [`task_id_bytes`](Self::task_id_bytes).
    pub fn agent_id_bytes(&self) -> Option<&[u8]> {
        self.bytes(&self.fields.agent_id)
    }

    /// The uuid, if there is one. In protobuf, a slice of the bytes of this update.
    pub fn uuid(&self) -> Option<Bytes> {
        match &self.fields.uuid {
            Uuid::Missing => None,
            Uuid::At(range) => Some(self.status.slice(range.clone())),
            #[cfg(feature = "json")]
            Uuid::Decoded(uuid) => Some(Bytes::copy_from_slice(uuid)),
        }
    }

    /// The uuid, if there is one, as a slice of this update.
    pub fn uuid_bytes(&self) -> Option<&[u8]> {
        match &self.fields.uuid {
            Uuid::Missing => None,
            Uuid::At(range) => self.status.get(range.clone()),
            #[cfg(feature = "json")]
            Uuid::Decoded(uuid) => Some(uuid),
        }
    }

    /// The number of the state.
    pub fn state(&self) -> i32 {
        self.fields.state.unwrap_or_default()
    }

    /// The number of the reason, if there is one.
    pub fn reason(&self) -> Option<i32> {
        self.fields.reason
    }

    /// The whole status, and the names of the fields whose text is not UTF-8 and was replaced, as the
    /// backends do for all messages. It keeps no other bytes in memory.
    pub fn decode(&self) -> (TaskStatus, Vec<String>) {
        #[cfg(feature = "json")]
        if json::is_json(&self.status) {
            return (json::decode(&self.status), Vec::new());
        }
        if let Ok(status) = TaskStatus::decode(&self.status[..]) {
            return (status, Vec::new());
        }
        let decoded = lossy::decode(Bytes::copy_from_slice(&self.status));
        // `Fields::of` accepts only what can be decoded; the tests compare.
        debug_assert!(decoded.is_ok(), "{decoded:?}");
        decoded.unwrap_or_default()
    }

    fn text(&self, range: &Option<Range<usize>>) -> Option<&str> {
        std::str::from_utf8(self.bytes(range)?).ok()
    }

    fn bytes(&self, range: &Option<Range<usize>>) -> Option<&[u8]> {
        self.status.get(range.clone()?)
    }
}

/// Only the fields that identify the update.
impl fmt::Debug for EncodedUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedUpdate")
            .field("task_id", &self.task_id())
            .field("agent_id", &self.agent_id())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// The status in `event`, if the event consists of the type UPDATE and a status.
fn status_in(event: &[u8]) -> Option<&[u8]> {
    let (mut is_update, mut update) = (false, None);
    let mut rest = event;
    while !rest.is_empty() {
        match tag(&mut rest)? {
            (EVENT_TYPE, VARINT) => is_update = varint(&mut rest)? == Type::Update as u64,
            (EVENT_UPDATE, LENGTH_DELIMITED) if update.is_none() => {
                update = Some(length_delimited(&mut rest)?);
            }
            _ => return None,
        }
    }
    let mut update = update.filter(|_| is_update)?;
    let (UPDATE_STATUS, LENGTH_DELIMITED) = tag(&mut update)? else {
        return None;
    };
    let status = length_delimited(&mut update)?;
    update.is_empty().then_some(status)
}

impl Fields {
    /// Checks a status and finds its fields.
    fn of(status: &[u8]) -> Option<Self> {
        let mut fields = Self::default();
        check((status, &STATUS), &mut Stack::new(), |key, mut rest| {
            let place = match key {
                STATE => {
                    fields.state = Some(varint(&mut rest)? as i32);
                    return Some(rest);
                }
                REASON => {
                    fields.reason = Some(varint(&mut rest)? as i32);
                    return Some(rest);
                }
                TASK_ID => &mut fields.task_id,
                AGENT_ID => &mut fields.agent_id,
                _ => {
                    let value = length_delimited(&mut rest)?;
                    let end = status.len() - rest.len();
                    let uuid = Uuid::At(end - value.len()..end);
                    let before = std::mem::replace(&mut fields.uuid, uuid);
                    return (before == Uuid::Missing).then_some(rest);
                }
            };
            if place.is_some() {
                return None;
            }
            let value = only_value(length_delimited(&mut rest)?)?;
            is_text(value).then_some(())?;
            let end = status.len() - rest.len();
            *place = Some(end - value.len()..end);
            Some(rest)
        })?;
        (fields.task_id.is_some() && fields.state.is_some()).then_some(fields)
    }
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
