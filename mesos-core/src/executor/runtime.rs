//! Runs one executor: subscribes, delivers events, keeps the journal,
//! reconnects.

use std::sync::Arc;
use std::time::Duration;

use mesos_proto::v1::{TaskId, TaskState, TaskStatus};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Event, Executor, ExecutorDriver, ExecutorEnvironment, Subscribed};
use crate::End;
use crate::backend::{Backend, Calls, ExecutorApi, Incoming, Subscription};
use crate::disconnected::Disconnected;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Backoff, BackoffPolicy, Handled, Stop, guarded};

/// How often the agent gets a HEARTBEAT (`src/executor/executor.cpp`).
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30 * 60);
/// How long `stop` waits for the last acknowledgements
/// (`src/launcher/executor.cpp`).
const FLUSH_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the first subscription may take: the agent's
/// `--executor_registration_timeout` (`src/slave/constants.hpp`).
const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Runtime<E, B> {
    executor: E,
    environment: ExecutorEnvironment,
    backend: B,
    driver: ExecutorDriver,
    backoff: Backoff,
    subscribed_before: bool,
    /// Set once the driver is to end in order.
    closing: Option<Closing>,
}

/// The way to an orderly end.
#[derive(Clone, Copy)]
struct Closing {
    /// What it will have been.
    end: End,
    /// When it ends even without its acknowledgements.
    deadline: Instant,
}

/// Why the events of a subscription are no longer read.
enum Break {
    Lost(Error),
    End(Result<End>),
}

/// Tells those who wait in `join`, also when the task is dropped.
struct Finish(ExecutorDriver, Result<End>);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.shared().link.finish(self.1.clone());
    }
}

impl<E, B> Runtime<E, B>
where
    E: Executor + 'static,
    B: Backend<ExecutorApi> + 'static,
{
    pub(super) fn new(
        executor: E,
        environment: ExecutorEnvironment,
        backend: B,
        driver: ExecutorDriver,
    ) -> Self {
        let max = environment.subscription_backoff_max;
        let first = max.min(Duration::from_millis(100));
        Self {
            executor,
            environment,
            backend,
            driver,
            backoff: Backoff::new(BackoffPolicy::new(first, max)),
            subscribed_before: false,
            closing: None,
        }
    }

    pub(super) async fn run(mut self) {
        let gone = Error::new(
            ErrorKind::Closed,
            "the runtime that the driver ran in is gone",
        );
        let mut finish = Finish(self.driver.clone(), Err(gone));
        finish.1 = self.drive().await;
        tracing::info!(end = ?finish.1, "driver ended");
    }

    async fn drive(&mut self) -> Result<End> {
        let driver = self.driver.clone();
        let shared = driver.shared();
        let mut give_up = Instant::now() + REGISTRATION_TIMEOUT;
        loop {
            let (tasks, updates) = shared.journal().snapshot();
            let call = shared.caller.subscribe(tasks, updates);
            let deadline = self.closing.map_or(give_up, |closing| closing.deadline);
            let attempt = tokio::select! {
                biased;
                () = shared.link.aborted() => return Ok(End::Aborted),
                () = sleep_until(deadline) => Err(Error::new(
                    ErrorKind::Timeout,
                    "the agent was not there in time",
                )),
                attempt = self.backend.subscribe(call) => attempt,
            };
            let lost = match attempt {
                Ok(subscription) => match self.serve(subscription).await {
                    Break::Lost(error) => {
                        give_up = Instant::now() + self.environment.recovery_timeout;
                        error
                    }
                    Break::End(end) => return end,
                },
                Err(error) => error,
            };
            if let Some(end) = self.disconnected(lost, give_up).await {
                return end;
            }
        }
    }

    /// There is no subscription: tells the handler, and waits before the next
    /// attempt; or ends, where the rules say so.
    async fn disconnected(&mut self, error: Error, give_up: Instant) -> Option<Result<End>> {
        let driver = self.driver.clone();
        let link = &driver.shared().link;
        let attempts = self.backoff.attempts();
        let retry_in = self.backoff.next(fastrand::f64());
        tracing::warn!(error = %crate::chain(&error), attempts, ?retry_in, "no subscription");
        let disconnected = Disconnected {
            error: error.clone(),
            attempts,
            retry_in,
            failover_timeout_passed: false,
        };
        let handler = self.executor.disconnected(&driver, disconnected);
        if let Some(end) = ended(guarded(link, "disconnected", handler).await) {
            return Some(end);
        }
        if self.finished() {
            return self.closing.map(|closing| Ok(closing.end));
        }
        // Without checkpointing an executor does not outlive its agent
        // (`src/executor/executor.cpp`).
        let orphaned = self.subscribed_before && !self.environment.checkpoint;
        if orphaned || !error.is_retryable() || Instant::now() + retry_in >= give_up {
            let handler = self.executor.shutdown(&driver);
            let handled = guarded(link, "shutdown", handler).await;
            return Some(ended(handled).unwrap_or(Err(error)));
        }
        tokio::select! {
            biased;
            () = link.aborted() => Some(Ok(End::Aborted)),
            () = sleep(retry_in) => None,
        }
    }

    /// Reads the events of one subscription to its end.
    async fn serve(&mut self, subscription: Subscription<ExecutorApi>) -> Break {
        let Subscription {
            mut events,
            calls,
            peer,
        } = subscription;
        let driver = self.driver.clone();
        let shared = driver.shared();
        tracing::debug!(%peer, "subscribing");
        let mut heartbeat = Instant::now() + HEARTBEAT_INTERVAL;
        let reason = loop {
            if self.finished() {
                let end = self.closing.map_or(End::Stopped, |closing| closing.end);
                break Break::End(Ok(end));
            }
            let closing = self.closing;
            let incoming = tokio::select! {
                biased;
                () = shared.link.aborted() => break Break::End(Ok(End::Aborted)),
                Stop::Stop { .. } = shared.link.stop_requested(), if closing.is_none() => {
                    self.close(End::Stopped, FLUSH_TIMEOUT);
                    continue;
                }
                // An update was settled, so this may have been the last.
                () = shared.settled.notified(), if closing.is_some() => continue,
                () = sleep_until(closing.map_or(heartbeat, |closing| closing.deadline)),
                    if closing.is_some() => continue,
                () = sleep_until(heartbeat) => {
                    heartbeat = Instant::now() + HEARTBEAT_INTERVAL;
                    if let Ok(answer) = calls.send(shared.caller.heartbeat()).await {
                        drop(answer);
                    }
                    continue;
                }
                incoming = events.next() => incoming,
            };
            let event = match incoming {
                Ok(Incoming::Event(event, record)) => Event::lift(event, record),
                Ok(Incoming::Disconnected(error)) | Err(error) => break Break::Lost(error),
            };
            match event {
                Ok(event) => {
                    if let Some(reason) = self.deliver(event, &calls).await {
                        break reason;
                    }
                }
                Err(error) => break Break::Lost(error),
            }
        };
        shared.link.disconnect();
        reason
    }

    /// Hands one event to its handler.
    async fn deliver(
        &mut self,
        event: Event,
        calls: &Arc<dyn Calls<ExecutorApi>>,
    ) -> Option<Break> {
        let driver = self.driver.clone();
        let shared = driver.shared();
        let link = &shared.link;
        let executor = &mut self.executor;
        tracing::trace!(?event, "event");
        let (name, handler) = match event {
            Event::Subscribed(subscribed) => {
                link.connect(Arc::clone(calls));
                self.backoff.reset();
                let subscribed = Subscribed {
                    executor_info: subscribed.executor_info,
                    framework_info: subscribed.framework_info,
                    agent_info: subscribed.agent_info,
                    container_id: subscribed.container_id,
                    resubscribed: std::mem::replace(&mut self.subscribed_before, true),
                };
                driver.send_unsent().await;
                ("subscribed", self.executor.subscribed(&driver, subscribed))
            }
            Event::Launch(task) => {
                driver.launched(&task);
                let ids = vec![task.task_id.clone()];
                let handler = executor.launch(&driver, *task);
                let handled = guarded(link, "launch", handler).await;
                return self.launched(handled, ids).await;
            }
            Event::LaunchGroup(group) => {
                let ids = group.tasks.iter().map(|task| task.task_id.clone());
                let ids = ids.collect();
                for task in &group.tasks {
                    driver.launched(task);
                }
                let handler = executor.launch_group(&driver, group);
                let handled = guarded(link, "launch_group", handler).await;
                return self.launched(handled, ids).await;
            }
            Event::Shutdown => {
                let handler = executor.shutdown(&driver);
                let handled = guarded(link, "shutdown", handler).await;
                self.close(End::ShutDown, self.environment.shutdown_grace_period);
                return ended(handled).map(Break::End);
            }
            Event::Error(message) => {
                link.disconnect();
                let handler = executor.error(&driver, message.clone());
                let handled = guarded(link, "error", handler).await;
                let error = Error::new(
                    ErrorKind::Rejected,
                    format!("the agent ended the subscription: {message}"),
                );
                return Some(Break::End(ended(handled).unwrap_or(Err(error))));
            }
            Event::Heartbeat => return None,
            Event::Kill {
                task_id,
                kill_policy,
            } => ("kill", executor.kill(&driver, task_id, kill_policy)),
            Event::Acknowledged { task_id, uuid } => {
                shared.journal().acknowledged(&task_id, &uuid);
                (
                    "acknowledged",
                    executor.acknowledged(&driver, task_id, uuid),
                )
            }
            Event::Message(data) => ("message", executor.message(&driver, data)),
            Event::Unknown(event) => ("unknown", executor.unknown(&driver, event)),
        };
        ended(guarded(link, name, handler).await).map(Break::End)
    }

    /// A launch that failed ends its tasks, so that nobody waits for them.
    async fn launched(&mut self, handled: Result<Handled>, ids: Vec<TaskId>) -> Option<Break> {
        if let Ok(Handled::Failed(text)) = &handled {
            for task_id in ids {
                if !self.driver.shared().journal().is_live(&task_id) {
                    continue;
                }
                let status = TaskStatus {
                    task_id,
                    state: TaskState::TaskFailed as i32,
                    message: Some(format!("the executor could not launch the task: {text}")),
                    ..Default::default()
                };
                if let Err(error) = self.driver.update(status).await {
                    tracing::error!(error = %crate::chain(&error), "update not made");
                }
            }
        }
        ended(handled).map(Break::End)
    }

    fn close(&mut self, end: End, within: Duration) {
        let deadline = Instant::now() + within;
        let earlier = self.closing.map_or(deadline, |closing| closing.deadline);
        self.closing = Some(Closing {
            end,
            deadline: deadline.min(earlier),
        });
    }

    /// Whether an orderly end is reached: everything is stored by the agent
    /// (and, after a SHUTDOWN, every task has ended), or time is up.
    fn finished(&self) -> bool {
        self.closing.is_some_and(|closing| {
            let journal = self.driver.shared().journal();
            let settled =
                journal.is_flushed() && (closing.end == End::Stopped || journal.is_idle());
            settled || Instant::now() >= closing.deadline
        })
    }
}

/// What a handler's outcome means for the driver; `None` to go on.
fn ended(handled: Result<Handled>) -> Option<Result<End>> {
    match handled {
        Ok(Handled::Done | Handled::Failed(_)) => None,
        Ok(Handled::Aborted) => Some(Ok(End::Aborted)),
        Err(panicked) => Some(Err(panicked)),
    }
}
