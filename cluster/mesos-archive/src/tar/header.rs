//! A header of a tar.

use anyhow::{Context as _, Result, ensure};

pub(crate) const BLOCK: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    V7,
    /// And PAX, which adds special members.
    Ustar,
    Gnu,
}

/// A block with a right checksum.
pub(crate) struct Header {
    block: [u8; BLOCK],
}

impl Header {
    pub(crate) fn is_end(block: &[u8; BLOCK]) -> bool {
        block.iter().all(|byte| *byte == 0)
    }

    /// The header, if the checksum is right. Old programs sum signed bytes.
    pub(crate) fn new(block: [u8; BLOCK]) -> Option<Self> {
        let expected = number(&block[148..156])?;
        let place = |at: usize| (148..156).contains(&at);
        let bytes = || {
            block
                .iter()
                .enumerate()
                .map(|(at, byte)| if place(at) { b' ' } else { *byte })
        };
        let unsigned: i64 = bytes().map(i64::from).sum();
        let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
        (expected == unsigned || expected == signed).then_some(Self { block })
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match &self.block[257..265] {
            b"ustar  \0" => Dialect::Gnu,
            [b'u', b's', b't', b'a', b'r', ..] => Dialect::Ustar,
            _ => Dialect::V7,
        }
    }

    /// The type of the member.
    pub(crate) fn kind(&self) -> u8 {
        self.block[156]
    }

    pub(crate) fn path(&self) -> Vec<u8> {
        let name = text(&self.block[..100]);
        let prefix = text(&self.block[345..500]);
        if self.dialect() != Dialect::Ustar || prefix.is_empty() {
            return name.to_vec();
        }
        [prefix, b"/", name].concat()
    }

    pub(crate) fn link(&self) -> Vec<u8> {
        text(&self.block[157..257]).to_vec()
    }

    pub(crate) fn mode(&self) -> u32 {
        let mode = number(&self.block[100..108]).unwrap_or_default();
        (mode & 0o7777) as u32
    }

    /// The length of the content, in bytes.
    pub(crate) fn size(&self) -> Result<u64> {
        self.length(124)
    }

    pub(crate) fn modified(&self) -> Option<(i64, u32)> {
        number(&self.block[136..148]).map(|seconds| (seconds, 0))
    }

    pub(crate) fn device(&self) -> Result<(u32, u32)> {
        let part = |at: usize| {
            let number = number(&self.block[at..at + 8]).unwrap_or_default();
            u32::try_from(number).with_context(|| format!("there is no device {number}"))
        };
        Ok((part(329)?, part(337)?))
    }

    /// The number of twelve bytes at `at`.
    pub(crate) fn length(&self, at: usize) -> Result<u64> {
        length(&self.block[at..at + 12])
    }

    pub(crate) fn bytes(&self) -> &[u8; BLOCK] {
        &self.block
    }
}

/// A number that must not be negative.
pub(crate) fn length(field: &[u8]) -> Result<u64> {
    let number = number(field).context("a number of the tar is too large")?;
    ensure!(number >= 0, "a length of the tar is negative: {number}");
    Ok(number.unsigned_abs())
}

fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0);
    &field[..end.unwrap_or(field.len())]
}

/// A number in octal digits, or in binary if the highest bit is set. `None` if it has more than 63
/// bits. Octal digits can have blanks before them, and end at the first other byte.
fn number(field: &[u8]) -> Option<i64> {
    if field[0] & 0x80 != 0 {
        // The next bit is the sign.
        let negative = field[0] & 0x40 != 0;
        let first = if negative {
            field[0] | 0x80
        } else {
            field[0] & 0x7f
        };
        let start = if negative { -1_i128 } else { 0 };
        let bytes = std::iter::once(first).chain(field[1..].iter().copied());
        let number = bytes.fold(start, |number, byte| number << 8 | i128::from(byte));
        return i64::try_from(number).ok();
    }
    let digits = field.iter().skip_while(|byte| matches!(byte, b' ' | b'\t'));
    digits
        .take_while(|byte| matches!(byte, b'0'..=b'7'))
        .try_fold(0_i64, |number, digit| {
            number.checked_mul(8)?.checked_add(i64::from(digit - b'0'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_binary() {
        for (field, expected) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"  644 \0\0", Some(0o644)),
            (b"00000000026 ", Some(22)),
            (b"777777777777", Some((1 << 36) - 1)),
            (b"\0\0\0\0", Some(0)),
            (b"\x80\0\0\0\0\0\0\0\0\0\x01\x02", Some(258)),
            (
                b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe",
                Some(-2),
            ),
            (b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"7777777777777777777777777", None),
        ] {
            assert_eq!(number(field), expected, "{field:?}");
        }
    }
}
