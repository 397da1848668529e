//! Checks that an encoded message can be decoded, without decoding it.
//!
//! The check is stricter than prost: it refuses groups, packed fields and deep nesting, which Mesos
//! does not send in an offer or an update.

// rustfmt would change what codegen writes.
#[rustfmt::skip]
#[path = "../generated/shape.rs"]
mod tables;

pub(super) use tables::{OFFER, TASK_STATUS};

use crate::wire::{FIXED_32, FIXED_64, LENGTH_DELIMITED, VARINT, length_delimited, take, varint};

/// The depth of a message in an offer. prost allows 100.
const DEPTH: usize = 20;

/// The fields of a message, by number.
#[derive(Debug)]
pub(super) struct Shape(&'static [Kind]);

/// What the schema says about the value of a field.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code)] // no message in an offer has fields of some kinds
enum Kind {
    /// The schema does not have the field.
    Unknown,
    Varint,
    Fixed32,
    Fixed64,
    /// Bytes or text. Text that is not UTF-8 can be decoded, see `lossy`.
    Bytes,
    Message(&'static Shape),
    /// A field that this check does not support.
    Other,
}

/// A message that is being checked: where it ends, and its fields.
type Open = (usize, &'static Shape);

impl Shape {
    fn kind(&self, number: u32) -> Kind {
        *self.0.get(number as usize).unwrap_or(&Kind::Unknown)
    }

    /// Removes the value of a field, if it can be decoded.
    #[inline]
    pub(super) fn value(&self, rest: &mut &[u8], number: u32, wire_type: u64) -> Option<()> {
        let kind = self.kind(number);
        match (wire_type, kind) {
            (LENGTH_DELIMITED, Kind::Message(shape)) => shape.message(length_delimited(rest)?),
            (LENGTH_DELIMITED, Kind::Bytes | Kind::Unknown) => length_delimited(rest).map(drop),
            (VARINT, Kind::Varint | Kind::Unknown) => varint(rest).map(drop),
            (FIXED_64, Kind::Fixed64 | Kind::Unknown) => take(rest, 8).map(drop),
            (FIXED_32, Kind::Fixed32 | Kind::Unknown) => take(rest, 4).map(drop),
            _ => None,
        }
    }

    /// Checks a message with all messages in it. One loop over all fields, with a stack of the
    /// messages around the present field, takes a third of the time of a recursion.
    fn message(&'static self, bytes: &[u8]) -> Option<()> {
        let mut stack: [Open; DEPTH] = [(0, self); DEPTH];
        let mut depth = 0;
        let (mut at, mut end, mut shape) = (0, bytes.len(), self);
        loop {
            while at == end {
                if depth == 0 {
                    return Some(());
                }
                depth -= 1;
                (end, shape) = stack[depth];
            }
            let key = number(bytes, &mut at, end)?;
            // A key has 32 bits, and the number of a field is not 0.
            if !(1 << 3..1 << 32).contains(&key) {
                return None;
            }
            let kind = shape.kind((key >> 3) as u32);
            match key & 7 {
                LENGTH_DELIMITED => {
                    let length = number(bytes, &mut at, end)?;
                    if length > (end - at) as u64 {
                        return None;
                    }
                    let after = at + length as usize;
                    match kind {
                        Kind::Bytes | Kind::Unknown => at = after,
                        Kind::Message(inner) => {
                            *stack.get_mut(depth)? = (end, shape);
                            depth += 1;
                            (end, shape) = (after, inner);
                        }
                        _ => return None,
                    }
                }
                VARINT if matches!(kind, Kind::Varint | Kind::Unknown) => {
                    number(bytes, &mut at, end)?;
                }
                FIXED_64 if matches!(kind, Kind::Fixed64 | Kind::Unknown) => {
                    at += 8;
                    if at > end {
                        return None;
                    }
                }
                FIXED_32 if matches!(kind, Kind::Fixed32 | Kind::Unknown) => {
                    at += 4;
                    if at > end {
                        return None;
                    }
                }
                _ => return None,
            }
        }
    }
}

/// The number at `at`, which ends before `end`. `at` becomes the position after it.
#[inline]
fn number(bytes: &[u8], at: &mut usize, end: usize) -> Option<u64> {
    let bytes = &bytes[..end];
    let first = *bytes.get(*at)?;
    if first < 0x80 {
        *at += 1;
        return Some(first.into());
    }
    let mut rest = &bytes[*at..];
    let number = varint(&mut rest)?;
    *at = end - rest.len();
    Some(number)
}
