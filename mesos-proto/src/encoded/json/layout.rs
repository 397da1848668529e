//! The bytes that a text may have at each position.

/// The number of bytes that are compared at once.
const LANES: usize = 32;

/// Bytes of aligned memory, with which the compiler computes directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(16))]
struct Lanes([u8; LANES]);

/// For each position the smallest byte, and how many larger ones are allowed. With this form, the
/// compiler compares many bytes with two instructions.
#[derive(Clone, Debug)]
struct Group {
    smallest: Lanes,
    larger: Lanes,
}

/// The bytes that are allowed at each position. At first any byte is allowed after its end.
#[derive(Debug, Default)]
pub(super) struct Layout {
    length: usize,
    groups: Vec<Group>,
}

impl Layout {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Adds bytes, of which each is allowed only at its position.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.add_range(*byte, *byte);
        }
    }

    /// Adds a number, or a text without escapes, in which each digit may be another one.
    pub(super) fn add_digits(&mut self, value: &[u8], is_number: bool) {
        let is_digit = |at: usize| value.get(at).is_some_and(u8::is_ascii_digit);
        let sign = usize::from(value.first() == Some(&b'-'));
        for (at, byte) in value.iter().enumerate() {
            // A number has no zero before other digits. After a sign, a zero is not an integer.
            let is_first = is_number && at == sign;
            let not_zero = is_first && *byte != b'0' && (sign > 0 || is_digit(at + 1));
            match is_digit(at) {
                true if not_zero => self.add_range(b'1', b'9'),
                true => self.add_range(b'0', b'9'),
                false => self.add_range(*byte, *byte),
            }
        }
    }

    /// Adds a text without escapes, in which each byte may be another plain one, or `\`.
    pub(super) fn add_plain(&mut self, text: &[u8]) {
        for byte in text {
            match byte {
                b'#'..=b'~' => self.add_range(b'#', b'~'),
                _ => self.add_range(*byte, *byte),
            }
        }
    }

    fn add_range(&mut self, from: u8, to: u8) {
        let lane = self.length % LANES;
        if lane == 0 {
            self.groups.push(Group {
                smallest: Lanes([0; LANES]),
                larger: Lanes([u8::MAX; LANES]),
            });
        }
        if let Some(group) = self.groups.last_mut() {
            group.smallest.0[lane] = from;
            group.larger.0[lane] = to - from;
        }
        self.length += 1;
    }

    /// Whether each byte at the start of `text` is allowed at its position.
    #[inline]
    pub(super) fn fits(&self, text: &[u8]) -> bool {
        let (chunks, rest) = text.as_chunks();
        let outside = outside(&self.groups, chunks);
        let fits = outside == Lanes([0; LANES]);
        match self.groups.get(chunks.len()..) {
            None | Some([]) => fits,
            Some([group]) => fits && text.len() >= self.length && group.fits_end(rest),
            Some(_) => false,
        }
    }

    /// The first position whose byte in `text` is not allowed, or is `\`.
    pub(super) fn first_outside(&self, text: &[u8]) -> Option<usize> {
        let limits = self.groups.iter().flat_map(|group| {
            let limits = group.smallest.0.iter().zip(&group.larger.0);
            limits.map(|(smallest, larger)| (*smallest, *larger))
        });
        let mut pairs = text.iter().zip(limits).take(self.length);
        pairs.position(|(byte, (smallest, larger))| {
            let escapes = *byte == b'\\' && smallest != b'\\';
            escapes || excess(*byte, smallest, larger) > 0
        })
    }
}

impl Group {
    /// Whether the last bytes of a text are allowed.
    #[inline(never)]
    fn fits_end(&self, bytes: &[u8]) -> bool {
        let mut chunk = [0; LANES];
        for (place, byte) in chunk.iter_mut().zip(bytes) {
            *place = *byte;
        }
        outside(std::slice::from_ref(self), &[chunk]) == Lanes([0; LANES])
    }
}

/// By how much bytes are too large.
#[expect(
    clippy::needless_range_loop,
    reason = "this form compiles to vector instructions"
)]
#[inline]
fn outside(groups: &[Group], chunks: &[[u8; LANES]]) -> Lanes {
    let mut outside = Lanes([0; LANES]);
    for (group, chunk) in groups.iter().zip(chunks) {
        let (smallest, larger) = (group.smallest, group.larger);
        for lane in 0..LANES {
            outside.0[lane] |= excess(chunk[lane], smallest.0[lane], larger.0[lane]);
        }
    }
    outside
}

/// By how much a byte is too large. One that is too small counts as very large.
#[inline]
const fn excess(byte: u8, smallest: u8, larger: u8) -> u8 {
    byte.wrapping_sub(smallest).saturating_sub(larger)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::text::Kind;

    /// A kind and a value, which is valid.
    fn values() -> impl Strategy<Value = (Kind, String)> {
        let integer = |signed, digits| Kind::Integer { signed, digits };
        let texts = prop::sample::select(vec![Kind::Text, Kind::Plain]);
        prop_oneof![
            (texts, "[ !#-\\[\\]-~]{0,70}"),
            (Just(integer(false, 18)), "0|[1-9][0-9]{0,9}"),
            (Just(integer(true, 9)), "0|-?[1-9][0-9]{0,5}"),
            (
                Just(Kind::Double),
                "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?"
            ),
        ]
    }

    /// The layout of a value of this kind that differs in its digits, or in its bytes.
    fn layout(kind: Kind, value: &[u8], in_bytes: bool) -> Layout {
        let mut layout = Layout::default();
        let is_text = matches!(kind, Kind::Text | Kind::Plain);
        match is_text && in_bytes {
            true => layout.add_plain(value),
            false => layout.add_digits(value, !is_text),
        }
        layout
    }

    proptest! {
        #[test]
        fn what_fits_to_a_value_is_a_value(
            (kind, value) in values(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            in_bytes: bool,
        ) {
            let length = value.len();
            let terminated = [value.as_bytes(), b"\""].concat();
            prop_assert_eq!(kind.end(&terminated, 0), Some(length));
            let layout = layout(kind, value.as_bytes(), in_bytes);
            prop_assert_eq!(layout.len(), length);
            prop_assert!(layout.fits(&terminated));
            let mut changed = terminated.clone();
            for (at, byte) in changes {
                if length > 0 {
                    changed[at.index(length)] = byte;
                }
            }
            let fits = layout.fits(&changed);
            let escaped = changed.contains(&b'\\');
            if fits && !escaped {
                prop_assert_eq!(kind.end(&changed, 0), Some(length), "{:?}", changed);
            }
            prop_assert_eq!(fits && !escaped, layout.first_outside(&changed).is_none());
        }

        #[test]
        fn a_layout_fits_to_its_bytes_wherever_the_text_ends(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            after in prop::collection::vec(any::<u8>(), 0..100),
            at: prop::sample::Index,
        ) {
            let mut layout = Layout::default();
            layout.add(&bytes);
            let text = [&bytes[..], &after].concat();
            prop_assert!(layout.fits(&text));
            prop_assert_eq!(layout.first_outside(&text), None);
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                prop_assert!(!layout.fits(&text[..at]));
                prop_assert_eq!(layout.first_outside(&text[..at]), None);
                let mut text = text;
                text[at] ^= 1;
                prop_assert!(!layout.fits(&text));
                prop_assert_eq!(layout.first_outside(&text), Some(at));
            }
        }
    }

    #[test]
    fn the_digits_of_a_number_stay_a_number() {
        for (value, other, expected) in [
            ("10", "20", true),
            ("10", "00", false),
            ("1", "0", true),
            ("-1", "-2", true),
            ("-1", "-0", false),
            ("0.5", "0.7", true),
            ("1.5e10", "9.0e99", true),
            ("1.5", "1,5", false),
        ] {
            let layout = layout(Kind::Double, value.as_bytes(), false);
            assert_eq!(layout.fits(other.as_bytes()), expected, "{value} {other}");
        }
    }
}
