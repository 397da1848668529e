//! Aligned tables, which are shortened on narrow terminals.

use anstyle::Style;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The space between two columns.
pub(crate) const GAP: usize = 2;
/// No column is shortened to less than this.
const LEAST: usize = 6;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    right: bool,
    wide: bool,
}

impl Column {
    /// A column of text.
    pub(crate) const fn text(title: &'static str) -> Self {
        Self {
            title,
            right: false,
            wide: false,
        }
    }

    /// A column of numbers, which are aligned on the right.
    pub(crate) const fn number(title: &'static str) -> Self {
        Self {
            title,
            right: true,
            wide: false,
        }
    }

    /// The same column, which only `-o wide` shows.
    pub(crate) const fn wide(self) -> Self {
        Self { wide: true, ..self }
    }

    pub(crate) const fn title(&self) -> &'static str {
        self.title
    }

    pub(crate) const fn is_number(&self) -> bool {
        self.right
    }
}

/// One value of a table.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A value with a style.
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Self {
        let text: String = text.into();
        Self {
            // Text from a cluster must not control the terminal, and a cell is one line.
            text: text.chars().map(visible).collect(),
            style,
        }
    }

    /// The text without its style.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn style(&self) -> Style {
        self.style
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The complete text with its style.
    pub(super) fn whole(&self) -> String {
        format!("{}{}{:#}", self.style, self.text, self.style)
    }

    /// The text in exactly `width` columns, except at the end of a line.
    fn pad(&self, width: usize, right: bool, last: bool) -> String {
        let text = shorten(&self.text, width);
        let space = " ".repeat(width.saturating_sub(text.width()));
        let style = self.style;
        match (right, last) {
            (true, _) => format!("{space}{style}{text}{style:#}"),
            (false, true) => format!("{style}{text}{style:#}"),
            (false, false) => format!("{style}{text}{style:#}{space}"),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::new())
    }
}

/// The character, or a replacement for one that controls the terminal.
pub(crate) fn visible(character: char) -> char {
    if character.is_control() {
        char::REPLACEMENT_CHARACTER
    } else {
        character
    }
}

/// Rows under titles.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<(String, Vec<Cell>)>,
}

impl Table {
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with a value for each column. `name` is what `-o name` prints.
    pub(crate) fn row(
        &mut self,
        name: impl Into<String>,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) {
        let cells = cells.into_iter().map(Into::into).collect();
        self.rows.push((name.into(), cells));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The names of the rows, one on each line.
    pub(crate) fn names(&self) -> String {
        self.rows
            .iter()
            .map(|(name, _)| format!("{name}\n"))
            .collect()
    }

    /// The table as text. With a `limit`, long values are shortened so that a line has at most that
    /// many columns.
    pub(crate) fn render(&self, headers: bool, wide: bool, limit: Option<usize>) -> String {
        let shown: Vec<_> = (0..self.columns.len())
            .filter(|index| wide || !self.columns[*index].wide)
            .collect();
        let titles: Vec<Cell> = self
            .columns
            .iter()
            .map(|column| Cell::styled(column.title, Style::new().bold()))
            .collect();
        let headers = headers.then_some(&titles);
        let rows = self.rows.iter().map(|(_, cells)| cells);
        let lines: Vec<_> = headers.into_iter().chain(rows).collect();
        let mut widths: Vec<_> = shown
            .iter()
            .map(|&index| {
                let cells = lines.iter().filter_map(|line| line.get(index));
                cells.map(|cell| cell.text.width()).max().unwrap_or(0)
            })
            .collect();
        let kept = limit.map_or(shown.len(), |limit| fit(&mut widths, limit));
        let mut text = String::new();
        for line in lines {
            for (position, &index) in shown[..kept].iter().enumerate() {
                let last = position + 1 == kept;
                if let Some(cell) = line.get(index) {
                    text.push_str(&cell.pad(widths[position], self.columns[index].right, last));
                }
                if !last {
                    text.push_str(&" ".repeat(GAP));
                }
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        text
    }
}

/// Reduces the widths until a line fits into `limit`; returns how many columns remain. The widest
/// column becomes narrower first. Columns on the right are omitted if that is not enough.
pub(crate) fn fit(widths: &mut Vec<usize>, limit: usize) -> usize {
    let total =
        |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    while total(widths) > limit {
        let excess = total(widths) - limit;
        match widths.iter().enumerate().max_by_key(|(_, width)| **width) {
            Some((index, &width)) if width > LEAST => {
                let next = widths.iter().copied().filter(|other| *other < width).max();
                let floor = next.unwrap_or(LEAST).max(LEAST);
                // Down to the next narrower column, so that equally wide ones share the loss.
                let step = if widths.iter().filter(|other| **other == width).count() > 1 {
                    1
                } else {
                    (width - floor).max(1)
                };
                widths[index] = width - step.min(excess);
            }
            Some(_) if widths.len() > 1 => {
                widths.pop();
            }
            Some((index, _)) => {
                widths[index] = limit.max(1);
                break;
            }
            None => break,
        }
    }
    widths.len()
}

/// The text in at most `width` columns. The middle is omitted, because the ends of ids differ.
pub(crate) fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let budget = width.saturating_sub(1);
    let start = take(text.chars(), budget.div_ceil(2));
    let end = take(text.chars().rev(), budget / 2);
    let end: String = end.chars().rev().collect();
    format!("{start}…{end}")
}

/// The first characters that fit into `budget` columns.
fn take(characters: impl Iterator<Item = char>, mut budget: usize) -> String {
    characters
        .take_while(|character| {
            let width = character.width().unwrap_or(0);
            let fits = width <= budget;
            budget = budget.saturating_sub(width);
            fits
        })
        .collect()
}
