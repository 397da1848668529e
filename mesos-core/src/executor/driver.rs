//! The handle through which an executor talks to its agent.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use mesos_proto::v1::executor::call::Update;
use mesos_proto::v1::{FrameworkId, TaskStatus, task_status};
use tokio::sync::mpsc;

use super::calls::Caller;
use super::journal::{Failure, Journal};
use super::runtime::Runtime;
use super::shared::{Handle, Shared};
use super::{Executor, ExecutorEnvironment, validate};
use crate::StopReason;
use crate::backend::{Backend, ExecutorApi};
use crate::capability::Capabilities;
use crate::driver::{Claim, Driver, Running};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Stop, Timer, in_handler, input_closed, spawn};

/// A handle on a running executor driver. Cheap to clone; usable from any task, inside and
/// outside of handlers.
///
/// `M` is the type of the program's own messages to its executor, see [`send`](Self::send).
/// Executors without such messages use `ExecutorDriver`, which means `ExecutorDriver<()>`.
pub struct ExecutorDriver<M = ()> {
    handle: Handle,
    inputs: mpsc::UnboundedSender<M>,
}

impl<M: Send + 'static> ExecutorDriver<M> {
    /// Starts `executor` as a task of the current tokio runtime. Returns at once, except for
    /// reading the [journal](ExecutorEnvironment::journal) if there is one on disk. The result
    /// dereferences to an `ExecutorDriver`; clone it to get more handles.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn start<E, B>(
        executor: E,
        environment: ExecutorEnvironment,
        backend: B,
    ) -> Running<Self, E>
    where
        E: Executor<M> + 'static,
        B: Backend<ExecutorApi> + 'static,
    {
        let caller = Caller {
            framework_id: environment.framework_id.clone(),
            executor_id: environment.executor_id.clone(),
        };
        let opened = match &environment.journal {
            None => Ok((Journal::default(), None)),
            Some(path) => {
                let opened = Journal::open(path, &caller);
                opened.map(|(journal, failure)| (journal, Some(failure)))
            }
        };
        Self::start_with(executor, environment, backend, caller, opened)
    }

    /// Starts a driver with a journal, or with the error of opening the journal.
    #[track_caller]
    pub(super) fn start_with<E, B>(
        executor: E,
        environment: ExecutorEnvironment,
        backend: B,
        caller: Caller,
        opened: Result<(Journal, Option<Failure>)>,
    ) -> Running<Self, E>
    where
        E: Executor<M> + 'static,
        B: Backend<ExecutorApi> + 'static,
    {
        let (journal, failure, opened) = match opened {
            Ok((journal, failure)) => (journal, failure, Ok(())),
            // The driver ends with the error, and keeps no update until then.
            Err(error) => (Journal::closed(), None, Err(error)),
        };
        let (inputs, queue) = mpsc::unbounded_channel();
        let driver = Self {
            handle: Arc::new(Shared::new(
                caller,
                environment.agent_id.clone(),
                backend.capabilities(),
                journal,
                environment.flush_timeout,
            )),
            inputs,
        };
        let claim = Claim::new();
        let runtime = Runtime::new(executor, environment, backend, driver.clone(), failure);
        spawn(
            "ExecutorDriver::start",
            runtime.run(opened, queue, claim.clone()),
        );
        Running::new(driver, claim)
    }

    /// [`start`](Self::start), then [`join`](Self::join).
    ///
    /// # Errors
    /// Those of [`join`](Self::join).
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn run<E, B>(
        executor: E,
        environment: ExecutorEnvironment,
        backend: B,
    ) -> Result<StopReason>
    where
        E: Executor<M> + 'static,
        B: Backend<ExecutorApi> + 'static,
    {
        Self::start(executor, environment, backend).join().await
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Sends an update of a task's state to the agent. Returns as soon as the update is kept,
    /// and on disk if there is a [journal](ExecutorEnvironment::journal). From then on the
    /// driver repeats the update until the agent has acknowledged it, through any number of
    /// reconnects, and in the order in which the updates were made. The number of kept updates
    /// is not bounded, because none may be lost: an executor without an agent should send
    /// updates only for changes of its tasks. If the disk fails, the driver keeps the update in
    /// memory, calls `shutdown`, and ends with [`ErrorKind::Store`]. After an abort or a SHUTDOWN
    /// this no longer waits for the disk, which may hang.
    ///
    /// The driver fills in `uuid`, `source`, `executor_id`, `agent_id` and `timestamp`, whatever
    /// they were: the agent refuses or drops an update in which they are wrong
    /// (`validateExecutorCall` in `src/common/validation.cpp`, `statusUpdate` in
    /// `src/slave/slave.cpp`).
    ///
    /// Cancel safe: a future that was polled once has made the update.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what the agent would refuse: TASK_STAGING, which only a master
    /// may send, a state that this version does not know, a `check_status` that contradicts
    /// itself. [`ErrorKind::Closed`] after the driver's end. In these cases nothing is kept.
    #[doc(alias = "sendStatusUpdate")]
    pub async fn send_update(&self, mut status: TaskStatus) -> Result<()> {
        validate::status(&status)?;
        let uuid = Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        status.uuid = Some(uuid);
        status.source = Some(task_status::Source::Executor as i32);
        status.executor_id = Some(self.handle.caller.executor_id.clone());
        // The agent drops an update with the id of another agent, and never acknowledges it.
        status.agent_id = self.handle.agent_id.clone();
        status.timestamp = Some(now());
        let kept = self.handle.journal().push(Update { status });
        let Some(receipt) = kept else {
            return Err(Error::new(ErrorKind::Closed, "the driver has ended"));
        };
        self.handle.unsent.notify_one();
        self.handle.stored(receipt).await;
        Ok(())
    }

    /// The number of updates that the agent has not acknowledged yet. After the driver's end,
    /// the number of lost updates.
    pub fn unacknowledged(&self) -> usize {
        self.handle.journal().facts().updates
    }

    /// The number of tasks without a terminal update.
    pub fn live_tasks(&self) -> usize {
        self.handle.journal().facts().tasks
    }

    /// Sends bytes to the scheduler. Delivered at most once; may be lost.
    ///
    /// # Errors
    /// [`ErrorKind::NotSubscribed`] while disconnected, and others of a call.
    #[doc(alias = "sendFrameworkMessage")]
    pub async fn send_message(&self, data: impl Into<Bytes>) -> Result<()> {
        let call = self.handle.caller.message(data.into());
        self.handle.link.calls()?.send(call).await?.await
    }

    /// Sends `input` to the executor, which receives it in
    /// [`Executor::input`], between the events of the agent.
    /// Returns at once. Inputs of one sender arrive in their order, also while the driver is not
    /// subscribed. The queue is not bounded. See
    /// [`SchedulerDriver::send`](crate::SchedulerDriver::send) for an example.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] once the driver has ended. Inputs that the executor has not
    /// received when the driver ends are dropped.
    pub fn send(&self, input: M) -> Result<()> {
        self.inputs.send(input).map_err(|_| input_closed())
    }

    /// [Sends](Self::send) `input` after `delay`. Does nothing if the driver has ended by then.
    /// The returned timer can cancel the input; dropping the timer does not.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn send_after(&self, delay: Duration, input: M) -> Timer {
        Timer::start(delay, self.inputs.clone(), input)
    }

    /// The features of the backend.
    pub fn capabilities(&self) -> Capabilities {
        self.handle.capabilities
    }

    /// The framework that the executor belongs to.
    pub fn framework_id(&self) -> &FrameworkId {
        &self.handle.caller.framework_id
    }

    /// Whether the driver is subscribed now.
    pub fn is_subscribed(&self) -> bool {
        self.handle.link.is_connected()
    }

    /// Waits until the driver is subscribed. Returns at once if it is. Cancel safe.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] if the driver ends first. In a handler, which a new subscription
    /// would have to wait for, [`ErrorKind::NotSubscribed`] at once.
    pub async fn when_subscribed(&self) -> Result<()> {
        if in_handler(&self.handle.link) {
            return self.handle.link.calls().map(drop);
        }
        self.handle.link.connected().await.map(drop)
    }

    /// Ends the driver after the agent has stored every update. Returns at once; wait with
    /// [`join`](Self::join), for at most the
    /// [flush timeout](ExecutorEnvironment::flush_timeout). Events are delivered until then.
    /// The executor itself has to end its tasks: the agent reports tasks without a terminal
    /// update as failed.
    pub fn stop(&self) {
        let stop = Stop::Stop { failover: false };
        self.handle.link.request_stop(stop);
    }

    /// Ends the driver at once. Updates that the agent has not acknowledged are lost.
    pub fn abort(&self) {
        self.handle.link.request_stop(Stop::Abort);
    }

    /// Waits until the driver has ended and returns the reason. Any number of callers may wait.
    /// Cancel safe.
    ///
    /// # Errors
    /// The failure that ended the driver, or kept it from ending in order:
    /// * [`ErrorKind::Unacknowledged`]: stopped or shut down, but the agent did not acknowledge
    ///   every update in time or refused an update, or, after a SHUTDOWN, tasks had not ended.
    ///   The numbers are in the message, and in [`unacknowledged`](Self::unacknowledged) and
    ///   [`live_tasks`](Self::live_tasks).
    /// * [`ErrorKind::AgentLost`], [`ErrorKind::RecoveryTimeout`],
    ///   [`ErrorKind::RegistrationTimeout`]: the agent did not answer.
    /// * [`ErrorKind::Unauthorized`], [`ErrorKind::Forbidden`],
    ///   [`ErrorKind::Rejected`] and others: the agent refused the executor.
    /// * [`ErrorKind::Store`]: the journal could not be read or written.
    /// * [`ErrorKind::Panicked`]: a handler panicked.
    /// * [`ErrorKind::Closed`]: the tokio runtime was shut down.
    /// * [`ErrorKind::Config`]: called in a handler of the same driver, which the driver's end
    ///   would have to wait for.
    pub async fn join(&self) -> Result<StopReason> {
        self.handle.link.join().await
    }
}

#[async_trait]
impl<M: Send + 'static> Driver for ExecutorDriver<M> {
    fn stop(&self) {
        self.stop();
    }

    fn abort(&self) {
        self.abort();
    }

    async fn join(&self) -> Result<StopReason> {
        self.join().await
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities()
    }

    fn framework_id(&self) -> Option<FrameworkId> {
        Some(self.framework_id().clone())
    }

    fn is_subscribed(&self) -> bool {
        self.is_subscribed()
    }

    async fn when_subscribed(&self) -> Result<()> {
        self.when_subscribed().await
    }
}

impl<M> Clone for ExecutorDriver<M> {
    fn clone(&self) -> Self {
        Self {
            handle: Arc::clone(&self.handle),
            inputs: self.inputs.clone(),
        }
    }
}

impl<M> fmt::Debug for ExecutorDriver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutorDriver")
            .field("caller", &self.handle.caller)
            .field("link", &self.handle.link)
            .finish()
    }
}

/// Seconds since 1970, as Mesos writes timestamps.
fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
