//! The format of an entry of the journal's file: four bytes length, four bytes
//! CRC-32, one byte for the kind, and a protobuf message. Numbers are
//! little-endian.

use bytes::{Buf, Bytes};
use mesos_proto::v1::executor::call::Update;
use mesos_proto::v1::executor::{Call, event};
use mesos_proto::v1::{TaskId, TaskInfo};
use prost::Message;

use crate::executor::calls::Caller;

const HEAD: usize = 8;

#[derive(Clone, Debug)]
pub(super) enum Record {
    /// The executor that owns the file; the first entry.
    Owner(Caller),
    Launched(Box<TaskInfo>),
    Update(Box<Update>),
    /// The agent has acknowledged the update, so it knows the task.
    Settled {
        task_id: TaskId,
        uuid: Bytes,
    },
}

/// Whether a file is valid up to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// The whole file is valid.
    Whole,
    /// A crash left an incomplete last entry that begins at this byte.
    Torn(usize),
    /// The entry that begins at this byte is invalid, and a crash cannot be the reason.
    Damaged(usize),
}

impl Record {
    pub(super) fn frame(&self) -> Vec<u8> {
        let (kind, message) = match self {
            Self::Owner(owner) => (0, owner.subscribe(Vec::new(), Vec::new()).encode_to_vec()),
            Self::Launched(task) => (1, task.encode_to_vec()),
            Self::Update(update) => (2, update.encode_to_vec()),
            Self::Settled { task_id, uuid } => {
                let settled = event::Acknowledged {
                    task_id: task_id.clone(),
                    uuid: uuid.clone(),
                };
                (3, settled.encode_to_vec())
            }
        };
        let length = u32::try_from(message.len() + 1).unwrap_or(u32::MAX);
        let mut frame = Vec::with_capacity(HEAD + message.len() + 1);
        frame.extend(length.to_le_bytes());
        frame.extend([0; 4]);
        frame.push(kind);
        frame.extend(message);
        let sum = crc32fast::hash(&frame[HEAD..]);
        frame[4..HEAD].copy_from_slice(&sum.to_le_bytes());
        frame
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let (kind, message) = body.split_first()?;
        Some(match kind {
            0 => {
                let call = Call::decode(message).ok()?;
                Self::Owner(Caller {
                    framework_id: call.framework_id,
                    executor_id: call.executor_id,
                })
            }
            1 => Self::Launched(Box::new(TaskInfo::decode(message).ok()?)),
            2 => Self::Update(Box::new(Update::decode(message).ok()?)),
            3 => {
                let settled = event::Acknowledged::decode(message).ok()?;
                Self::Settled {
                    task_id: settled.task_id,
                    uuid: settled.uuid,
                }
            }
            _ => return None,
        })
    }
}

/// Reads all entries of a file.
pub(super) fn parse(content: &[u8]) -> (Vec<Record>, Tail) {
    let mut records = Vec::new();
    let mut at = 0;
    while at < content.len() {
        let rest = &content[at..];
        let Some((body, end)) = body(rest) else {
            return (records, Tail::Torn(at));
        };
        let mut sum = &rest[4..HEAD];
        let record = (crc32fast::hash(body) == sum.get_u32_le())
            .then(|| Record::parse(body))
            .flatten();
        match record {
            Some(record) => records.push(record),
            // A crash can interrupt only the last entry. A power failure can leave
            // zeros instead of it.
            None if end == rest.len() || rest.iter().all(|byte| *byte == 0) => {
                return (records, Tail::Torn(at));
            }
            None => return (records, Tail::Damaged(at)),
        }
        at += end;
    }
    (records, Tail::Whole)
}

/// The body of the entry at the beginning of `rest`, and the end of the entry.
fn body(rest: &[u8]) -> Option<(&[u8], usize)> {
    let mut head = rest.get(..HEAD)?;
    let length = usize::try_from(head.get_u32_le()).ok()?;
    let end = HEAD.checked_add(length)?;
    Some((rest.get(HEAD..end)?, end))
}
