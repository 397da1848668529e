//! State shared by the driver's handles and its event loop.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use mesos_proto::v1::AgentId;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::calls::Caller;
use super::journal::{Journal, Receipt};
use super::session::{Facts, in_order};
use crate::StopReason;
use crate::backend::ExecutorApi;
use crate::capability::Capabilities;
use crate::error::Result;
use crate::lock;
use crate::runtime::Link;

/// The handle without the type of its inputs.
pub(super) type Handle = Arc<Shared>;

/// See the module.
pub(super) struct Shared {
    pub(super) link: Link<ExecutorApi>,
    pub(super) caller: Caller,
    pub(super) agent_id: Option<AgentId>,
    pub(super) capabilities: Capabilities,
    journal: Mutex<Journal>,
    /// There is an update to send.
    pub(super) unsent: Notify,
    /// The journal changed in a way that may let the driver end.
    pub(super) settled: Notify,
    /// Whether the executor is to end soon: nothing waits for the disk any more.
    hurry: watch::Sender<bool>,
    flush_timeout: Duration,
}

impl Shared {
    pub(super) fn new(
        caller: Caller,
        agent_id: Option<AgentId>,
        capabilities: Capabilities,
        journal: Journal,
        flush_timeout: Duration,
    ) -> Self {
        Self {
            link: Link::new(),
            caller,
            agent_id,
            capabilities,
            journal: Mutex::new(journal),
            unsent: Notify::new(),
            settled: Notify::new(),
            hurry: watch::Sender::new(false),
            flush_timeout,
        }
    }

    /// Whether a SHUTDOWN was received, or the executor shuts down for another reason.
    pub(super) fn hurry(&self, hurry: bool) {
        self.hurry.send_replace(hurry);
    }

    /// Waits until an entry is on disk. A disk that hangs must not stop the driver from
    /// ending, so an abort and a SHUTDOWN end the wait, and a stop limits the wait to the
    /// flush timeout. The entry is then in memory only. Cancel safe.
    pub(super) async fn stored(&self, receipt: Receipt) {
        let mut hurry = self.hurry.subscribe();
        let flushed = async {
            self.link.stop_requested().await;
            sleep(self.flush_timeout).await;
        };
        tokio::select! {
            biased;
            () = receipt.arrived() => {}
            _ = hurry.wait_for(|hurry| *hurry) => {}
            () = self.link.aborted() => {}
            () = self.link.ended() => {}
            () = flushed => {}
        }
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }

    /// The driver has ended.
    pub(super) fn finish(&self, end: Result<StopReason>) {
        let left = self.journal().close();
        // An update may have been made after the last check.
        let tasks = |end| {
            if end == StopReason::Stopped {
                0
            } else {
                left.tasks
            }
        };
        let end = match end {
            Ok(end @ (StopReason::Stopped | StopReason::ShutDown)) => {
                let left = Facts {
                    tasks: tasks(end),
                    ..left
                };
                in_order(end, left, None)
            }
            end => end,
        };
        self.link.finish(end);
    }
}
