//! Checks a text by comparing it with another one that was checked.
//!
//! Most texts of a stream have the same fields, and differ only in a few values. Most of these values
//! even have the same length in each text. So a template knows how each value has differed so far.
//! A value of constant length is compared together with the bytes around it, by the bytes that it may
//! have at each position (`layout.rs`). Other values that have differed are checked alone. If other
//! bytes differ, and these are in a value, then more is allowed for that value from now on.

use std::ops::Range;

use crate::json::check::{Leaf, Scan};
use crate::json::text::{Kind, plain};

use super::layout::Layout;

/// The number of texts that are compared with.
const TEMPLATES: usize = 4;

/// A template takes several times as long as a check. So there is at most one for this number of
/// texts without a template.
const TEXTS: usize = 8;

/// The values that a caller can read, by their slots.
pub(super) const SLOTS: usize = 6;

/// What was found for a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// The range of the text. It is empty at 0 for a value that is missing.
    pub(super) start: u32,
    pub(super) end: u32,
    /// The number of a name.
    pub(super) number: i32,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) length: usize,
    /// By slot. The first one has no meaning.
    pub(super) values: [Value; SLOTS],
}

impl Found {
    /// The range of the value of `slot`, if there is one.
    pub(super) fn range(&self, slot: u8) -> Option<Range<usize>> {
        let Value { start, end, .. } = self.values[usize::from(slot)];
        (start > 0).then_some(start as usize..end as usize)
    }
}

/// The templates of a stream.
#[derive(Debug)]
pub(super) struct Templates {
    check: fn(&mut Scan<'_>) -> Option<()>,
    all: Vec<Template>,
    /// The number of texts without a template.
    unknown: usize,
    /// Kept for its memory.
    leaves: Vec<Leaf>,
    /// Of the last text.
    found: Found,
}

/// A text to compare with.
#[derive(Debug)]
struct Template {
    text: Vec<u8>,
    leaves: Vec<(Leaf, Differs)>,
    /// The text in parts.
    segments: Vec<Segment>,
}

/// How a value has differed so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Differs {
    Not,
    /// In its digits.
    Digits,
    /// In its bytes, which are plain.
    Bytes,
    /// In its length, or in other ways. It is checked alone.
    Length,
}

/// Bytes that are compared together, and the value after them that is checked alone.
#[derive(Debug, Default)]
struct Segment {
    start: usize,
    layout: Layout,
    /// Where the values that [differ in their bytes](Differs::Bytes) are in it.
    varying: Vec<Range<usize>>,
    /// The values in it that the caller reads, with their slots.
    values: Vec<(u8, Value)>,
    /// `None` at the end of the text.
    next: Option<Alone>,
}

/// A value that is checked alone.
#[derive(Debug)]
struct Alone {
    kind: Kind,
    slot: u8,
    /// The value in the template, with the byte after it.
    value: Range<usize>,
    /// The number of this value, if it is a name.
    number: i32,
}

impl Templates {
    /// `check` checks a text, and gives each value that the caller reads a slot.
    pub(super) fn new(check: fn(&mut Scan<'_>) -> Option<()>) -> Self {
        Self {
            check,
            all: Vec::new(),
            unknown: 0,
            leaves: Vec::new(),
            found: Found::default(),
        }
    }

    /// Checks the value at the start of `text`.
    pub(super) fn find(&mut self, text: &[u8]) -> Option<&Found> {
        let found = &mut self.found;
        let mut templates = self.all.iter_mut();
        match templates.position(|template| template.find(text, found).is_some()) {
            Some(0) => {}
            // The next text is probably similar.
            Some(index) => self.all.swap(0, index),
            None => {
                self.found = self.check(text)?;
                if self.unknown.is_multiple_of(TEXTS) {
                    self.all.truncate(TEMPLATES - 1);
                    let template = Template::new(&text[..self.found.length], &self.leaves);
                    self.all.insert(0, template);
                }
                self.unknown += 1;
            }
        }
        Some(&self.found)
    }

    /// The number of texts that were checked without a template.
    #[cfg(test)]
    pub(super) fn checked(&self) -> usize {
        self.unknown
    }

    /// Checks the value without a template.
    fn check(&mut self, text: &[u8]) -> Option<Found> {
        self.leaves.clear();
        let mut scan = Scan::new(text, &mut self.leaves);
        (self.check)(&mut scan)?;
        let mut found = Found {
            length: scan.position(),
            ..Found::default()
        };
        for leaf in &self.leaves {
            let value = &mut found.values[usize::from(leaf.slot)];
            if leaf.slot > 0 {
                // The last of two equal fields counts. The caller decodes such a message.
                if value.start > 0 {
                    return None;
                }
                *value = Value {
                    start: leaf.start,
                    end: leaf.end,
                    number: number(leaf, text),
                };
            }
        }
        Some(found)
    }
}

/// The number of a name.
fn number(leaf: &Leaf, text: &[u8]) -> i32 {
    let name = text.get(leaf.start as usize..leaf.end as usize);
    let name = name.and_then(|name| std::str::from_utf8(name).ok());
    match (leaf.kind, name) {
        (Kind::Name(number), Some(name)) => number(name).unwrap_or_default(),
        _ => 0,
    }
}

impl Template {
    /// A template of a text that was checked, with these values.
    fn new(text: &[u8], leaves: &[Leaf]) -> Self {
        let mut template = Self {
            text: text.to_vec(),
            leaves: leaves.iter().map(|leaf| (*leaf, Differs::Not)).collect(),
            segments: Vec::new(),
        };
        template.arrange();
        template
    }

    /// Sets the segments according to how the values differ.
    fn arrange(&mut self) {
        self.segments.clear();
        let mut segment = Segment::default();
        for (leaf, differs) in &self.leaves {
            let (start, end) = (leaf.start as usize, leaf.end as usize);
            let (value, number) = (&self.text[start..end], number(leaf, &self.text));
            segment.add_until(start, &self.text);
            match differs {
                Differs::Not => segment.layout.add(value),
                Differs::Digits => segment.layout.add_digits(value, is_number(leaf)),
                Differs::Bytes => {
                    segment.layout.add_plain(value);
                    let range = start - segment.start..end - segment.start;
                    segment.varying.push(range);
                }
                Differs::Length => {
                    segment.next = Some(Alone {
                        kind: leaf.kind,
                        slot: leaf.slot,
                        value: start..end + 1,
                        number,
                    });
                    self.segments.push(segment);
                    segment = Segment {
                        start: end,
                        ..Segment::default()
                    };
                    continue;
                }
            }
            if leaf.slot > 0 {
                let (start, end) = (leaf.start, leaf.end);
                let value = Value { start, end, number };
                segment.values.push((leaf.slot, value));
            }
        }
        segment.add_until(self.text.len(), &self.text);
        self.segments.push(segment);
    }

    /// Compares with `text`. `None` if something else than the values differs, or if a value is
    /// invalid.
    fn find(&mut self, text: &[u8], found: &mut Found) -> Option<()> {
        // Positions are cut to their size.
        u32::try_from(text.len()).ok()?;
        loop {
            match self.compare(text, found) {
                Ok(()) => return Some(()),
                Err(position) => self.differs_at(position?)?,
            }
        }
    }

    /// As [`find`](Self::find). The error is the position in the template of the first byte that
    /// differs, unless a value is invalid.
    #[inline]
    fn compare(&self, text: &[u8], found: &mut Found) -> Result<(), Option<usize>> {
        *found = Found::default();
        let mut at = 0;
        for segment in &self.segments {
            at = segment.pass(text, at, found)?;
            let Some(next) = &segment.next else { break };
            let (start, (end, number)) = (at, self.check(next, text, at).ok_or(None)?);
            at = end;
            if next.slot > 0 {
                let (start, end) = (start as u32, end as u32);
                found.values[usize::from(next.slot)] = Value { start, end, number };
            }
        }
        found.length = at;
        Ok(())
    }

    /// The end of the value that starts at `start` in `text`, and its number if it is a name.
    #[inline]
    fn check(&self, value: &Alone, text: &[u8], start: usize) -> Option<(usize, i32)> {
        let Kind::Name(number) = value.kind else {
            return Some((value.kind.end(text, start)?, 0));
        };
        // With the quote after it.
        let same = &self.text[value.value.clone()];
        if text.get(start..)?.starts_with(same) {
            return Some((start + same.len() - 1, value.number));
        }
        let end = value.kind.end(text, start)?;
        let name = std::str::from_utf8(&text[start..end]).ok()?;
        Some((end, number(name)?))
    }

    /// Allows more for the value around this position. `None` if the position is in no value, or if
    /// the value is checked alone.
    #[cold]
    fn differs_at(&mut self, position: usize) -> Option<()> {
        // A shorter or longer value differs at its end.
        let around = |leaf: &Leaf| leaf.start as usize <= position && position <= leaf.end as usize;
        let (leaf, differs) = self.leaves.iter_mut().find(|(leaf, _)| around(leaf))?;
        let value = &self.text[leaf.start as usize..leaf.end as usize];
        let is_text = matches!(leaf.kind, Kind::Text | Kind::Plain) && plain(value) == value.len();
        *differs = match differs {
            Differs::Not if is_text || is_number(leaf) => Differs::Digits,
            Differs::Digits if is_text => Differs::Bytes,
            Differs::Length => return None,
            _ => Differs::Length,
        };
        self.arrange();
        Some(())
    }
}

impl Segment {
    /// Adds the bytes of the template's `text` up to this position.
    fn add_until(&mut self, position: usize, text: &[u8]) {
        self.layout
            .add(&text[self.start + self.layout.len()..position]);
    }

    /// The position in `text` after the bytes of this segment, which are expected at `at`. The error is
    /// the position in the template of the first byte that differs.
    #[inline]
    fn pass(&self, text: &[u8], at: usize, found: &mut Found) -> Result<usize, Option<usize>> {
        let rest = text.get(at..).unwrap_or_default();
        if !self.layout.fits(rest) || self.escapes(rest) {
            return Err(self.first_outside(rest));
        }
        for (slot, value) in &self.values {
            let moved = |position| (position as usize - self.start + at) as u32;
            found.values[usize::from(*slot)] = Value {
                start: moved(value.start),
                end: moved(value.end),
                number: value.number,
            };
        }
        Ok(at + self.layout.len())
    }

    #[cold]
    fn first_outside(&self, rest: &[u8]) -> Option<usize> {
        let position = self.layout.first_outside(rest);
        position.map(|position| self.start + position)
    }

    /// Whether a value that varies contains an escape in `rest`, which fits to the layout.
    #[inline]
    fn escapes(&self, rest: &[u8]) -> bool {
        let mut varying = self.varying.iter();
        varying.any(|range| rest[range.clone()].contains(&b'\\'))
    }
}

fn is_number(leaf: &Leaf) -> bool {
    matches!(leaf.kind, Kind::Integer { .. } | Kind::Double)
}
