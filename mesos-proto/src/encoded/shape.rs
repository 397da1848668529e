//! Checks that an encoded message can be decoded, without decoding it.
//!
//! The check is stricter than prost: it refuses groups, packed fields and deep nesting, which Mesos
//! does not send in an offer.

// rustfmt would change what codegen writes.
#[rustfmt::skip]
#[path = "../generated/shape.rs"]
mod tables;

pub(super) use tables::OFFER;

use crate::wire::{
    FIXED_32, FIXED_64, LENGTH_DELIMITED, VARINT, length_delimited, tag, take, varint,
};

/// The depth of a message in an offer. prost allows 100.
const DEPTH: u32 = 20;

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

impl Shape {
    /// Removes the value of a field, if it can be decoded.
    #[inline]
    pub(super) fn value(&self, rest: &mut &[u8], number: u32, wire_type: u64) -> Option<()> {
        self.value_at(rest, number, wire_type, DEPTH)
    }

    #[inline]
    fn value_at(&self, rest: &mut &[u8], number: u32, wire_type: u64, depth: u32) -> Option<()> {
        let kind = self.0.get(number as usize).unwrap_or(&Kind::Unknown);
        match wire_type {
            LENGTH_DELIMITED => {
                let data = length_delimited(rest)?;
                match kind {
                    Kind::Bytes | Kind::Unknown => Some(()),
                    Kind::Message(shape) => shape.message(data, depth.checked_sub(1)?),
                    _ => None,
                }
            }
            VARINT if matches!(kind, Kind::Varint | Kind::Unknown) => varint(rest).map(drop),
            FIXED_64 if matches!(kind, Kind::Fixed64 | Kind::Unknown) => take(rest, 8).map(drop),
            FIXED_32 if matches!(kind, Kind::Fixed32 | Kind::Unknown) => take(rest, 4).map(drop),
            _ => None,
        }
    }

    fn message(&self, mut rest: &[u8], depth: u32) -> Option<()> {
        while !rest.is_empty() {
            let (number, wire_type) = tag(&mut rest)?;
            self.value_at(&mut rest, number, wire_type, depth)?;
        }
        Some(())
    }
}
