//! Messages with text that is not UTF-8.
//!
//! Protobuf requires UTF-8 for text, and Rust's `String` does too. The C++ code of Mesos checks
//! neither what it reads nor what it writes. Invalid text in a `TaskStatus.message` of an executor,
//! or in an agent's attributes, therefore reaches every framework. If a framework rejected such an
//! update, Mesos would resend it forever.
//!
//! This module replaces invalid text on the wire, as `String::from_utf8_lossy` does, and only in
//! text fields. Fields of type `bytes` (a uuid, data) and fields that are not in the schema stay
//! unchanged. Valid text has no extra cost.

#[cfg(test)]
mod tests;

// The text fields of each message, generated from the schema.
#[path = "../generated/text.rs"]
mod tables;

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::{DecodeError, Message};

use crate::wire::{LENGTH_DELIMITED, length_delimited, skip, tag};

/// The recursion limit of prost.
const DEPTH: u32 = 100;

/// A message of a size in this range, in bytes, is decoded in place: its `bytes` fields (a uuid,
/// data) are slices of the input. A shorter or longer message is read faster from a slice, by 7 %
/// for a hundred offers. Its fields are copies, and do not keep the input in memory, which may be a
/// part of a much larger buffer.
const IN_PLACE: std::ops::Range<usize> = 2 << 10..8 << 10;

/// A message with a list of its text fields. All messages of this crate have one.
pub trait HasText: Message + Default {
    /// The fields that are text, or contain text.
    #[doc(hidden)]
    fn fields() -> &'static [Field];
}

/// A field that is text, or contains text.
#[doc(hidden)]
#[derive(Debug)]
pub struct Field {
    number: u32,
    name: &'static str,
    part: Part,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Text,
    /// A message with these fields.
    Message(fn() -> &'static [Field]),
    /// An entry of a map, which is a message with these fields.
    Entry(&'static [Field]),
}

const fn text(number: u32, name: &'static str) -> Field {
    let part = Part::Text;
    Field { number, name, part }
}

const fn inside<M: HasText>(number: u32, name: &'static str) -> Field {
    let part = Part::Message(M::fields);
    Field { number, name, part }
}

const fn map(number: u32, name: &'static str, entry: &'static [Field]) -> Field {
    let part = Part::Entry(entry);
    Field { number, name, part }
}

/// Decodes a message, whatever its text is. Also returns the names of the fields whose invalid text
/// was replaced, each like `update.status.message`. The list is usually empty.
///
/// # Errors
/// As `M::decode`, for all other reasons.
///
/// ```
/// use mesos_proto::{lossy, v1::TaskStatus};
///
/// // A TaskStatus with the message "\xff" and the uuid b"\xff".
/// let bytes = b"\x0a\x03\x0a\x01t\x10\x01\x22\x01\xff\x5a\x01\xff";
/// let (status, replaced) = lossy::decode::<TaskStatus>(bytes.to_vec().into())?;
/// assert_eq!(status.message(), "\u{fffd}");
/// assert_eq!(status.uuid(), b"\xff");
/// assert_eq!(replaced, ["message"]);
/// # Ok::<(), prost::DecodeError>(())
/// ```
pub fn decode<M: HasText>(bytes: Bytes) -> Result<(M, Vec<String>), DecodeError> {
    let mut message = M::default();
    let replaced = decode_into(&mut message, bytes)?;
    Ok((message, replaced))
}

/// Like [`decode`], into a new `message`. This avoids a move of large messages.
///
/// # Errors
/// As [`decode`]. After an error the content of the message is unspecified.
pub fn decode_into<M: HasText>(message: &mut M, bytes: Bytes) -> Result<Vec<String>, DecodeError> {
    let merged = if IN_PLACE.contains(&bytes.len()) {
        message.merge(bytes.clone())
    } else {
        message.merge(&bytes[..])
    };
    let Err(error) = merged else {
        return Ok(Vec::new());
    };
    let mut repair = Repair::default();
    match repair.message(M::fields(), &bytes, DEPTH) {
        Some(repaired) if !repair.replaced.is_empty() => {
            *message = M::default();
            message.merge(Bytes::from(repaired))?;
            Ok(repair.replaced.into_iter().collect())
        }
        _ => Err(error),
    }
}

/// Rewrites a message. Returns `None` for a message that cannot be parsed.
#[derive(Default)]
struct Repair {
    /// The names of the fields from the root to the current field.
    path: Vec<&'static str>,
    replaced: BTreeSet<String>,
}

impl Repair {
    fn message(&mut self, fields: &[Field], input: &[u8], depth: u32) -> Option<Vec<u8>> {
        let mut output = Vec::with_capacity(input.len());
        let mut rest = input;
        while !rest.is_empty() {
            let start = rest;
            let (number, wire_type) = tag(&mut rest)?;
            let field = fields.iter().find(|field| field.number == number);
            let Some(field) = field.filter(|_| wire_type == LENGTH_DELIMITED) else {
                skip(&mut rest, number, wire_type, depth)?;
                output.extend_from_slice(&start[..start.len() - rest.len()]);
                continue;
            };
            output.extend_from_slice(&start[..start.len() - rest.len()]);
            let data = length_delimited(&mut rest)?;
            self.path.push(field.name);
            let data = match field.part {
                Part::Text => self.text(data),
                Part::Message(fields) => self.message(fields(), data, depth.checked_sub(1)?)?,
                Part::Entry(fields) => self.message(fields, data, depth.checked_sub(1)?)?,
            };
            self.path.pop();
            prost::encode_length_delimiter(data.len(), &mut output).ok()?;
            output.extend_from_slice(&data);
        }
        Some(output)
    }

    fn text(&mut self, data: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(data);
        if let std::borrow::Cow::Owned(_) = text {
            self.replaced.insert(self.path.join("."));
        }
        text.into_owned().into_bytes()
    }
}
