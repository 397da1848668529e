//! State shared by the driver's handles and its event loop.

use std::sync::{Arc, Mutex, MutexGuard};

use mesos_proto::v1::AgentId;
use tokio::sync::Notify;

use super::calls::Caller;
use super::journal::Journal;
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
}

impl Shared {
    pub(super) fn new(
        caller: Caller,
        agent_id: Option<AgentId>,
        capabilities: Capabilities,
        journal: Journal,
    ) -> Self {
        Self {
            link: Link::new(),
            caller,
            agent_id,
            capabilities,
            journal: Mutex::new(journal),
            unsent: Notify::new(),
            settled: Notify::new(),
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
