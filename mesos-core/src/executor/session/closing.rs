//! The closing of a driver: what the driver waits for before its end, and the
//! result of `join`.

use std::fmt;
use std::time::Duration;

use crate::StopReason;
use crate::error::{Error, ErrorKind, Result};

/// The content of the journal, as numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::executor) struct Facts {
    /// Updates that the agent has not acknowledged.
    pub(in crate::executor) updates: usize,
    /// Tasks without a terminal update.
    pub(in crate::executor) tasks: usize,
    /// Updates that the agent rejected, which are not sent again.
    pub(in crate::executor) refused: usize,
}

/// Why the driver ends.
#[derive(Clone, Debug)]
pub(super) enum Why {
    /// The executor called `stop`.
    Stop,
    /// The agent sent SHUTDOWN.
    ShutDown,
    /// The driver cannot continue.
    Failed(Error),
}

#[derive(Clone, Debug)]
pub(super) struct Closing {
    pub(super) why: Why,
    /// The latest time of the end.
    pub(super) deadline: Duration,
}

impl Closing {
    /// The result, if there is nothing to wait for. `alone`: whether there is no
    /// agent that can send acknowledgements. `last`: the last error of the
    /// subscription.
    pub(super) fn end(
        &self,
        now: Duration,
        facts: Facts,
        alone: bool,
        last: Option<&Error>,
    ) -> Option<Result<StopReason>> {
        let flushed = facts.updates == 0 || alone;
        let ended = match self.why {
            Why::Stop => true,
            Why::ShutDown | Why::Failed(_) => facts.tasks == 0,
        };
        if !(flushed && ended) && now < self.deadline {
            return None;
        }
        Some(match &self.why {
            Why::Stop => in_order(StopReason::Stopped, Facts { tasks: 0, ..facts }, last),
            Why::ShutDown => in_order(StopReason::ShutDown, facts, last),
            Why::Failed(error) => Err(failed(error, facts)),
        })
    }
}

/// The requested end, or an error if updates or tasks are left.
pub(in crate::executor) fn in_order(
    end: StopReason,
    facts: Facts,
    last: Option<&Error>,
) -> Result<StopReason> {
    if facts == Facts::default() {
        return Ok(end);
    }
    let error = Error::new(
        ErrorKind::Unacknowledged,
        format!("{facts} when the executor ended"),
    );
    Err(match last {
        Some(last) => error.with_source(last.clone()),
        None => error,
    })
}

/// The failure, with the updates and tasks that are left.
fn failed(error: &Error, facts: Facts) -> Error {
    if facts == Facts::default() {
        return error.clone();
    }
    let text = format!("{facts} when the executor ended");
    let whole = Error::new(error.kind(), text).with_source(error.clone());
    match error.status() {
        Some(status) => whole.with_status(status),
        None => whole,
    }
}

/// `2 updates were not acknowledged, and 1 task had not ended`.
impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (
                self.updates,
                "update was",
                "updates were",
                "not acknowledged by the agent",
            ),
            (
                self.refused,
                "update was",
                "updates were",
                "rejected by the agent",
            ),
            (self.tasks, "task had", "tasks had", "not ended"),
        ];
        let mut before = "";
        for (count, one, many, what) in parts {
            if count > 0 {
                let noun = if count == 1 { one } else { many };
                write!(f, "{before}{count} {noun} {what}")?;
                before = ", ";
            }
        }
        Ok(())
    }
}
