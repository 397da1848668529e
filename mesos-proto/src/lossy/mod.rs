//! Messages with text that is not UTF-8.
//!
//! Protobuf wants text to be UTF-8, and Rust's `String` does. The C++ of Mesos
//! checks neither what it reads nor what it writes, so whatever an executor of
//! another language puts into a `TaskStatus.message`, or an operator into an
//! agent's attributes, arrives at every framework. A framework that refused
//! such an update would be sent it again for ever.
//!
//! Here such text is replaced on the wire, as `String::from_utf8_lossy` does
//! it, and only there where the schema has text: `bytes` (a uuid, data) and
//! fields that the schema lacks stay as they are. What is UTF-8 costs nothing.

#[cfg(test)]
mod tests;

// What the schema has where, as generated from it.
#[path = "../generated/text.rs"]
mod tables;

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::{DecodeError, Message};

/// As deep as prost goes.
const DEPTH: u32 = 100;

/// What is shorter is decoded in place: its `bytes` fields (a uuid, data) are
/// slices of it. What is longer is read faster from a slice, by 7 % where it is
/// a hundred offers, and nothing in it keeps all of it in memory.
const LARGE: usize = 8 << 10;

/// A message of which it is known where it has text: all of this crate.
pub trait HasText: Message + Default {
    /// Its fields that are text, or have text inside.
    #[doc(hidden)]
    fn fields() -> &'static [Field];
}

/// A field that is text, or has text inside.
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

/// Decodes a message, whatever its text is. With it come the names of the
/// fields whose text was replaced because it is not UTF-8, each like
/// `update.status.message`; mostly none.
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

/// As [`decode`], into a `message` that was just made: those that are large are
/// not moved about so.
///
/// # Errors
/// As [`decode`]; what the message is then means nothing.
pub fn decode_into<M: HasText>(message: &mut M, bytes: Bytes) -> Result<Vec<String>, DecodeError> {
    let merged = if bytes.len() < LARGE {
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

/// Rewrites a message. Nothing comes of one that cannot be read.
#[derive(Default)]
struct Repair {
    /// Where we are.
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

// Wire types, https://protobuf.dev/programming-guides/encoding/#structure.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const GROUP: u64 = 3;
const END_OF_GROUP: u64 = 4;
const FIXED_32: u64 = 5;

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// A field's number and wire type.
fn tag(rest: &mut &[u8]) -> Option<(u32, u64)> {
    let tag = varint(rest)?;
    Some((u32::try_from(tag >> 3).ok()?, tag & 7))
}

fn length_delimited<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = varint(rest)?;
    take(rest, usize::try_from(length).ok()?)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (data, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(data)
}

/// Passes over a field's value, whatever is in it.
fn skip(rest: &mut &[u8], number: u32, wire_type: u64, depth: u32) -> Option<()> {
    match wire_type {
        VARINT => varint(rest).map(drop),
        FIXED_64 => take(rest, 8).map(drop),
        LENGTH_DELIMITED => length_delimited(rest).map(drop),
        FIXED_32 => take(rest, 4).map(drop),
        // What is in it is numbered as in a message that we do not know.
        GROUP => loop {
            let (inside, wire_type) = tag(rest)?;
            if wire_type == END_OF_GROUP {
                return (inside == number).then_some(());
            }
            skip(rest, inside, wire_type, depth.checked_sub(1)?)?;
        },
        _ => None,
    }
}
