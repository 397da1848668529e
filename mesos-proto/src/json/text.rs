//! Scans values that are not objects or arrays.

/// How to find the end of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A text.
    Text,
    /// A text of ASCII without escapes.
    Plain,
    /// Bytes as base64 with padding.
    Base64,
    /// The name of a value of an enum, and the function that returns the value's number.
    Name(fn(&str) -> Option<i32>),
    /// An integer, and how many digits of any value fit into its type.
    Integer {
        /// Whether it may be negative.
        signed: bool,
        digits: usize,
    },
    /// A number.
    Double,
}

impl Kind {
    /// The end of the value of this kind that starts at `start`: the position of the quote after a
    /// text, or of the byte after a number. `None` if the value is invalid, or too unusual for this
    /// function.
    #[inline]
    pub(crate) fn end(self, text: &[u8], start: usize) -> Option<usize> {
        let rest = text.get(start..)?;
        let length = match self {
            Self::Text => text_length(rest)?,
            Self::Plain => plain_text(rest)?.len(),
            Self::Base64 => base64_length(rest)?,
            Self::Name(number) => {
                let name = plain_text(rest)?;
                number(std::str::from_utf8(name).ok()?)?;
                name.len()
            }
            Self::Integer { signed, digits } => integer_length(rest, signed, digits)?,
            Self::Double => double_length(rest)?,
        };
        Some(start + length)
    }
}

/// The text before a quote, if all of it is plain.
#[inline]
fn plain_text(rest: &[u8]) -> Option<&[u8]> {
    let (text, after) = rest.split_at_checked(plain(rest))?;
    (after.first() == Some(&b'"')).then_some(text)
}

#[inline]
fn text_length(rest: &[u8]) -> Option<usize> {
    match plain_text(rest) {
        Some(text) => Some(text.len()),
        None => unusual_text_length(rest),
    }
}

/// The length of a text with escapes, or that is not ASCII.
#[cold]
fn unusual_text_length(text: &[u8]) -> Option<usize> {
    let mut rest = text;
    loop {
        rest = rest.get(plain(rest)..)?;
        rest = match rest {
            [b'"', ..] => break,
            [
                b'\\',
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                rest @ ..,
            ] => rest,
            // A surrogate is valid only in a pair.
            [b'\\', b'u', digits @ ..] => {
                let (digits, rest) = digits.split_at_checked(4)?;
                let surrogate = matches!(digits, [b'd' | b'D', b'8'..=0xff, ..]);
                if surrogate || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                rest
            }
            [0x80..=0xff, rest @ ..] => rest,
            _ => return None,
        };
    }
    let text = &text[..text.len() - rest.len()];
    std::str::from_utf8(text).is_ok().then_some(text.len())
}

fn base64_length(rest: &[u8]) -> Option<usize> {
    let is_digit = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let digits = rest.iter().take_while(is_digit).count();
    // The text has four bytes for three. The last group has at least two digits.
    let padding = match digits % 4 {
        0 => 0,
        2 => 2,
        3 => 1,
        _ => return None,
    };
    let rest = rest.get(digits..)?.strip_prefix(&b"=="[..padding])?;
    (rest.first() == Some(&b'"')).then_some(digits + padding)
}

/// The length of an integer, without zeros before it.
fn integer_length(rest: &[u8], signed: bool, most: usize) -> Option<usize> {
    let digits = digits(rest);
    match rest.first()? {
        b'0' => (digits == 1).then_some(1),
        b'-' if signed => match integer_length(&rest[1..], false, most)? {
            1 if rest[1] == b'0' => None,
            length => Some(1 + length),
        },
        _ => (1..=most).contains(&digits).then_some(digits),
    }
}

/// The length of a number that is short enough to be finite.
fn double_length(rest: &[u8]) -> Option<usize> {
    const LONGEST: usize = 40;
    let mut at = integer_length(rest, true, LONGEST).or_else(|| negative_zero(rest))?;
    if rest.get(at) == Some(&b'.') {
        let digits = digits(&rest[at + 1..]);
        if digits == 0 || digits > LONGEST {
            return None;
        }
        at += 1 + digits;
    }
    if let Some(b'e' | b'E') = rest.get(at) {
        at += 1;
        at += usize::from(matches!(rest.get(at), Some(b'+' | b'-')));
        let digits = digits(&rest[at..]);
        if digits == 0 || digits > 2 {
            return None;
        }
        at += digits;
    }
    Some(at)
}

fn negative_zero(rest: &[u8]) -> Option<usize> {
    (rest.starts_with(b"-0") && digits(&rest[1..]) == 1).then_some(2)
}

#[inline]
fn digits(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

/// The number of bytes before the first one that ends a text, that is escaped in a text, or that is
/// not ASCII.
#[inline]
pub(crate) fn plain(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return index * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let after = rest.iter().position(|byte| {
        let word = u64::from_le_bytes([*byte, b' ', b' ', b' ', b' ', b' ', b' ', b' ']);
        special(word) != 0
    });
    bytes.len() - rest.len() + after.unwrap_or(rest.len())
}

/// Sets the upper bit of the first byte in `word` that is not plain, and possibly of bytes after it.
#[inline]
const fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const UPPER: u64 = ONES << 7;
    // A byte is zero if it is the searched one. The subtraction sets the upper bit of a zero byte, and
    // possibly of the byte after one.
    let quote = word ^ (ONES * b'"' as u64);
    let escape = word ^ (ONES * b'\\' as u64);
    let quote = quote.wrapping_sub(ONES) & !quote;
    let escape = escape.wrapping_sub(ONES) & !escape;
    let control = word.wrapping_sub(ONES * 0x20);
    (quote | escape | control | word) & UPPER
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_byte_is_plain_or_special_at_each_place() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii() && byte >= b' ' && !matches!(byte, b'"' | b'\\');
            for place in 0..20 {
                let mut bytes = *b"abcdefghijklmnopqrst";
                bytes[place] = byte;
                let end = if expected { bytes.len() } else { place };
                assert_eq!(plain(&bytes), end, "{byte:#x} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_first_special_byte_is_found(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let is_special = |byte: &u8| !matches!(byte, b' '..=b'~' | 0x7f) || matches!(byte, b'"' | b'\\');
            let expected = bytes.iter().position(is_special).unwrap_or(bytes.len());
            prop_assert_eq!(plain(&bytes), expected);
        }
    }
}
