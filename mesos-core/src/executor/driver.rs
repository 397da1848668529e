//! The handle through which an executor talks to its agent.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use mesos_proto::v1::executor::call::Update;
use mesos_proto::v1::{AgentId, TaskStatus, task_status};
use tokio::sync::Notify;

use super::calls::Caller;
use super::journal::Journal;
use super::runtime::Runtime;
use super::session::{Facts, in_order};
use super::{Executor, ExecutorEnvironment, validate};
use crate::End;
use crate::backend::{Backend, ExecutorApi};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Link, Stop};

/// A handle on a running executor driver. Cheap to clone; usable from any
/// task, inside and outside of handlers.
#[derive(Clone)]
pub struct ExecutorDriver(Arc<Shared>);

pub(super) struct Shared {
    pub(super) link: Link<ExecutorApi>,
    pub(super) caller: Caller,
    agent_id: Option<AgentId>,
    journal: Mutex<Journal>,
    /// There is an update to be sent.
    pub(super) unsent: Notify,
    /// The journal changed in a way that may let the driver end.
    pub(super) settled: Notify,
}

impl Shared {
    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        // Nothing under this lock can panic half way; a poisoned one is whole.
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The driver has ended.
    pub(super) fn finish(&self, end: Result<End>) {
        let left = self.journal().close();
        // An update may have been made after the last look.
        let tasks = |end| if end == End::Stopped { 0 } else { left.tasks };
        let end = match end {
            Ok(end @ (End::Stopped | End::ShutDown)) => {
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

impl ExecutorDriver {
    /// Starts `executor` as a task of the current tokio runtime and returns at
    /// once, but for reading the [journal](ExecutorEnvironment::journal) where
    /// there is one on disk.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start<E, B>(executor: E, environment: ExecutorEnvironment, backend: B) -> Self
    where
        E: Executor + 'static,
        B: Backend<ExecutorApi> + 'static,
    {
        let caller = Caller {
            framework_id: environment.framework_id.clone(),
            executor_id: environment.executor_id.clone(),
        };
        let (journal, failure, opened) = match &environment.journal {
            None => (Journal::default(), None, Ok(())),
            Some(path) => match Journal::open(path, &caller) {
                Ok((journal, failure)) => (journal, Some(failure), Ok(())),
                Err(error) => (Journal::default(), None, Err(error)),
            },
        };
        let driver = Self(Arc::new(Shared {
            link: Link::new(),
            caller,
            agent_id: environment.agent_id.clone(),
            journal: Mutex::new(journal),
            unsent: Notify::new(),
            settled: Notify::new(),
        }));
        let runtime = Runtime::new(executor, environment, backend, driver.clone(), failure);
        tokio::spawn(runtime.run(opened));
        driver
    }

    /// [`start`](Self::start), then [`join`](Self::join).
    pub async fn run<E, B>(executor: E, environment: ExecutorEnvironment, backend: B) -> Result<End>
    where
        E: Executor + 'static,
        B: Backend<ExecutorApi> + 'static,
    {
        Self::start(executor, environment, backend).join().await
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0
    }

    /// Reports a task's state. Returns as soon as the update is kept, and,
    /// with a [journal](ExecutorEnvironment::journal), on disk: from then on
    /// the driver repeats it until the agent has acknowledged it, through any
    /// number of reconnects and in the order in which updates were made. What
    /// is kept is not bounded, as none of it may be lost: an executor without
    /// an agent should not make updates faster than its tasks have news.
    ///
    /// `uuid`, `source`, `executor_id`, `agent_id` and `timestamp` are filled
    /// in, whatever they were: the agent refuses an update in which they are
    /// wrong, or drops it (`validateExecutorCall` in
    /// `src/common/validation.cpp`, `statusUpdate` in `src/slave/slave.cpp`).
    ///
    /// Cancel safe: a future that was polled once has made the update.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what the agent would refuse: TASK_STAGING,
    /// which only a master may send, a state that this version does not know,
    /// a `check_status` that contradicts itself. [`ErrorKind::Closed`] after
    /// the driver's end. Nothing is kept then.
    pub async fn update(&self, mut status: TaskStatus) -> Result<()> {
        validate::status(&status)?;
        let uuid = Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        status.uuid = Some(uuid);
        status.source = Some(task_status::Source::Executor as i32);
        status.executor_id = Some(self.0.caller.executor_id.clone());
        // The agent drops an update with the id of another one, and never
        // acknowledges it.
        status.agent_id = self.0.agent_id.clone();
        status.timestamp = Some(now());
        let kept = self.0.journal().push(Update { status });
        let Some(receipt) = kept else {
            return Err(Error::new(ErrorKind::Closed, "the driver has stopped"));
        };
        self.0.unsent.notify_one();
        receipt.arrived().await;
        Ok(())
    }

    /// How many updates the agent has not acknowledged yet. Still there after
    /// the driver's end: what was lost then.
    pub fn unacknowledged(&self) -> usize {
        self.0.journal().facts().updates
    }

    /// How many tasks have had no terminal update yet.
    pub fn live_tasks(&self) -> usize {
        self.0.journal().facts().tasks
    }

    /// Sends bytes to the scheduler. Delivered at most once; may be lost.
    ///
    /// # Errors
    /// [`ErrorKind::NotSubscribed`] while disconnected, and others of a call.
    pub async fn message(&self, data: impl Into<Bytes>) -> Result<()> {
        let call = self.0.caller.message(data.into());
        self.0.link.calls()?.send(call).await?.await
    }

    /// Ends the driver after the agent has stored every update. Returns at
    /// once; wait with [`join`](Self::join), for at most the
    /// [flush timeout](ExecutorEnvironment::flush_timeout). Events go on to be
    /// delivered until then. Tasks are the executor's own affair: the agent
    /// reports those that had no terminal update as failed.
    pub fn stop(&self) {
        self.0.link.request_stop(Stop::Stop { failover: false });
    }

    /// Ends the driver at once. Updates that the agent has not acknowledged
    /// are lost.
    pub fn abort(&self) {
        self.0.link.request_stop(Stop::Abort);
    }

    /// Waits for the driver's end and says what ended it. Any number of
    /// callers may wait. Cancel safe.
    ///
    /// # Errors
    /// What ended the driver, if it was not asked to end, or could not end in
    /// order:
    /// * [`ErrorKind::Unacknowledged`]: stopped or shut down, but updates were
    ///   not acknowledged in time or were refused, or, after a SHUTDOWN, tasks
    ///   had not ended. How many is in the message, and in
    ///   [`unacknowledged`](Self::unacknowledged) and
    ///   [`live_tasks`](Self::live_tasks).
    /// * [`ErrorKind::AgentLost`], [`ErrorKind::RecoveryTimeout`],
    ///   [`ErrorKind::RegistrationTimeout`]: there was no agent.
    /// * [`ErrorKind::Unauthorized`], [`ErrorKind::Forbidden`],
    ///   [`ErrorKind::Rejected`] and others: the agent refused the executor.
    /// * [`ErrorKind::Store`]: the journal could not be read or written.
    /// * [`ErrorKind::Panicked`]: a handler panicked.
    /// * [`ErrorKind::Closed`]: the tokio runtime was shut down.
    pub async fn join(&self) -> Result<End> {
        self.0.link.join().await
    }
}

impl fmt::Debug for ExecutorDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutorDriver")
            .field("caller", &self.0.caller)
            .field("link", &self.0.link)
            .finish()
    }
}

/// Seconds since 1970, as Mesos writes timestamps.
fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
