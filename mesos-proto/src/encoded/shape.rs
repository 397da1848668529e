//! Checks that an encoded message can be decoded, without decoding it.
//!
//! The check is stricter than prost: it refuses groups, packed fields and deep nesting, which Mesos
//! does not send in an offer or an update.

// rustfmt would change what codegen writes.
#[rustfmt::skip]
#[path = "../generated/shape.rs"]
mod tables;

use tables::MESSAGES;
pub(super) use tables::{OFFER, TASK_STATUS};

use crate::wire::{
    FIXED_32, FIXED_64, LENGTH_DELIMITED, VARINT, length_delimited, tag, take, varint,
};

/// The depth of a message in an offer. prost allows 100.
const DEPTH: usize = 20;

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
    /// The number of the message in [`MESSAGES`].
    Message(u8),
    /// A field that this check does not support.
    Other,
}

/// The fields of a message.
#[derive(Debug)]
pub(super) struct Shape {
    /// By number.
    kinds: &'static [Kind],
    /// What the check does with a field, by the first byte of its key: one of the constants below,
    /// or the number of a message plus `MESSAGE`.
    steps: [u8; 256],
}

/// The messages in [`MESSAGES`].
static SHAPES: [Shape; MESSAGES.len()] = {
    let mut all = [const { Shape::new(0, &[]) }; MESSAGES.len()];
    let mut message = 1;
    while message < MESSAGES.len() {
        all[message] = Shape::new(message as u8, &[]);
        message += 1;
    }
    all
};

/// A field with a key of several bytes, an unknown field, or a wrong wire type.
const OTHER: u8 = 0;
const BYTES: u8 = 1;
const STEP_VARINT: u8 = 2;
const STEP_FIXED_64: u8 = 3;
/// A field that the caller reads.
const CALLER: u8 = 4;
const MESSAGE: u8 = 5;

impl Shape {
    /// The shape of a message in [`MESSAGES`]. The caller of [`check`] reads the fields with these
    /// keys.
    pub(super) const fn new(message: u8, read_by_caller: &[u8]) -> Self {
        let kinds = MESSAGES[message as usize];
        let mut steps = [OTHER; 256];
        let mut number = 1;
        // The key of a larger number has several bytes.
        while number < kinds.len() && number < 16 {
            let (wire_type, step) = match kinds[number] {
                Kind::Varint => (VARINT, STEP_VARINT),
                Kind::Fixed64 => (FIXED_64, STEP_FIXED_64),
                Kind::Bytes => (LENGTH_DELIMITED, BYTES),
                Kind::Message(message) => (LENGTH_DELIMITED, MESSAGE + message),
                Kind::Fixed32 | Kind::Unknown | Kind::Other => (VARINT, OTHER),
            };
            steps[key(number as u8, wire_type) as usize] = step;
            number += 1;
        }
        let mut index = 0;
        while index < read_by_caller.len() {
            steps[read_by_caller[index] as usize] = CALLER;
            index += 1;
        }
        Self { kinds, steps }
    }
}

/// The key of a field with a number below 16.
pub(super) const fn key(number: u8, wire_type: u64) -> u8 {
    number << 3 | wire_type as u8
}

/// A message whose other fields have to be checked: the rest of its bytes.
type Open<'a> = (&'a [u8], &'static Shape);

/// The messages around the one that is being checked. To make a new one for each message costs more
/// than to check a few fields.
pub(super) struct Stack<'a>([Open<'a>; DEPTH]);

impl Stack<'_> {
    pub(super) fn new() -> Self {
        Self([(&[], &SHAPES[0]); DEPTH])
    }
}

/// Checks a message with all messages in it. `read` gets the fields that the caller reads, see
/// [`Shape::new`]: the key, and the bytes from the value on. It returns the bytes after the value.
///
/// One loop over all fields takes a third of the time of a recursion. Most of the time of an offer
/// that nobody reads is spent here, so each instruction for a field counts.
#[inline]
pub(super) fn check<'a>(
    (mut rest, mut shape): Open<'a>,
    Stack(open): &mut Stack<'a>,
    mut read: impl FnMut(u8, &'a [u8]) -> Option<&'a [u8]>,
) -> Option<()> {
    let mut depth = 0;
    loop {
        // A field has a key and a value.
        let [key, second, value @ ..] = rest else {
            if !rest.is_empty() {
                return None;
            }
            if depth == 0 {
                return Some(());
            }
            depth -= 1;
            (rest, shape) = *open.get(depth)?;
            continue;
        };
        let step = shape.steps[usize::from(*key)];
        let second = usize::from(*second);
        let short = second < 0x80;
        let inner = if step == BYTES && short {
            rest = value.get(second..)?;
            continue;
        } else if step >= MESSAGE && short {
            let inner;
            (inner, rest) = value.split_at_checked(second)?;
            let shape = SHAPES.get(usize::from(step - MESSAGE))?;
            if is_one_field(inner, shape) {
                continue;
            }
            (inner, shape)
        } else if step == STEP_VARINT {
            rest = if short { value } else { after_varint(rest)? };
            continue;
        } else if step == STEP_FIXED_64 {
            rest = rest.get(9..)?;
            continue;
        } else if step == CALLER {
            rest = read(*key, &rest[1..])?;
            continue;
        } else {
            let inner;
            (rest, inner) = unusual(rest, shape)?;
            match inner {
                Some(inner) => inner,
                None => continue,
            }
        };
        *open.get_mut(depth)? = (rest, shape);
        depth += 1;
        (rest, shape) = inner;
    }
}

/// The bytes after a field that is a number of several bytes.
#[inline]
fn after_varint(field: &[u8]) -> Option<&[u8]> {
    // The key, and at most ten bytes. The tenth byte has the last bit.
    let last = field
        .iter()
        .skip(1)
        .take(10)
        .position(|byte| *byte < 0x80)?;
    (last < 9 || field[10] <= 1).then(|| &field[last + 2..])
}

/// Whether the message is shorter than 128 bytes and has one field, which is valid: an id, a scalar,
/// a text, …
#[inline]
fn is_one_field(bytes: &[u8], shape: &Shape) -> bool {
    let [key, length, text @ ..] = bytes else {
        return false;
    };
    match shape.steps[usize::from(*key)] {
        BYTES => usize::from(*length) == text.len(),
        STEP_FIXED_64 => text.len() == 7,
        _ => false,
    }
}

/// Checks the first field in `rest`. Returns the bytes after it, and a message that is the value and
/// has to be checked.
#[cold]
fn unusual<'a>(mut rest: &'a [u8], shape: &Shape) -> Option<(&'a [u8], Option<Open<'a>>)> {
    let long_key = rest.first().is_some_and(|byte| *byte >= 0x80);
    let (number, wire_type) = tag(&mut rest)?;
    // The caller would not see its fields if their keys were longer than necessary.
    if long_key && number < 16 {
        return None;
    }
    let kind = shape.kinds.get(number as usize).unwrap_or(&Kind::Unknown);
    let mut inner = None;
    match (wire_type, *kind) {
        (LENGTH_DELIMITED, Kind::Message(message)) => {
            let shape = SHAPES.get(usize::from(message))?;
            inner = Some((length_delimited(&mut rest)?, shape));
        }
        (LENGTH_DELIMITED, Kind::Bytes | Kind::Unknown) => drop(length_delimited(&mut rest)?),
        (VARINT, Kind::Varint | Kind::Unknown) => drop(varint(&mut rest)?),
        (FIXED_64, Kind::Fixed64 | Kind::Unknown) => drop(take(&mut rest, 8)?),
        (FIXED_32, Kind::Fixed32 | Kind::Unknown) => drop(take(&mut rest, 4)?),
        _ => return None,
    }
    Some((rest, inner))
}

/// Sets the bits of the bytes that [`check`] depends on. The message was checked.
pub(super) fn marks(bytes: &[u8], message: u8, mask: &mut [u8]) -> Option<()> {
    let kinds = MESSAGES.get(usize::from(message))?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let start = bytes.len() - rest.len();
        let (number, wire_type) = tag(&mut rest)?;
        let value = bytes.len() - rest.len();
        mask[start..value].fill(0xff);
        match wire_type {
            VARINT => {
                varint(&mut rest)?;
                let end = bytes.len() - rest.len();
                // The tenth byte has a limit. Of the others, only the bit that says whether the number
                // continues matters.
                let bits = if end - value < 10 { 0x80 } else { 0xff };
                mask[value..end].fill(bits);
            }
            FIXED_64 => drop(take(&mut rest, 8)?),
            FIXED_32 => drop(take(&mut rest, 4)?),
            _ => {
                let inner = length_delimited(&mut rest)?;
                let end = bytes.len() - rest.len();
                let inside = end - inner.len();
                mask[value..inside].fill(0xff);
                if let Some(Kind::Message(message)) = kinds.get(number as usize) {
                    marks(inner, *message, &mut mask[inside..end])?;
                }
            }
        }
    }
    Some(())
}
