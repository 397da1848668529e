//! The event loop of one executor: subscribes, reads events, reconnects, ends. The session
//! (`executor/session`) decides what to do when; `deliver` has what an event means for the
//! executor.

mod clock;
mod companions;
mod deliver;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use mesos_proto::v1::TaskInfo;
use tokio::sync::mpsc;

use super::grace::Watchdog;
use super::journal::Failure;
use super::sender::Sender;
use super::session::{Generation, Input, Output, Rules, Session, State};
use super::shared::Handle;
use super::{Event, Executor, ExecutorDriver, ExecutorEnvironment};
use crate::StopReason;
use crate::backend::{Backend, ExecutorApi, Incoming, Subscription};
use crate::driver::Claim;
use crate::error::{Error, Result};
use crate::runtime::{BackoffPolicy, Finish, Stop, ended, guarded};
use clock::Clock;
use companions::Companions;

/// The interval of HEARTBEAT calls (`src/executor/executor.cpp`).
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30 * 60);

/// Lower bound of the wait between attempts to subscribe, whatever the agent has configured.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// See the module.
pub(super) struct Runtime<E, B, M> {
    executor: E,
    backend: Arc<B>,
    driver: ExecutorDriver<M>,
    handle: Handle,
    environment: ExecutorEnvironment,
    session: Session,
    clock: Clock,
    /// Sends updates over the current subscription.
    sender: Option<Sender>,
    /// Reports a failure of the journal's disk. `None` without a disk, or once it has failed.
    failure: Option<Failure>,
    stopping: bool,
    /// Tasks of an earlier process, until the executor has received them.
    recovered: Vec<TaskInfo>,
    watchdog: Option<Watchdog>,
}

/// Inputs of the program that the executor has not received yet.
type Inputs<M> = mpsc::UnboundedReceiver<M>;

/// The next thing to handle.
enum Next<M> {
    Input(M),
    Event(Result<Event>),
}

/// Whether the loop continues.
enum Flow {
    On,
    End(Result<StopReason>),
}

impl<E, B, M> Runtime<E, B, M>
where
    E: Executor<M> + 'static,
    B: Backend<ExecutorApi> + 'static,
    M: Send + 'static,
{
    pub(super) fn new(
        executor: E,
        environment: ExecutorEnvironment,
        backend: B,
        driver: ExecutorDriver<M>,
        failure: Option<Failure>,
    ) -> Self {
        // An agent that is back waits for its executors for the longest backoff that it has
        // configured for them (`src/slave/flags.cpp`). Half of that leaves time for another
        // attempt.
        let max = (environment.subscription_backoff_max / 2).max(SHORTEST_WAIT);
        let rules = Rules {
            checkpoint: environment.checkpoint,
            registration_timeout: environment.registration_timeout,
            recovery_timeout: environment.recovery_timeout,
            flush_timeout: environment.flush_timeout,
            grace: environment.shutdown_grace_period,
            backoff: BackoffPolicy::new(max.min(Duration::from_millis(100)), max),
        };
        let handle = Arc::clone(driver.handle());
        let recovered = handle.journal().live_tasks();
        Self {
            executor,
            backend: Arc::new(backend),
            driver,
            handle,
            environment,
            session: Session::new(rules),
            clock: Clock::new(),
            sender: None,
            failure,
            stopping: false,
            recovered,
            watchdog: None,
        }
    }

    /// Runs until the driver ends, and returns the executor unless a handler panicked.
    pub(super) async fn run(mut self, opened: Result<()>, mut inputs: Inputs<M>, claim: Claim<E>) {
        let handle = Arc::clone(&self.handle);
        let finish = Finish::new(|end| handle.finish(end));
        let end = match opened {
            Ok(()) => self.drive(&mut inputs).await,
            Err(error) => Err(error),
        };
        if let Some(watchdog) = self.watchdog.take()
            && self.handle.journal().facts().tasks > 0
        {
            watchdog.leave();
        }
        self.step(Input::End(end.clone()));
        claim.settle(&end, self.executor);
        finish.with(end);
    }

    /// Reports to the session what happened.
    fn step(&mut self, input: Input) -> Output {
        let before = self.session.state();
        let now = self.clock.elapsed();
        let facts = self.handle.journal().facts();
        let output = self.session.step(now, fastrand::f64(), facts, input);
        self.clock.limit(self.session.wake().is_some());
        let after = self.session.state();
        if after != before {
            let generation = self.session.generation();
            tracing::debug!(from = ?before, to = ?after, generation, ?facts, "session");
        }
        output
    }

    async fn drive(&mut self, inputs: &mut Inputs<M>) -> Result<StopReason> {
        let mut input = Input::Connect;
        loop {
            let flow = match self.step(input) {
                Output::Open(generation) => self.attempt(generation, inputs).await,
                output => self.act(output).await,
            };
            if let Flow::End(end) = flow {
                return end;
            }
            input = tokio::select! {
                biased;
                input = self.happening() => input,
                Some(input) = inputs.recv() => match self.input(input).await {
                    Ok(input) => input,
                    Err(end) => return end,
                },
            };
        }
    }

    /// Hands an input of the program to the executor.
    async fn input(&mut self, input: M) -> Result<Input, Result<StopReason>> {
        let handler = self.executor.input(&self.driver, input);
        match ended(guarded(&self.handle.link, "input", handler).await) {
            Some(end) => Err(end),
            None => Ok(Input::Look),
        }
    }

    /// Acts on an output of the session, except for opening subscriptions.
    async fn act(&mut self, mut output: Output) -> Flow {
        let handle = Arc::clone(&self.handle);
        let link = &handle.link;
        loop {
            let shut_down = match output {
                Output::Ended(end) => return Flow::End(end),
                Output::Lost(disconnected, shut_down) => {
                    self.disconnect();
                    let retry_in = disconnected.retry_in;
                    let error = crate::error_chain(&disconnected.error);
                    tracing::warn!(%error, attempts = disconnected.attempts, ?retry_in, "subscription lost");
                    if disconnected.error.is_local() && !retry_in.is_zero() {
                        tracing::warn!(
                            "the executor was subscribed before, so it retries although the error \
                             is about this process; check its settings, files and limits"
                        );
                    }
                    let handler = self.executor.disconnected(&self.driver, disconnected);
                    if let Some(end) = ended(guarded(link, "disconnected", handler).await) {
                        return Flow::End(end);
                    }
                    shut_down
                }
                Output::ShutDown => true,
                _ => return Flow::On,
            };
            if shut_down {
                handle.hurry(true);
                let grace = self.environment.shutdown_grace_period;
                self.watchdog = Watchdog::start(self.environment.on_grace_timeout, grace);
                let handler = self.executor.shutdown(&self.driver);
                if let Some(end) = ended(guarded(link, "shutdown", handler).await) {
                    return Flow::End(end);
                }
            }
            // The handler may have completed what the session waits for.
            output = self.step(Input::Look);
        }
    }

    /// Opens a subscription and reads it to its end.
    async fn attempt(&mut self, generation: Generation, inputs: &mut Inputs<M>) -> Flow {
        let shared = Arc::clone(&self.handle);
        if !self.session.is_closing() {
            // A SHUTDOWN of the last subscription was lost with it.
            shared.hurry(false);
        }
        let (tasks, updates) = shared.journal().snapshot();
        let call = shared.caller.subscribe(tasks, updates);
        // Shared, so that the attempt does not borrow self.
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
                        return self.serve(generation, subscription, inputs).await;
                    }
                    Err(error) => self.step(Input::Failed(generation, error)),
                },
                Some(input) = inputs.recv() => match self.input(input).await {
                    Ok(input) => self.step(input),
                    Err(end) => return Flow::End(end),
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
        inputs: &mut Inputs<M>,
    ) -> Flow {
        let Subscription {
            events,
            calls,
            peer,
        } = subscription;
        tracing::debug!(%peer, generation, "subscribing");
        let mut companions = Companions::start(&self.handle, events, &calls);
        while matches!(self.session.state(), State::Subscribing | State::Subscribed) {
            let output = tokio::select! {
                biased;
                input = self.happening() => self.step(input),
                next = next(inputs, &mut companions) => {
                    let handled = match next {
                        Next::Input(input) => self.input(input).await,
                        Next::Event(Ok(event)) => self.deliver(event, &calls).await,
                        Next::Event(Err(error)) => Ok(Input::Failed(generation, error)),
                    };
                    match handled {
                        Ok(input) => self.step(input),
                        Err(end) => return Flow::End(end),
                    }
                }
            };
            if let Flow::End(end) = self.act(output).await {
                return Flow::End(end);
            }
        }
        self.disconnect();
        // The connection is closed before the next attempt.
        companions.end().await;
        Flow::On
    }

    fn disconnect(&mut self) {
        self.sender = None;
        self.handle.link.disconnect();
    }

    /// Waits for what does not come from the agent, except for answers that show that the
    /// subscription is lost. Cancel safe.
    async fn happening(&mut self) -> Input {
        let shared = Arc::clone(&self.handle);
        let wait = self.clock.wait(self.session.wake());
        let generation = self.session.generation();
        tokio::select! {
            biased;
            () = shared.link.aborted() => Input::End(Ok(StopReason::Aborted)),
            Stop::Stop { .. } = shared.link.stop_requested(), if !self.stopping => {
                self.stopping = true;
                Input::Stop
            }
            error = failed(&mut self.failure) => {
                self.failure = None;
                Input::Broken(error)
            }
            // An update was settled, perhaps the last one.
            () = shared.settled.notified(), if self.session.is_closing() => Input::Look,
            error = lost(&mut self.sender) => Input::Failed(generation, error),
            () = wait => match self.session.state() {
                State::Idle | State::BackingOff => Input::Connect,
                _ => Input::Look,
            },
        }
    }
}

/// The next input or event, in random order, so that neither waits for the other forever.
async fn next<M>(inputs: &mut Inputs<M>, events: &mut Companions) -> Next<M> {
    tokio::select! {
        Some(input) = inputs.recv() => Next::Input(input),
        event = next_event(events) => Next::Event(event),
    }
}

async fn next_event(events: &mut Companions) -> Result<Event> {
    match events.next().await? {
        Incoming::Event(event, record) => Event::lift(*event, record),
        Incoming::Disconnected(error) => Err(error),
        Incoming::Offers(_) | Incoming::Update(_) => Err(Error::new(
            crate::ErrorKind::Backend,
            "the backend returned an event of a scheduler to an executor",
        )),
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
