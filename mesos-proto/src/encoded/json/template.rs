//! Checks a text by comparing it with another one that was checked.
//!
//! Most texts of a stream have the same fields, and differ only in a few values. So a template knows
//! which values have differed so far, and from which byte on. To check a text, the bytes between these
//! values are compared, and each of these values is checked alone. If other bytes differ, and these
//! are in a value, then that value differs from now on.

use crate::json::check::{Leaf, Scan};
use crate::json::text::{Kind, plain};

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
    pub(super) fn range(&self, slot: u8) -> Option<std::ops::Range<usize>> {
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
}

/// A text to compare with.
#[derive(Debug)]
struct Template {
    text: Vec<u8>,
    leaves: Vec<(Leaf, Same)>,
    /// The values that have differed so far, or that the caller reads.
    runs: Vec<Run>,
    /// Where the bytes after the last of these values start.
    tail: usize,
}

/// The number of bytes at the start of a value that have not differed so far. `None` for a value that
/// has not differed at all, and that the caller does not read.
type Same = Option<usize>;

/// A value, and the bytes before it.
#[derive(Debug)]
struct Run {
    /// With the bytes of the value that have not differed.
    before: std::ops::Range<usize>,
    same: usize,
    kind: Kind,
    slot: u8,
    /// The value in the template, if it is a name, and its number.
    name: std::ops::Range<usize>,
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
        }
    }

    /// Checks the value at the start of `text`.
    pub(super) fn find(&mut self, text: &[u8]) -> Option<Found> {
        for index in 0..self.all.len() {
            if let Some(found) = self.all[index].find(text) {
                // The next text is probably similar.
                if index > 0 {
                    self.all.swap(0, index);
                }
                return Some(found);
            }
        }
        let found = self.check(text)?;
        if self.unknown.is_multiple_of(TEXTS) {
            self.all.truncate(TEMPLATES - 1);
            let template = Template::new(&text[..found.length], &self.leaves);
            self.all.insert(0, template);
        }
        self.unknown += 1;
        Some(found)
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
            leaves: Vec::new(),
            runs: Vec::new(),
            tail: 0,
        };
        let same = |leaf: &Leaf| (leaf.slot > 0).then(|| template.same(leaf, leaf.end as usize));
        template.leaves = leaves.iter().map(|leaf| (*leaf, same(leaf))).collect();
        template.set_runs();
        template
    }

    /// How many bytes of a value that differs at this position are the same. Only the rest of a
    /// plain text can be checked alone.
    fn same(&self, leaf: &Leaf, position: usize) -> usize {
        match leaf.kind {
            Kind::Text | Kind::Plain => plain(&self.text[leaf.start as usize..position]),
            _ => 0,
        }
    }

    fn set_runs(&mut self) {
        self.runs.clear();
        self.tail = 0;
        for (leaf, same) in &self.leaves {
            let Some(same) = *same else { continue };
            let (start, end) = (leaf.start as usize, leaf.end as usize);
            self.runs.push(Run {
                before: self.tail..start + same,
                same,
                kind: leaf.kind,
                slot: leaf.slot,
                name: start..end + 1,
                number: number(leaf, &self.text),
            });
            self.tail = end;
        }
    }

    fn find(&mut self, text: &[u8]) -> Option<Found> {
        loop {
            match self.compare(text) {
                Ok(found) => return Some(found),
                Err(position) => self.differs_at(position?)?,
            }
        }
    }

    /// Compares with `text`. The error is the position in the template of the first byte that
    /// differs, unless a value is invalid.
    fn compare(&self, text: &[u8]) -> Result<Found, Option<usize>> {
        let mut found = Found::default();
        let mut at = 0;
        for run in &self.runs {
            at = self.pass(text, at, &run.before)?;
            let end = match run.kind {
                Kind::Name(number) => {
                    // With the quote after it.
                    let same = &self.text[run.name.clone()];
                    if text.get(at..).is_some_and(|rest| rest.starts_with(same)) {
                        found.values[usize::from(run.slot)].number = run.number;
                        at + same.len() - 1
                    } else {
                        let end = run.kind.end(text, at).ok_or(None)?;
                        let name = std::str::from_utf8(&text[at..end]).ok();
                        let number = name.and_then(number).ok_or(None)?;
                        found.values[usize::from(run.slot)].number = number;
                        end
                    }
                }
                kind => kind.end(text, at).ok_or(None)?,
            };
            let value = &mut found.values[usize::from(run.slot)];
            (value.start, value.end) = ((at - run.same) as u32, end as u32);
            at = end;
        }
        found.length = self.pass(text, at, &(self.tail..self.text.len()))?;
        found.values[0] = Value::default();
        // The positions were cut to their size.
        u32::try_from(found.length).map_err(|_| None)?;
        Ok(found)
    }

    /// The position in `text` after the bytes of this range, which are expected at `at`.
    #[inline]
    fn pass(
        &self,
        text: &[u8],
        at: usize,
        range: &std::ops::Range<usize>,
    ) -> Result<usize, Option<usize>> {
        let expected = &self.text[range.clone()];
        let rest = text.get(at..).unwrap_or_default();
        if rest.starts_with(expected) {
            return Ok(at + expected.len());
        }
        let mut pairs = rest.iter().zip(expected);
        Err(pairs
            .position(|(byte, expected)| byte != expected)
            .map(|position| range.start + position))
    }

    /// The value around this position differs from here on. `None` if the position is in no value,
    /// or if the value differed there before.
    #[cold]
    fn differs_at(&mut self, position: usize) -> Option<()> {
        // A shorter or longer value differs at its end.
        let around = |leaf: &Leaf| leaf.start as usize <= position && position <= leaf.end as usize;
        let index = self.leaves.iter().position(|(leaf, _)| around(leaf))?;
        let (leaf, before) = &self.leaves[index];
        let same = self.same(leaf, position);
        if before.is_some_and(|before| before <= same) {
            return None;
        }
        self.leaves[index].1 = Some(same);
        self.set_runs();
        Some(())
    }
}
