//! The format of an entry of the journal's file: four bytes length, four bytes
//! CRC-32, one byte for the kind, and a protobuf message. Numbers are
//! little-endian.
//!
//! A mark follows each sync: an entry whose message is the mark's own position in
//! eight bytes. So a mark proves that everything before the mark was on disk.
//! Several entries are written at once, and a power failure can lose any page of
//! them. An invalid entry before a mark is damage, and an error: entries after it
//! were confirmed. An invalid entry after the last mark was never confirmed, and
//! the file is cut there.

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
    /// A crash interrupted the last writes. The first incomplete entry begins at
    /// this byte. No entry from there on was confirmed.
    Torn(usize),
    /// The entry that begins at this byte is invalid, and a crash cannot be the reason.
    Damaged(usize),
}

/// The kind of a mark.
const MARK: u8 = 4;
/// The length of a mark in bytes.
pub(super) const MARK_LENGTH: usize = HEAD + 9;

/// The mark at the position `at`: everything before it is on disk.
pub(super) fn mark(at: u64) -> Vec<u8> {
    frame(MARK, &at.to_le_bytes())
}

fn frame(kind: u8, message: &[u8]) -> Vec<u8> {
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
        frame(kind, &message)
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
    let mut marked = false;
    let mut at = 0;
    while at < content.len() {
        let rest = &content[at..];
        let entry = body(rest);
        if is_mark(rest, at) {
            marked = true;
        } else if let Some(record) = entry.and_then(|(body, _)| Record::parse(body)) {
            records.push(record);
        } else {
            let lost = marked_after(content, at) || (!marked && is_inner(rest));
            return (
                records,
                if lost {
                    Tail::Damaged(at)
                } else {
                    Tail::Torn(at)
                },
            );
        }
        at += entry.map_or(0, |(_, end)| end);
    }
    (records, Tail::Whole)
}

/// Whether `rest` begins with the mark of the position `at`.
fn is_mark(rest: &[u8], at: usize) -> bool {
    rest.starts_with(&mark(at as u64))
}

/// Whether a mark proves that the entry at the position `at` was on disk.
fn marked_after(content: &[u8], at: usize) -> bool {
    let start = &mark(0)[..4];
    let positions = memchr::memmem::find_iter(&content[at + 1..], start);
    let mut positions = positions.map(|found| at + 1 + found);
    positions.any(|position| is_mark(&content[position..], position))
}

/// Whether a file without marks has further entries after its invalid one. Earlier
/// versions wrote no marks; then a crash can interrupt only the last entry, or leave
/// zeros instead of it.
fn is_inner(rest: &[u8]) -> bool {
    let length = rest.get(..4).map(|mut head| head.get_u32_le() as usize);
    let end = length.and_then(|length| length.checked_add(HEAD));
    end.is_some_and(|end| end < rest.len()) && rest.iter().any(|byte| *byte != 0)
}

/// The body of the entry at the beginning of `rest`, and the end of the entry, if its
/// checksum is right.
fn body(rest: &[u8]) -> Option<(&[u8], usize)> {
    let mut head = rest.get(..HEAD)?;
    let length = usize::try_from(head.get_u32_le()).ok()?;
    let end = HEAD.checked_add(length)?;
    let body = rest.get(HEAD..end)?;
    (crc32fast::hash(body) == head.get_u32_le()).then_some((body, end))
}
