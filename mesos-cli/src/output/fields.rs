//! The description of one object: labels with values.

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::table::Cell;

/// Labels with values, aligned under each other.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, Cell)>);

impl Fields {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a value, unless it is empty.
    pub(crate) fn add(&mut self, label: impl Into<String>, value: impl Into<Cell>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.push((label.into(), value));
        }
    }

    /// One line for each value. Long values are not shortened.
    pub(crate) fn render(&self) -> String {
        let widths = self.0.iter().map(|(label, _)| label.width());
        let width = widths.max().unwrap_or(0) + 1;
        let bold = Style::new().bold();
        let lines = self.0.iter().map(|(label, value)| {
            let space = " ".repeat(width - label.width());
            format!("{bold}{label}:{bold:#}{space}{}\n", value.whole())
        });
        lines.collect()
    }
}
