//! Reads only the fields of a call that the load master needs, without decoding the message: an
//! acknowledgement over protobuf costs no allocation.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mesos_proto::v1::scheduler::call::Type;
use serde::Deserialize;

/// The relevant part of a call.
#[derive(Debug, PartialEq)]
pub(super) enum Call<'a> {
    /// ACKNOWLEDGE.
    Acknowledge {
        /// `agent_id.value`.
        agent: Cow<'a, [u8]>,
        /// `task_id.value`.
        task: Cow<'a, [u8]>,
        /// `uuid`.
        uuid: Cow<'a, [u8]>,
    },
    /// RECONCILE, with the ids of the tasks.
    Reconcile(Vec<Cow<'a, [u8]>>),
    /// MESSAGE, with its data.
    Message(Cow<'a, [u8]>),
    /// Any other call, by the number of its type.
    Other(i32),
}

impl Call<'_> {
    pub(super) fn type_number(&self) -> i32 {
        match self {
            Self::Acknowledge { .. } => Type::Acknowledge as i32,
            Self::Reconcile(_) => Type::Reconcile as i32,
            Self::Message(_) => Type::Message as i32,
            Self::Other(number) => *number,
        }
    }
}

/// One field of a message.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of an encoded message; stops at the first invalid field.
struct Fields<'a> {
    rest: &'a [u8],
    broken: bool,
}

impl<'a> Fields<'a> {
    fn of(message: &'a [u8]) -> Self {
        Self {
            rest: message,
            broken: false,
        }
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for (index, byte) in self.rest.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u64, Field<'a>)> {
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Number(self.varint()?),
            1 => self.take(8).map(|_| Field::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Field::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Field::Fixed)?,
            _ => return None,
        };
        Some((key >> 3, field))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Field<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() || self.broken {
            return None;
        }
        let field = self.field();
        self.broken = field.is_none();
        field
    }
}

/// The bytes of field `number` of `message`; empty if the field is absent.
fn bytes_in(message: &[u8], number: u64) -> &[u8] {
    Fields::of(message)
        .find_map(|(found, field)| match field {
            Field::Bytes(bytes) if found == number => Some(bytes),
            _ => None,
        })
        .unwrap_or_default()
}

/// Reads a call; `None` if it is invalid. The numbers of the fields are those of
/// `include/mesos/v1/scheduler/scheduler.proto`.
pub(super) fn protobuf(call: &[u8]) -> Option<Call<'_>> {
    let mut kind = None;
    let (mut acknowledge, mut reconcile, mut message) = (&[][..], &[][..], &[][..]);
    let mut fields = Fields::of(call);
    for (number, field) in fields.by_ref() {
        match (number, field) {
            (2, Field::Number(value)) => kind = i32::try_from(value).ok(),
            (8, Field::Bytes(bytes)) => acknowledge = bytes,
            (9, Field::Bytes(bytes)) => reconcile = bytes,
            (10, Field::Bytes(bytes)) => message = bytes,
            _ => {}
        }
    }
    if fields.broken {
        return None;
    }
    Some(match Type::try_from(kind?) {
        Ok(Type::Acknowledge) => Call::Acknowledge {
            agent: bytes_in(bytes_in(acknowledge, 1), 1).into(),
            task: bytes_in(bytes_in(acknowledge, 2), 1).into(),
            uuid: bytes_in(acknowledge, 3).into(),
        },
        Ok(Type::Reconcile) => {
            let tasks = Fields::of(reconcile).filter_map(|(_, field)| match field {
                Field::Bytes(task) => Some(bytes_in(bytes_in(task, 1), 1).into()),
                _ => None,
            });
            Call::Reconcile(tasks.collect())
        }
        Ok(Type::Message) => Call::Message(bytes_in(message, 3).into()),
        _ => Call::Other(kind?),
    })
}

#[derive(Deserialize)]
struct JsonCall<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    acknowledge: Option<JsonAcknowledge<'a>>,
    #[serde(borrow)]
    reconcile: Option<JsonReconcile<'a>>,
    #[serde(borrow)]
    message: Option<JsonMessage<'a>>,
}

#[derive(Deserialize)]
struct JsonAcknowledge<'a> {
    #[serde(borrow)]
    agent_id: JsonId<'a>,
    #[serde(borrow)]
    task_id: JsonId<'a>,
    #[serde(borrow)]
    uuid: Cow<'a, str>,
}

#[derive(Deserialize)]
struct JsonReconcile<'a> {
    #[serde(borrow, default)]
    tasks: Vec<JsonTask<'a>>,
}

#[derive(Deserialize)]
struct JsonTask<'a> {
    #[serde(borrow)]
    task_id: JsonId<'a>,
}

#[derive(Deserialize)]
struct JsonMessage<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

#[derive(Deserialize)]
struct JsonId<'a> {
    #[serde(borrow)]
    value: Cow<'a, str>,
}

impl<'a> JsonId<'a> {
    fn bytes(self) -> Cow<'a, [u8]> {
        match self.value {
            Cow::Borrowed(text) => text.as_bytes().into(),
            Cow::Owned(text) => text.into_bytes().into(),
        }
    }
}

/// As [`protobuf`], for JSON.
pub(super) fn json(call: &[u8]) -> Option<Call<'_>> {
    let call: JsonCall<'_> = serde_json::from_slice(call).ok()?;
    let kind = Type::from_str_name(&call.r#type)?;
    Some(match kind {
        Type::Acknowledge => {
            let body = call.acknowledge?;
            Call::Acknowledge {
                agent: body.agent_id.bytes(),
                task: body.task_id.bytes(),
                uuid: STANDARD.decode(body.uuid.as_bytes()).ok()?.into(),
            }
        }
        Type::Reconcile => {
            let tasks = call.reconcile.map(|body| body.tasks).unwrap_or_default();
            Call::Reconcile(tasks.into_iter().map(|task| task.task_id.bytes()).collect())
        }
        Type::Message => {
            let data = call.message?.data;
            Call::Message(STANDARD.decode(data.as_bytes()).ok()?.into())
        }
        other => Call::Other(other as i32),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos_proto::v1::TaskId;
    use mesos_proto::v1::scheduler::{self, call};
    use prost::Message as _;

    fn calls() -> [(scheduler::Call, Call<'static>); 4] {
        let mut acknowledge = scheduler::Call {
            framework_id: Some("f".into()),
            r#type: Some(Type::Acknowledge as i32),
            ..Default::default()
        };
        acknowledge.acknowledge = Some(call::Acknowledge {
            agent_id: "the-agent".into(),
            task_id: "t1".into(),
            uuid: vec![0, 255, 1].into(),
        });
        let mut reconcile = scheduler::Call {
            r#type: Some(Type::Reconcile as i32),
            ..Default::default()
        };
        let task = |id: &str| call::reconcile::Task {
            task_id: TaskId::from(id),
            agent_id: Some("a".into()),
        };
        reconcile.reconcile = Some(call::Reconcile {
            tasks: vec![task("t1"), task("t2")],
        });
        let mut message = scheduler::Call {
            r#type: Some(Type::Message as i32),
            ..Default::default()
        };
        message.message = Some(call::Message {
            agent_id: "a".into(),
            executor_id: "e".into(),
            data: b"17".to_vec().into(),
        });
        let decline = scheduler::Call {
            r#type: Some(Type::Decline as i32),
            decline: Some(call::Decline {
                offer_ids: vec!["o".into()],
                ..Default::default()
            }),
            ..Default::default()
        };
        let tasks = vec![b"t1"[..].into(), b"t2"[..].into()];
        [
            (
                acknowledge,
                Call::Acknowledge {
                    agent: b"the-agent"[..].into(),
                    task: b"t1"[..].into(),
                    uuid: vec![0, 255, 1].into(),
                },
            ),
            (reconcile, Call::Reconcile(tasks)),
            (message, Call::Message(b"17"[..].into())),
            (decline, Call::Other(4)),
        ]
    }

    #[test]
    fn the_relevant_fields_of_a_call_are_read_from_both_encodings() {
        for (call, expected) in calls() {
            assert_eq!(protobuf(&call.encode_to_vec()), Some(expected));
        }
        for (call, expected) in calls() {
            let text = serde_json::to_vec(&call).expect("can be encoded as JSON");
            assert_eq!(json(&text), Some(expected));
        }
    }

    #[test]
    fn a_truncated_or_invalid_call_is_none() {
        for (call, _) in calls() {
            let bytes = call.encode_to_vec();
            assert_eq!(protobuf(&bytes[..bytes.len() - 1]), None, "{call:?}");
        }
        assert_eq!(protobuf(b""), None);
        assert_eq!(protobuf(b"GET / HTTP/1.1"), None);
        assert_eq!(json(b"{}"), None);
        assert_eq!(json(br#"{"type":"ACKNOWLEDGE"}"#), None);
    }
}
