//! Delayed actions: one task that waits until the next action is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Weak;
use std::time::Duration;

use mesos_proto::v1::{AgentId, FrameworkId, OperationId, TaskId};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::{Inner, Stream};

/// A delayed action.
pub(crate) enum Action {
    /// A stream has ended, on either side.
    StreamClosed(Stream),
    /// Sends the next heartbeat of a stream.
    Heartbeat(Stream),
    /// Offers free resources.
    Allocate,
    /// A filter has expired.
    FilterExpired,
    /// Removes a framework that is still disconnected since its `absence`.
    FailoverTimeout(FrameworkId, u64),
    /// Reports the next state of a task, unless the task was killed meanwhile.
    Step {
        framework_id: FrameworkId,
        task_id: TaskId,
        life: u64,
        step: usize,
    },
    /// Ends the grace period of a kill.
    Killed(FrameworkId, TaskId, u64),
    /// Sends an unacknowledged update again.
    Resend {
        framework_id: FrameworkId,
        task_id: TaskId,
        /// The number of the previous attempt to send updates of the task.
        sending: u64,
        wait: Duration,
    },
    /// Sends the status of an operation again.
    ResendOperation {
        framework_id: FrameworkId,
        operation_id: OperationId,
        wait: Duration,
    },
    /// Sends a declined inverse offer again.
    InverseOffer(FrameworkId, AgentId),
}

/// Schedules actions.
#[derive(Clone)]
pub(crate) struct Clock(mpsc::UnboundedSender<(Instant, Action)>);

/// Receives the scheduled actions.
pub(crate) struct Due(mpsc::UnboundedReceiver<(Instant, Action)>);

struct Timer {
    at: Instant,
    /// Keeps actions that are due at the same time in order.
    number: u64,
    action: Action,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl Clock {
    pub(crate) fn new() -> (Self, Due) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), Due(receiver))
    }

    pub(crate) fn after(&self, delay: Duration, action: Action) {
        // The receiver is gone after the master has stopped.
        let at = Instant::now();
        let at = at
            .checked_add(delay)
            .unwrap_or(at + Duration::from_secs(86_400 * 365));
        let _ = self.0.send((at, action));
    }

    pub(crate) fn now(&self, action: Action) {
        self.after(Duration::ZERO, action);
    }
}

impl Due {
    /// Executes actions when they are due, until the master is gone.
    pub(crate) async fn run(mut self, master: Weak<Inner>) {
        let mut timers: BinaryHeap<Reverse<Timer>> = BinaryHeap::new();
        let mut number = 0;
        loop {
            let next = timers.peek().map(|Reverse(timer)| timer.at);
            let due = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                handed_in = self.0.recv() => match handed_in {
                    Some((at, action)) => {
                        number += 1;
                        timers.push(Reverse(Timer { at, number, action }));
                    }
                    None => return,
                },
                () = due => {
                    let Some(master) = master.upgrade() else {
                        return;
                    };
                    if let Some(Reverse(timer)) = timers.pop() {
                        master.cluster().act(timer.action);
                    }
                }
            }
        }
    }
}
