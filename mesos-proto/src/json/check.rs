//! Checks that a text can be decoded as a message, without decoding it.
//!
//! The check is stricter than decoding: it refuses what Mesos does not write, such as white space
//! between tokens, `null`, numbers as text, escapes in keys, and single elements instead of arrays.
//! What it accepts can be decoded.

use super::message::Message;
use super::text::{Kind, plain};

/// The depth of a message. serde_json allows 128, and an event is around a message.
const DEPTH: usize = 40;

/// A type whose JSON can be checked.
pub(crate) trait Check {
    /// Checks the value at the start of the rest of `scan`.
    fn check(scan: &mut Scan<'_>) -> Option<()>;
}

impl Check for String {
    fn check(scan: &mut Scan<'_>) -> Option<()> {
        scan.quoted(Kind::Text, 0)
    }
}

impl<T: Check> Check for Box<T> {
    fn check(scan: &mut Scan<'_>) -> Option<()> {
        T::check(scan)
    }
}

/// A value that is not an object or an array: the range of its text, without quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) kind: Kind,
    /// What the caller reads this value for, or 0.
    pub(crate) slot: u8,
}

/// A text that is checked from its start on.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    leaves: &'a mut Vec<Leaf>,
}

impl<'a> Scan<'a> {
    /// Adds the values that are found to `leaves`, in their order.
    pub(crate) fn new(text: &'a [u8], leaves: &'a mut Vec<Leaf>) -> Self {
        let (at, depth) = (0, 0);
        Self {
            text,
            at,
            depth,
            leaves,
        }
    }

    /// The number of bytes that were checked.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Checks an object of the message `M`. `field` gets the name of each field, and checks its
    /// value.
    #[inline]
    pub(crate) fn object<M: Message>(
        &mut self,
        mut field: impl FnMut(&[u8], &mut Self) -> Option<()>,
    ) -> Option<()> {
        let mut missing = (1_u64 << M::REQUIRED.len()) - 1;
        self.fields(|name, scan| {
            let mut required = M::REQUIRED.iter();
            if let Some(index) = required.position(|required| required.as_bytes() == name) {
                missing &= !(1 << index);
            }
            field(name, scan)
        })?;
        (missing == 0).then_some(())
    }

    fn fields(&mut self, mut field: impl FnMut(&[u8], &mut Self) -> Option<()>) -> Option<()> {
        self.enter(b'{')?;
        if !self.take(b'}') {
            loop {
                let name = self.name()?;
                field(name, self)?;
                if self.take(b'}') {
                    break;
                }
                self.expect(b",")?;
            }
        }
        self.depth -= 1;
        Some(())
    }

    /// Checks an array.
    pub(super) fn list(&mut self, element: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
        self.enter(b'[')?;
        if !self.take(b']') {
            loop {
                element(self)?;
                if self.take(b']') {
                    break;
                }
                self.expect(b",")?;
            }
        }
        self.depth -= 1;
        Some(())
    }

    /// Checks a text of this kind.
    pub(crate) fn quoted(&mut self, kind: Kind, slot: u8) -> Option<()> {
        self.expect(b"\"")?;
        self.leaf(kind, slot)?;
        self.expect(b"\"")
    }

    /// Checks a value of this kind, without quotes.
    #[inline]
    pub(super) fn leaf(&mut self, kind: Kind, slot: u8) -> Option<()> {
        let start = self.at;
        self.at = kind.end(self.text, start)?;
        self.leaves.push(Leaf {
            start: u32::try_from(start).ok()?,
            end: u32::try_from(self.at).ok()?,
            kind,
            slot,
        });
        Some(())
    }

    /// Checks a value of any type.
    pub(crate) fn any(&mut self) -> Option<()> {
        match *self.text.get(self.at)? {
            b'{' => self.fields(|_, scan| scan.any()),
            b'[' => self.list(Self::any),
            b'"' => self.quoted(Kind::Text, 0),
            b't' | b'f' => self.bool(),
            b'n' => self.expect(b"null"),
            _ => self.leaf(Kind::Double, 0),
        }
    }

    pub(super) fn bool(&mut self) -> Option<()> {
        let value: &[u8] = match self.text.get(self.at)? {
            b't' => b"true",
            _ => b"false",
        };
        self.expect(value)
    }

    /// Passes these bytes.
    #[inline]
    pub(crate) fn expect(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.at + bytes.len();
        if self.text.get(self.at..end)? != bytes {
            return None;
        }
        self.at = end;
        Some(())
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    /// Passes the start of an object or an array.
    fn enter(&mut self, byte: u8) -> Option<()> {
        self.depth += 1;
        (self.depth <= DEPTH && self.take(byte)).then_some(())
    }

    /// The name of a field, without escapes.
    #[inline]
    fn name(&mut self) -> Option<&'a [u8]> {
        self.expect(b"\"")?;
        let rest = self.text.get(self.at..)?;
        let name = rest.get(..plain(rest))?;
        self.at += name.len();
        self.expect(b"\":")?;
        Some(name)
    }
}
