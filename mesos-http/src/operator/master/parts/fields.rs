//! The objects of a GET_STATE answer in protobuf, cut out of the bytes as they arrive.

use bytes::{Buf, Bytes, BytesMut};
use prost::encoding::{WireType, decode_key, decode_varint};

use super::field::Field;

/// The longest key and length of a field, in bytes.
const HEADER: usize = 20;

/// A message that contains the objects.
#[derive(Clone, Copy, Debug)]
enum Level {
    Response,
    State,
    Tasks,
    Executors,
    Frameworks,
    Agents,
}

enum Content {
    Message(Level),
    Object(Field),
    Other,
}

impl Level {
    /// The content of a field, by its number in `master::Response` and the messages in it.
    fn content(self, number: u32) -> Content {
        match (self, number) {
            (Self::Response, 9) => Content::Message(Self::State),
            (Self::State, 1) => Content::Message(Self::Tasks),
            (Self::State, 2) => Content::Message(Self::Executors),
            (Self::State, 3) => Content::Message(Self::Frameworks),
            (Self::State, 4) => Content::Message(Self::Agents),
            (Self::Tasks, 2) => Content::Object(Field::Task),
            (Self::Tasks, 3) => Content::Object(Field::CompletedTask),
            (Self::Tasks, 5) => Content::Object(Field::UnreachableTask),
            (Self::Executors, 1) => Content::Object(Field::Executor),
            (Self::Frameworks, 1) => Content::Object(Field::Framework),
            (Self::Frameworks, 2) => Content::Object(Field::CompletedFramework),
            (Self::Agents, 1) => Content::Object(Field::Agent),
            (Self::Agents, 2) => Content::Object(Field::RecoveredAgent),
            _ => Content::Other,
        }
    }
}

/// The position in the messages.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// The messages around the position, each with the offset of its end.
    levels: Vec<(Level, u64)>,
    offset: u64,
    /// The bytes of a field that is not needed.
    skip: u64,
}

impl Fields {
    /// The next object; `None` if more bytes are needed. The bytes in front of it are removed from
    /// `received`.
    pub(super) fn next(
        &mut self,
        received: &mut BytesMut,
    ) -> Result<Option<(Field, Bytes)>, &'static str> {
        loop {
            if self.skip > 0 {
                let skipped = self.skip.min(received.len() as u64);
                self.take(received, skipped as usize);
                self.skip -= skipped;
                if self.skip > 0 {
                    return Ok(None);
                }
            }
            while self
                .levels
                .last()
                .is_some_and(|(_, end)| *end == self.offset)
            {
                self.levels.pop();
            }
            let Some((number, length, header)) = header(received)? else {
                return Ok(None);
            };
            let end = self.offset + header as u64 + length;
            let parent = self.levels.last().copied();
            if parent.is_some_and(|(_, last)| end > last) {
                return Err("a field is longer than its message");
            }
            let level = parent.map_or(Level::Response, |(level, _)| level);
            match level.content(number) {
                Content::Message(level) => {
                    self.take(received, header);
                    self.levels.push((level, end));
                }
                Content::Object(field) => {
                    let length = usize::try_from(length).map_err(|_| "a field is too long")?;
                    if received.len() - header < length {
                        return Ok(None);
                    }
                    self.take(received, header);
                    return Ok(Some((field, self.take(received, length))));
                }
                Content::Other => {
                    self.take(received, header);
                    self.skip = length;
                }
            }
        }
    }

    /// What is missing at the end of the answer.
    pub(super) fn end(&self) -> Result<(), &'static str> {
        let open = self.levels.iter().any(|(_, end)| *end != self.offset);
        match open || self.skip > 0 {
            true => Err("the answer ends early"),
            false => Ok(()),
        }
    }

    fn take(&mut self, received: &mut BytesMut, length: usize) -> Bytes {
        self.offset += length as u64;
        received.split_to(length).freeze()
    }
}

/// The number of the next field, the length of its content, and that of its key and length; `None` if
/// more bytes are needed.
fn header(received: &[u8]) -> Result<Option<(u32, u64, usize)>, &'static str> {
    let invalid = "it is not protobuf";
    let mut rest = received;
    let parsed = (|| {
        let (number, wire) = decode_key(&mut rest).ok()?;
        let length = match wire {
            WireType::LengthDelimited => decode_varint(&mut rest).ok()?,
            WireType::ThirtyTwoBit => 4,
            WireType::SixtyFourBit => 8,
            WireType::Varint => {
                // The value is part of the header.
                decode_varint(&mut rest).ok()?;
                0
            }
            WireType::StartGroup | WireType::EndGroup => return None,
        };
        Some((number, length, received.len() - rest.remaining()))
    })();
    match parsed {
        Some(parsed) => Ok(Some(parsed)),
        None if received.len() < HEADER => Ok(None),
        None => Err(invalid),
    }
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::master::{Response, response};
    use mesos_proto::v1::{AgentInfo, Task};
    use prost::Message;

    use super::*;

    fn answer() -> Vec<u8> {
        let task = |id: String| Task {
            name: id.repeat(50),
            task_id: id.into(),
            ..Default::default()
        };
        let state = response::GetState {
            get_tasks: Some(response::GetTasks {
                tasks: vec![task("a".to_owned()), task("b".to_owned())],
                completed_tasks: vec![task("c".to_owned())],
                unreachable_tasks: vec![task("d".to_owned())],
                ..Default::default()
            }),
            get_executors: Some(Default::default()),
            get_agents: Some(response::GetAgents {
                recovered_agents: vec![AgentInfo::default()],
                ..Default::default()
            }),
            get_frameworks: None,
        };
        Response {
            r#type: Some(response::Type::GetState.into()),
            get_state: Some(state),
            // Not needed, and skipped.
            get_master: Some(Default::default()),
            ..Default::default()
        }
        .encode_to_vec()
    }

    fn cut(answer: &[u8], size: usize) -> Result<Vec<(Field, Bytes)>, &'static str> {
        let (mut fields, mut received) = (Fields::default(), BytesMut::new());
        let mut found = Vec::new();
        for part in answer.chunks(size) {
            received.extend_from_slice(part);
            while let Some(object) = fields.next(&mut received)? {
                found.push(object);
            }
        }
        fields.end()?;
        assert!(received.is_empty());
        Ok(found)
    }

    #[test]
    fn every_object_is_found_however_the_answer_is_split() {
        let answer = answer();
        for size in 1..=answer.len() {
            let found = cut(&answer, size).unwrap();
            let mut ids = Vec::new();
            for (field, bytes) in found {
                let id = match field {
                    Field::RecoveredAgent => String::new(),
                    _ => Task::decode(bytes).unwrap().task_id.value,
                };
                ids.push((field, id));
            }
            // In the order of their numbers.
            let expected = [
                (Field::Task, "a"),
                (Field::Task, "b"),
                (Field::CompletedTask, "c"),
                (Field::UnreachableTask, "d"),
                (Field::RecoveredAgent, ""),
            ];
            assert_eq!(ids, expected.map(|(field, id)| (field, id.to_owned())));
        }
    }

    #[test]
    fn bytes_that_are_not_protobuf_and_fields_that_are_too_long_are_errors() {
        let (mut fields, mut received) = (Fields::default(), BytesMut::new());
        received.extend_from_slice(&[0xff; 64]);
        assert!(fields.next(&mut received).is_err());
        // A state of 2 bytes with tasks of 100 bytes.
        let (mut fields, mut received) = (Fields::default(), BytesMut::new());
        received.extend_from_slice(&[9 << 3 | 2, 2, 1 << 3 | 2, 100]);
        assert!(fields.next(&mut received).is_err());
    }
}
