//! The rows of one pane: sorted, filtered, and one of them selected.

use std::cmp::Ordering;
use std::ops::Range;
use std::time::SystemTime;

use super::row::{Cell, Row};
use crate::output::Column;

/// The rows of a pane.
#[derive(Debug)]
pub(crate) struct List<R> {
    rows: Vec<R>,
    /// The positions of the rows that the filter accepts, in the order of the pane.
    shown: Vec<usize>,
    order: Order,
    filter: String,
    /// The position of the selected row in `shown`.
    selected: usize,
    /// The key of the row that the user has selected. Without it, the selection stays at the first
    /// or, where new rows appear, at the last row.
    key: Option<String>,
    /// The position of the first visible row in `shown`.
    top: usize,
}

/// How the rows of a pane are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    column: usize,
    largest_first: bool,
}

impl Order {
    fn compare<R: Row>(self, a: &R, b: &R) -> Ordering {
        let order = a.order(b, self.column);
        let order = match self.largest_first {
            true => order.reverse(),
            false => order,
        };
        // Rows that are equal have an order, too, so that they do not jump.
        order.then_with(|| a.key().cmp(b.key()))
    }

    /// Sorts rows for a pane with this order, which then has little to do.
    pub(super) fn sort<R: Row>(self, rows: &mut [R]) {
        rows.sort_by(|a, b| self.compare(a, b));
    }
}

impl<R: Row> Default for List<R> {
    fn default() -> Self {
        let (column, largest_first) = R::SORT;
        Self {
            rows: Vec::new(),
            shown: Vec::new(),
            order: Order {
                column,
                largest_first,
            },
            filter: String::new(),
            selected: 0,
            key: None,
            top: 0,
        }
    }
}

impl<R: Row> List<R> {
    /// Replaces all rows. The selected row stays selected, wherever it is now.
    pub(crate) fn replace(&mut self, rows: Vec<R>) {
        self.rows = rows;
        self.arrange();
    }

    /// Adds a row at the end, and removes the first rows if there are more than `most`.
    pub(crate) fn push(&mut self, row: R, most: usize) {
        self.rows.push(row);
        let excess = self.rows.len().saturating_sub(most);
        self.rows.drain(..excess);
        self.arrange();
    }

    pub(crate) fn order(&self) -> Order {
        self.order
    }

    pub(crate) fn selected(&self) -> Option<&R> {
        self.shown
            .get(self.selected)
            .map(|index| &self.rows[*index])
    }

    fn arrange(&mut self) {
        let (order, rows) = (self.order, &self.rows);
        let wanted = self.filter.to_lowercase();
        let accepted = |index: &usize| wanted.is_empty() || rows[*index].contains(&wanted);
        self.shown = (0..rows.len()).filter(accepted).collect();
        self.shown
            .sort_by(|a, b| order.compare(&rows[*a], &rows[*b]));
        let last = self.shown.len().saturating_sub(1);
        let find = |key: &String| {
            self.shown
                .iter()
                .position(|index| rows[*index].key() == key)
        };
        self.selected = match &self.key {
            // The neighbor of a row that has disappeared.
            Some(key) => find(key).unwrap_or(self.selected).min(last),
            None if R::FOLLOWS => last,
            None => 0,
        };
    }
}

/// What the view needs of a list, whatever its rows are.
pub(crate) trait Pane {
    /// The numbers of rows that the filter accepts, and of all rows.
    fn counts(&self) -> (usize, usize);
    /// Moves the selection by a number of rows.
    fn step(&mut self, by: isize);
    /// Selects the first row.
    fn first(&mut self);
    /// Selects the last row.
    fn last(&mut self);
    /// Sorts by the next column.
    fn sort_next(&mut self);
    /// Sorts in the opposite direction.
    fn reverse(&mut self);
    /// The column that sorts, and whether the largest value is first.
    fn sorted_by(&self) -> (usize, bool);
    fn filter(&self) -> &str;
    /// Shows only the rows that contain the text, in any case.
    fn set_filter(&mut self, filter: String);
    fn columns(&self) -> &'static [Column];
    /// The rows that are visible in this height, which include the selected row; and the position
    /// of the selected row among them.
    fn window(&mut self, height: usize) -> (Range<usize>, usize);
    /// The values of a visible row.
    fn cells(&self, position: usize, now: SystemTime) -> Vec<Cell>;
}

impl<R: Row> List<R> {
    fn select(&mut self, position: usize) {
        self.selected = position.min(self.shown.len().saturating_sub(1));
        self.key = self.selected().map(|row| row.key().to_owned());
    }
}

impl<R: Row> Pane for List<R> {
    fn counts(&self) -> (usize, usize) {
        (self.shown.len(), self.rows.len())
    }

    fn step(&mut self, by: isize) {
        self.select(self.selected.saturating_add_signed(by));
        if R::FOLLOWS && self.selected + 1 == self.shown.len() {
            self.key = None;
        }
    }

    fn first(&mut self) {
        self.select(0);
        if !R::FOLLOWS {
            self.key = None;
        }
    }

    fn last(&mut self) {
        self.select(usize::MAX);
        if R::FOLLOWS {
            self.key = None;
        }
    }

    fn sort_next(&mut self) {
        let column = (self.order.column + 1) % R::COLUMNS.len();
        self.order = Order {
            column,
            // The largest numbers are what a user looks for.
            largest_first: R::COLUMNS[column].is_number(),
        };
        self.arrange();
    }

    fn reverse(&mut self) {
        self.order.largest_first = !self.order.largest_first;
        self.arrange();
    }

    fn sorted_by(&self) -> (usize, bool) {
        (self.order.column, self.order.largest_first)
    }

    fn filter(&self) -> &str {
        &self.filter
    }

    fn set_filter(&mut self, filter: String) {
        self.filter = filter;
        self.arrange();
    }

    fn columns(&self) -> &'static [Column] {
        R::COLUMNS
    }

    fn window(&mut self, height: usize) -> (Range<usize>, usize) {
        let height = height.max(1);
        let least = (self.selected + 1).saturating_sub(height);
        let most = self.shown.len().saturating_sub(height);
        self.top = self.top.clamp(least, self.selected.max(least)).min(most);
        let end = (self.top + height).min(self.shown.len());
        (self.top..end, self.selected - self.top.min(self.selected))
    }

    fn cells(&self, position: usize, now: SystemTime) -> Vec<Cell> {
        let row = &self.rows[self.shown[position]];
        (0..R::COLUMNS.len())
            .map(|column| row.cell(column, now))
            .collect()
    }
}
