//! What all panes with rows have in common.

use std::cmp::Ordering;
use std::time::SystemTime;

use crate::command::top::model::usage::Share;
use crate::output::{self, Column};

/// One line of a pane.
pub(crate) trait Row {
    const COLUMNS: &'static [Column];
    /// The column that sorts at first, and whether the largest value is first.
    const SORT: (usize, bool);
    /// Whether the selection stays at the end, where new rows appear.
    const FOLLOWS: bool = false;

    /// Identifies the row in all states of the cluster.
    fn key(&self) -> &str;

    /// The value in a column.
    fn cell(&self, column: usize, now: SystemTime) -> Cell;

    /// The order of two rows by a column.
    fn order(&self, other: &Self, column: usize) -> Ordering;

    /// Whether a part of the row contains the text, which is in lower case.
    fn contains(&self, text: &str) -> bool;
}

/// A value as the view shows it.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Text(output::Cell),
    /// A bar, if there is room, and the amounts as text.
    Bar(Share, String),
}

impl Cell {
    pub(crate) fn bar(share: Share, name: &str) -> Self {
        Self::Bar(share, share.text(name))
    }
}

impl<T: Into<output::Cell>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

/// Whether one of the parts contains the text, which is in lower case.
pub(crate) fn any_contains<'a>(parts: impl IntoIterator<Item = &'a str>, text: &str) -> bool {
    let mut parts = parts.into_iter();
    parts.any(|part| match part.is_ascii() && text.is_ascii() {
        // Without a copy, because a key can compare each of 100,000 rows.
        true => {
            let mut windows = part.as_bytes().windows(text.len().max(1));
            text.is_empty() || windows.any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
        }
        false => part.to_lowercase().contains(text),
    })
}

#[cfg(test)]
mod tests {
    use super::any_contains;

    #[test]
    fn a_text_is_found_in_any_case_and_any_language() {
        for (part, text, expected) in [
            ("Web-1", "web", true),
            ("a WEB", "web", true),
            ("we", "web", false),
            ("", "", true),
            ("x", "", true),
            ("Größe", "größe", true),
            ("GRÖSSE", "größe", false),
            ("Größe", "e", true),
        ] {
            assert_eq!(any_contains([part], text), expected, "{part} {text}");
        }
    }
}
