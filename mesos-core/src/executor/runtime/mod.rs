//! Runs one executor: subscribes, reads events, reconnects, ends. What is done
//! when is for the session (`executor/session`) to say; what an event means
//! for the executor is in `deliver`.

mod deliver;

use std::sync::Arc;
use std::time::Duration;

use mesos_proto::v1::TaskInfo;
use tokio::time::{Instant, sleep_until};

use super::grace::Watchdog;
use super::journal::Failure;
use super::sender::Sender;
use super::session::{Generation, Input, Output, Rules, Session, State};
use super::{Event, Executor, ExecutorDriver, ExecutorEnvironment};
use crate::End;
use crate::backend::{Backend, EventStream, ExecutorApi, Incoming, Subscription};
use crate::error::{Error, Result};
use crate::runtime::{BackoffPolicy, Finish, Stop, ended, guarded};

/// How often the agent gets a HEARTBEAT (`src/executor/executor.cpp`).
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30 * 60);

/// Bound of the wait between attempts to subscribe, however short the agent
/// wants it.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// See the module.
pub(super) struct Runtime<E, B> {
    executor: E,
    backend: Arc<B>,
    driver: ExecutorDriver,
    environment: ExecutorEnvironment,
    session: Session,
    started: Instant,
    /// Sends updates over the present subscription.
    sender: Option<Sender>,
    /// Of the journal's disk; none where there is none, or it was told.
    failure: Option<Failure>,
    stopping: bool,
    /// What an earlier process left, until it is told.
    recovered: Vec<TaskInfo>,
    watchdog: Option<Watchdog>,
}

/// How the loop goes on.
enum Flow {
    On,
    End(Result<End>),
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
        failure: Option<Failure>,
    ) -> Self {
        // An agent that is back waits for its executors as long as it tells
        // them to back off at most (`src/slave/flags.cpp`); with half of that
        // there is always time for one more attempt.
        let max = (environment.subscription_backoff_max / 2).max(SHORTEST_WAIT);
        let rules = Rules {
            checkpoint: environment.checkpoint,
            registration_timeout: environment.registration_timeout,
            recovery_timeout: environment.recovery_timeout,
            flush_timeout: environment.flush_timeout,
            grace: environment.shutdown_grace_period,
            backoff: BackoffPolicy::new(max.min(Duration::from_millis(100)), max),
        };
        let recovered = driver.shared().journal().live_tasks();
        Self {
            executor,
            backend: Arc::new(backend),
            driver,
            environment,
            session: Session::new(rules),
            started: Instant::now(),
            sender: None,
            failure,
            stopping: false,
            recovered,
            watchdog: None,
        }
    }

    pub(super) async fn run(mut self, opened: Result<()>) {
        let driver = self.driver.clone();
        let finish = Finish::new(|end| driver.shared().finish(end));
        let end = match opened {
            Ok(()) => self.drive().await,
            Err(error) => Err(error),
        };
        if let Some(watchdog) = self.watchdog.take()
            && self.driver.live_tasks() > 0
        {
            watchdog.leave();
        }
        self.step(Input::End(end.clone()));
        finish.with(end);
    }

    /// Tells the session what happened.
    fn step(&mut self, input: Input) -> Output {
        let before = self.session.state();
        let now = self.started.elapsed();
        let facts = self.driver.shared().journal().facts();
        let output = self.session.step(now, fastrand::f64(), facts, input);
        let after = self.session.state();
        if after != before {
            let generation = self.session.generation();
            tracing::debug!(from = ?before, to = ?after, generation, ?facts, "session");
        }
        output
    }

    async fn drive(&mut self) -> Result<End> {
        let mut input = Input::Connect;
        loop {
            let flow = match self.step(input) {
                Output::Open(generation) => self.attempt(generation).await,
                output => self.act(output).await,
            };
            if let Flow::End(end) = flow {
                return end;
            }
            input = self.happening().await;
        }
    }

    /// Does what the session says, except for opening subscriptions.
    async fn act(&mut self, mut output: Output) -> Flow {
        let driver = self.driver.clone();
        let link = &driver.shared().link;
        loop {
            let shut_down = match output {
                Output::Ended(end) => return Flow::End(end),
                Output::Lost(disconnected, shut_down) => {
                    self.disconnect();
                    let retry_in = disconnected.retry_in;
                    let error = crate::chain(&disconnected.error);
                    tracing::warn!(%error, attempts = disconnected.attempts, ?retry_in, "no subscription");
                    let handler = self.executor.disconnected(&driver, disconnected);
                    if let Some(end) = ended(guarded(link, "disconnected", handler).await) {
                        return Flow::End(end);
                    }
                    shut_down
                }
                Output::ShutDown => true,
                _ => return Flow::On,
            };
            if shut_down {
                let grace = self.environment.shutdown_grace_period;
                self.watchdog = Watchdog::start(self.environment.grace_over, grace);
                let handler = self.executor.shutdown(&driver);
                if let Some(end) = ended(guarded(link, "shutdown", handler).await) {
                    return Flow::End(end);
                }
            }
            // The handler may have done what was waited for.
            output = self.step(Input::Look);
        }
    }

    /// Opens a subscription and reads it to its end.
    async fn attempt(&mut self, generation: Generation) -> Flow {
        let shared = self.driver.clone();
        let shared = shared.shared();
        let (tasks, updates) = shared.journal().snapshot();
        let call = shared.caller.subscribe(tasks, updates);
        // Out of self, which is needed while it is under way.
        let backend = Arc::clone(&self.backend);
        let attempt = backend.subscribe(call);
        tokio::pin!(attempt);
        while self.session.state() == State::Connecting {
            let output = tokio::select! {
                biased;
                input = self.happening() => self.step(input),
                attempt = &mut attempt => match attempt {
                    Ok(subscription) => {
                        self.step(Input::Opened(generation));
                        return self.serve(generation, subscription).await;
                    }
                    Err(error) => self.step(Input::Failed(generation, error)),
                },
            };
            if let Flow::End(end) = self.act(output).await {
                return Flow::End(end);
            }
        }
        Flow::On
    }

    /// Reads the events of one subscription to its end.
    async fn serve(
        &mut self,
        generation: Generation,
        subscription: Subscription<ExecutorApi>,
    ) -> Flow {
        let Subscription {
            mut events,
            calls,
            peer,
        } = subscription;
        tracing::debug!(%peer, generation, "subscribing");
        let driver = self.driver.clone();
        let shared = driver.shared();
        let mut heartbeat = Instant::now() + HEARTBEAT_INTERVAL;
        while matches!(self.session.state(), State::Subscribing | State::Subscribed) {
            let output = tokio::select! {
                biased;
                input = self.happening() => self.step(input),
                () = sleep_until(heartbeat) => {
                    heartbeat = Instant::now() + HEARTBEAT_INTERVAL;
                    // Whether it arrives, the connection will tell.
                    if let Ok(answer) = calls.send(shared.caller.heartbeat()).await {
                        drop(answer);
                    }
                    continue;
                }
                event = next(events.as_mut()) => match event {
                    Ok(event) => match self.deliver(event, &calls).await {
                        Ok(input) => self.step(input),
                        Err(end) => return Flow::End(end),
                    },
                    Err(error) => self.step(Input::Failed(generation, error)),
                },
            };
            if let Flow::End(end) = self.act(output).await {
                return Flow::End(end);
            }
        }
        self.disconnect();
        Flow::On
    }

    fn disconnect(&mut self) {
        self.sender = None;
        self.driver.shared().link.disconnect();
    }

    /// Waits for what does not come from the agent, but for answers that show
    /// that there is no subscription. Cancel safe.
    async fn happening(&mut self) -> Input {
        let driver = self.driver.clone();
        let shared = driver.shared();
        let wake = self.session.wake().map(|at| self.started + at);
        let generation = self.session.generation();
        tokio::select! {
            biased;
            () = shared.link.aborted() => Input::End(Ok(End::Aborted)),
            Stop::Stop { .. } = shared.link.stop_requested(), if !self.stopping => {
                self.stopping = true;
                Input::Stop
            }
            error = failed(&mut self.failure) => {
                self.failure = None;
                Input::Broken(error)
            }
            // An update was settled, so this may have been the last.
            () = shared.settled.notified(), if self.session.is_closing() => Input::Look,
            error = lost(&mut self.sender) => Input::Failed(generation, error),
            () = until(wake) => match self.session.state() {
                State::Idle | State::BackingOff => Input::Connect,
                _ => Input::Look,
            },
        }
    }
}

/// The next event.
async fn next(events: &mut dyn EventStream<ExecutorApi>) -> Result<Event> {
    match events.next().await? {
        Incoming::Event(event, record) => Event::lift(*event, record),
        Incoming::Disconnected(error) => Err(error),
    }
}

async fn failed(failure: &mut Option<Failure>) -> Error {
    match failure {
        Some(failure) => failure.occurred().await,
        None => std::future::pending().await,
    }
}

async fn lost(sender: &mut Option<Sender>) -> Error {
    match sender {
        Some(sender) => sender.lost().await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
