//! The handle through which an executor talks to its agent.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use mesos_proto::v1::executor::call::Update;
use mesos_proto::v1::{TaskInfo, TaskState, TaskStatus, task_status};
use tokio::sync::Notify;

use super::calls::Caller;
use super::journal::Journal;
use super::runtime::Runtime;
use super::{Executor, ExecutorEnvironment};
use crate::End;
use crate::backend::{Answer, Backend, ExecutorApi};
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::runtime::{Link, Stop};

/// A handle on a running executor driver. Cheap to clone; usable from any
/// task, inside and outside of handlers.
#[derive(Clone)]
pub struct ExecutorDriver(Arc<Shared>);

pub(super) struct Shared {
    pub(super) link: Link<ExecutorApi>,
    pub(super) caller: Caller,
    journal: Mutex<Journal>,
    /// Held while updates are put in line, so that their order there is that
    /// of the journal.
    line: tokio::sync::Mutex<()>,
    /// The journal changed in a way that may let the driver end.
    pub(super) settled: Notify,
}

impl Shared {
    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        // Nothing under this lock can panic half way; a poisoned one is whole.
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ExecutorDriver {
    /// Starts `executor` as a task of the current tokio runtime and returns at
    /// once.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start<E, B>(executor: E, environment: ExecutorEnvironment, backend: B) -> Self
    where
        E: Executor + 'static,
        B: Backend<ExecutorApi> + 'static,
    {
        let driver = Self(Arc::new(Shared {
            link: Link::new(),
            caller: Caller {
                framework_id: environment.framework_id.clone(),
                executor_id: environment.executor_id.clone(),
            },
            journal: Mutex::default(),
            line: tokio::sync::Mutex::default(),
            settled: Notify::new(),
        }));
        let runtime = Runtime::new(executor, environment, backend, driver.clone());
        tokio::spawn(runtime.run());
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

    /// Reports a task's state. Returns as soon as the update is kept: from
    /// then on the driver repeats it until the agent has acknowledged it,
    /// through any number of reconnects and in the order in which updates were
    /// made.
    ///
    /// `uuid`, `source`, `executor_id` and `timestamp` are filled in, whatever
    /// they were: the agent refuses an update in which they are wrong
    /// (`validateExecutorCall` in `src/common/validation.cpp`).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for TASK_STAGING, which only a master may send;
    /// [`ErrorKind::Closed`] after the driver's end. Nothing is kept then.
    pub async fn update(&self, mut status: TaskStatus) -> Result<()> {
        if status.state == TaskState::TaskStaging as i32 {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "an executor may not send TASK_STAGING (task `{}`); TASK_STARTING is the first",
                    status.task_id.value
                ),
            ));
        }
        let uuid = Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        status.uuid = Some(uuid);
        status.source = Some(task_status::Source::Executor as i32);
        status.executor_id = Some(self.0.caller.executor_id.clone());
        status.timestamp = Some(now());
        // An update after the end could never be delivered.
        if let Err(error) = self.0.link.calls()
            && error.kind() == ErrorKind::Closed
        {
            return Err(error);
        }
        self.0.journal().push(Update { status });
        self.send_unsent().await;
        Ok(())
    }

    /// Puts in line what was journaled and not sent on this subscription.
    pub(super) async fn send_unsent(&self) {
        let _line = self.0.line.lock().await;
        let Ok(calls) = self.0.link.calls() else {
            return; // The next SUBSCRIBE carries it.
        };
        loop {
            let next = self.0.journal().next_unsent();
            let Some(update) = next else { return };
            let uuid = update.status.uuid.clone();
            match calls.send(self.0.caller.update(update)).await {
                Ok(answer) => self.watch(answer, uuid),
                Err(error) => {
                    tracing::debug!(error = %crate::chain(&error), "update waits for a reconnect");
                    return;
                }
            }
        }
    }

    /// An update that the agent refuses will never be acknowledged: repeating
    /// it would only repeat the refusal.
    fn watch(&self, answer: Answer, uuid: Option<Bytes>) {
        let driver = self.clone();
        tokio::spawn(async move {
            if let Err(error) = answer.await
                && error.kind() == ErrorKind::Rejected
                && error.delivery() == Delivery::Refused
            {
                tracing::error!(error = %crate::chain(&error), "the agent refused an update");
                driver
                    .0
                    .journal()
                    .forget(uuid.as_deref().unwrap_or_default());
                driver.0.settled.notify_one();
            }
        });
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
    /// once; wait with [`join`](Self::join), for at most 60 s while the agent
    /// does not answer. Events go on to be delivered until then.
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
    /// What ended the driver, if it was not asked to end: the agent refused
    /// it, or stayed away for longer than the recovery timeout; a panic.
    pub async fn join(&self) -> Result<End> {
        self.0.link.join().await
    }

    pub(super) fn launched(&self, task: &TaskInfo) {
        self.0.journal().launched(task.clone());
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
