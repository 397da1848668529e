//! The results of a row, and the table of rows.

use std::fmt::Write as _;
use std::time::Duration;

use mesos_http::Codec;

use crate::fault::Fault;

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) peer: &'static str,
    pub(crate) fault: Fault,
    pub(crate) codec: Codec,
    pub(crate) injected: u64,
    pub(crate) tasks: u64,
    /// Distinct updates, as the peer counts them.
    pub(crate) sent: u64,
    /// The updates that a handler has handled.
    pub(crate) handled: u64,
    /// The updates of which only a garbled copy was handled.
    pub(crate) garbled: u64,
    pub(crate) acknowledged: u64,
    /// Updates that arrived again.
    pub(crate) repeated: u64,
    pub(crate) reconnects: u64,
    pub(crate) time: Duration,
    /// The driver's end, if it ended before the stop.
    pub(crate) end: Option<String>,
}

impl Row {
    pub(crate) fn order(&self) -> (&'static str, Fault, &'static str) {
        (self.peer, self.fault, self.codec.media_type())
    }

    fn lost(&self) -> u64 {
        self.sent - self.handled - self.garbled
    }

    /// The reason why the row is bad.
    pub(crate) fn wrong(&self) -> Option<String> {
        let what = if let Some(end) = &self.end {
            format!("the driver has ended: {end}")
        } else if self.lost() > 0 {
            format!("{} updates were lost", self.lost())
        } else if self.acknowledged < self.sent {
            format!(
                "{} updates were not acknowledged",
                self.sent - self.acknowledged
            )
        } else if self.sent == 0 || (self.injected == 0 && self.fault != Fault::Nothing) {
            "no update was sent".to_owned()
        } else {
            return None;
        };
        Some(format!(
            "{}: {what}",
            name(self.peer, self.fault, self.codec)
        ))
    }
}

/// The name of a row.
pub(crate) fn name(peer: &str, fault: Fault, codec: Codec) -> String {
    format!("{peer}, {}, {}", fault.name(), codec.media_type())
}

/// The table, in Markdown.
pub(crate) fn print(rows: &[Row]) -> String {
    let mut text =
        "| peer | fault | encoding | faults | tasks | sent | handled | garbled | acknowledged | \
                    lost | repeated | reconnects | time |\n\
                    |---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
    for row in rows {
        let encoding = row.codec.media_type().rsplit(['/', '-']).next();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1} s |",
            row.peer,
            row.fault.name(),
            encoding.unwrap_or_default(),
            row.injected,
            row.tasks,
            row.sent,
            row.handled,
            row.garbled,
            row.acknowledged,
            row.lost(),
            row.repeated,
            row.reconnects,
            row.time.as_secs_f64(),
        );
    }
    text
}
