//! The events that have arrived.

use std::cmp::Ordering;
use std::time::SystemTime;

use super::row::{Cell, Row, any_contains};
use crate::output::Column;

/// An event of the cluster.
#[derive(Clone, Debug)]
pub(crate) struct EventRow {
    /// Counts the events, because several can have the same time.
    key: String,
    time: String,
    r#type: &'static str,
    text: String,
}

impl EventRow {
    /// `number` is larger than those of earlier events.
    pub(crate) fn new(number: u64, time: SystemTime, r#type: &'static str, text: String) -> Self {
        let time = humantime::format_rfc3339_seconds(time).to_string();
        // The time of the day in 2026-11-28T12:00:00Z.
        let time = time.get(11..19).unwrap_or_default().to_owned();
        Self {
            key: format!("{number:020}"),
            time,
            r#type,
            text,
        }
    }
}

impl Row for EventRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("TIME"),
        Column::text("EVENT"),
        Column::text("DETAILS"),
    ];
    const SORT: (usize, bool) = (0, false);
    const FOLLOWS: bool = true;

    fn key(&self) -> &str {
        &self.key
    }

    fn cell(&self, column: usize, _: SystemTime) -> Cell {
        match column {
            0 => self.time.as_str().into(),
            1 => self.r#type.into(),
            _ => self.text.as_str().into(),
        }
    }

    fn order(&self, other: &Self, column: usize) -> Ordering {
        match column {
            1 => self.r#type.cmp(other.r#type),
            2 => self.text.cmp(&other.text),
            // In the order of arrival, also after midnight.
            _ => self.key.cmp(&other.key),
        }
    }

    fn contains(&self, text: &str) -> bool {
        any_contains([self.r#type, &self.text], text)
    }
}
