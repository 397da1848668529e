//! The objects of a GET_STATE answer in JSON, cut out of the bytes as they arrive.

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr2, memchr3};

use super::field::Field;

/// How deep values may be nested outside of the objects. An answer of Mesos has four levels.
const DEEPEST: usize = 32;

/// The longest key outside of the objects, in bytes.
const LONGEST_KEY: usize = 64;

const INVALID: &str = "it is not JSON";

/// A value around the position.
#[derive(Debug)]
enum Level {
    Array,
    /// With the last key.
    Object(String),
}

/// The position in the values.
#[derive(Debug, Default)]
pub(super) struct Objects {
    levels: Vec<Level>,
    /// Whether the next string is the key of an object.
    at_key: bool,
    /// The object that is being received.
    object: Option<Object>,
    has_state: bool,
    has_ended: bool,
}

/// An object of which not all bytes have arrived.
#[derive(Debug)]
struct Object {
    field: Field,
    /// The bytes that were read.
    read: usize,
    depth: usize,
    in_text: bool,
}

impl Objects {
    /// The next object; `None` if more bytes are needed. The bytes in front of it are removed from
    /// `received`.
    pub(super) fn next(
        &mut self,
        received: &mut BytesMut,
    ) -> Result<Option<(Field, Bytes)>, &'static str> {
        loop {
            if let Some(object) = &mut self.object {
                if !object.read(received) {
                    return Ok(None);
                }
                let (field, length) = (object.field, object.read);
                self.object = None;
                return Ok(Some((field, received.split_to(length).freeze())));
            }
            let Some(&first) = received.first() else {
                return Ok(None);
            };
            if first == b'"' {
                let Some(length) = text(&received[1..]) else {
                    return Ok(None);
                };
                self.text(&received[1..=length])?;
                received.advance(length + 2);
                continue;
            }
            if first == b'{'
                && let Some(field) = self.field()
            {
                self.object = Some(Object {
                    field,
                    read: 0,
                    depth: 0,
                    in_text: false,
                });
                continue;
            }
            self.mark(first)?;
            received.advance(1);
        }
    }

    /// What is missing at the end of the answer.
    pub(super) fn end(&self) -> Result<(), &'static str> {
        match (self.has_ended, self.has_state) {
            (false, _) => Err("the answer ends early"),
            (true, false) => Err("it has no state"),
            (true, true) => Ok(()),
        }
    }

    /// The kind of the objects at the position, in a list of the state.
    fn field(&self) -> Option<Field> {
        match &self.levels[..] {
            [
                Level::Object(body),
                Level::Object(group),
                Level::Object(list),
                Level::Array,
            ] if body == "get_state" => Field::of(group, list),
            _ => None,
        }
    }

    fn text(&mut self, text: &[u8]) -> Result<(), &'static str> {
        let at_key = std::mem::take(&mut self.at_key);
        match self.levels.last_mut() {
            Some(Level::Object(key)) if at_key => {
                let text = std::str::from_utf8(text).map_err(|_| INVALID)?;
                key.clear();
                // A longer key is not one that is needed.
                key.push_str(if text.len() <= LONGEST_KEY { text } else { "" });
                Ok(())
            }
            Some(_) => Ok(()),
            None => Err(INVALID),
        }
    }

    /// One byte outside of texts.
    fn mark(&mut self, mark: u8) -> Result<(), &'static str> {
        if self.has_ended && !mark.is_ascii_whitespace() {
            return Err(INVALID);
        }
        match mark {
            b'{' | b'[' if self.levels.len() == DEEPEST => return Err("it is nested too deep"),
            b'{' => {
                if let [Level::Object(key)] = &self.levels[..] {
                    self.has_state |= key == "get_state";
                }
                self.levels.push(Level::Object(String::new()));
                self.at_key = true;
            }
            b'[' if !self.levels.is_empty() => self.levels.push(Level::Array),
            b'}' | b']' => {
                let opened = self.levels.pop().ok_or(INVALID)?;
                if matches!(opened, Level::Object(_)) != (mark == b'}') {
                    return Err(INVALID);
                }
                self.at_key = false;
                self.has_ended = self.levels.is_empty();
            }
            b',' => self.at_key = matches!(self.levels.last(), Some(Level::Object(_))),
            b':' | b'-' | b'+' | b'.' => {}
            other if other.is_ascii_alphanumeric() && !self.levels.is_empty() => {}
            other if other.is_ascii_whitespace() => {}
            _ => return Err(INVALID),
        }
        Ok(())
    }
}

impl Object {
    /// Reads what has arrived. Returns whether that is the whole object. Its content is checked when
    /// it is decoded.
    fn read(&mut self, received: &[u8]) -> bool {
        while let Some(rest) = received.get(self.read..) {
            if self.in_text {
                let Some(length) = text(rest) else {
                    return false;
                };
                self.read += length + 1;
                self.in_text = false;
                continue;
            }
            let Some(at) = memchr3(b'{', b'}', b'"', rest) else {
                self.read = received.len();
                return false;
            };
            self.read += at + 1;
            match rest[at] {
                b'{' => self.depth += 1,
                b'"' => self.in_text = true,
                _ => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return true;
                    }
                }
            }
        }
        false
    }
}

/// The length of a text in front of its closing quotation mark; `None` if the mark is missing.
fn text(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        match bytes[at] {
            b'"' => return Some(at),
            _ => at += 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#" {"type": "GET_STATE", "other": [[{"tasks": 1}], "]}", -1.5e+3, null],
        "get_state": {"get_tasks": {"pending_tasks": [{"name": "pending"}],
            "tasks": [{"name": "a \" } \\"}, {"labels": {"labels": [{"key": "{"}]}, "name": "b"}],
            "completed_tasks": [ ], "unreachable_tasks": [{"name": "d"}]},
          "get_executors": null,
          "get_agents": {"agents": [{"name": "e"}], "recovered_agents": [{"name": "f"}]},
          "get_frameworks": {"frameworks": [{"name": "g"}],
            "completed_frameworks": [{"name": "h"}]}}} "#;

    fn cut(answer: &str, size: usize) -> Result<Vec<(Field, String)>, &'static str> {
        let (mut objects, mut received) = (Objects::default(), BytesMut::new());
        let mut found = Vec::new();
        for part in answer.as_bytes().chunks(size) {
            received.extend_from_slice(part);
            while let Some((field, bytes)) = objects.next(&mut received)? {
                let object: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                found.push((field, object["name"].as_str().unwrap().to_owned()));
            }
        }
        objects.end()?;
        assert!(received.is_empty());
        Ok(found)
    }

    #[test]
    fn every_object_is_found_however_the_answer_is_split() {
        let expected = [
            (Field::Task, "a \" } \\"),
            (Field::Task, "b"),
            (Field::UnreachableTask, "d"),
            (Field::Agent, "e"),
            (Field::RecoveredAgent, "f"),
            (Field::Framework, "g"),
            (Field::CompletedFramework, "h"),
        ];
        let expected = expected.map(|(field, name)| (field, name.to_owned()));
        for size in 1..=ANSWER.len() {
            assert_eq!(cut(ANSWER, size).unwrap(), expected, "in chunks of {size}");
        }
    }

    #[test]
    fn what_is_not_a_state_in_json_is_an_error() {
        for (answer, error) in [
            ("", "the answer ends early"),
            (r#"{"get_state": {}"#, "the answer ends early"),
            (
                r#"{"get_state": {"get_tasks": {"tasks": [{"#,
                "the answer ends early",
            ),
            (r#"{"type": "GET_HEALTH"}"#, "it has no state"),
            (r#"{"get_state": []}"#, "it has no state"),
            (r#"{"get_state": {]}"#, INVALID),
            ("<html>", INVALID),
            ("[]", INVALID),
            (r#""text""#, INVALID),
            ("{} {}", INVALID),
        ] {
            for size in [1, 3, 1000] {
                assert_eq!(cut(answer, size), Err(error), "{answer}");
            }
        }
        let deep = format!("{{\"a\": {}", "[".repeat(100));
        assert_eq!(cut(&deep, 10), Err("it is nested too deep"));
    }
}
