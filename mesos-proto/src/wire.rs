//! Reads the parts of an encoded message, without a schema. The rules are those of prost: `None` is
//! where prost reports an error.

// Wire types, https://protobuf.dev/programming-guides/encoding/#structure.
pub(crate) const VARINT: u64 = 0;
pub(crate) const FIXED_64: u64 = 1;
pub(crate) const LENGTH_DELIMITED: u64 = 2;
const GROUP: u64 = 3;
const END_OF_GROUP: u64 = 4;
pub(crate) const FIXED_32: u64 = 5;

/// Removes a number.
#[inline]
pub(crate) fn varint(rest: &mut &[u8]) -> Option<u64> {
    match rest.split_first()? {
        (byte @ ..0x80, after) => {
            *rest = after;
            Some((*byte).into())
        }
        // The length of an offer, for example.
        (low, [high @ ..0x80, after @ ..]) => {
            *rest = after;
            Some(u64::from(*low & 0x7f) | u64::from(*high) << 7)
        }
        _ => long_varint(rest),
    }
}

fn long_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            // The tenth byte has the last bit.
            return (shift < 63 || *byte <= 1).then_some(value);
        }
    }
    None
}

/// Removes the number and the wire type of a field.
#[inline]
pub(crate) fn tag(rest: &mut &[u8]) -> Option<(u32, u64)> {
    let tag = u32::try_from(varint(rest)?).ok()?;
    (tag >= 1 << 3).then_some((tag >> 3, u64::from(tag & 7)))
}

/// Removes a length and as many bytes.
#[inline]
pub(crate) fn length_delimited<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = varint(rest)?;
    take(rest, usize::try_from(length).ok()?)
}

/// Removes `length` bytes.
#[inline]
pub(crate) fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (data, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(data)
}

/// Removes the value of a field.
pub(crate) fn skip(rest: &mut &[u8], number: u32, wire_type: u64, depth: u32) -> Option<()> {
    match wire_type {
        VARINT => varint(rest).map(drop),
        FIXED_64 => take(rest, 8).map(drop),
        LENGTH_DELIMITED => length_delimited(rest).map(drop),
        FIXED_32 => take(rest, 4).map(drop),
        // The fields of the group are those of an unknown message.
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
