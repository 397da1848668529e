//! The event loop of one scheduler: subscribes, reads events, reconnects. The session
//! (`scheduler/session`) decides when to do which of these. `serve` reads the events of one
//! subscription, `deliver` delivers an event to the scheduler, `ending` ends a driver on request, and `watch` warns about handlers and offers
//! that block others.

mod acknowledge;
mod decliner;
mod deliver;
mod ending;
mod persist;
mod serve;
mod wait;
mod watch;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mesos_proto::v1::FrameworkId;
use mesos_proto::v1::scheduler::Call;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tracing::instrument::Instrumented;

use super::acknowledgements::Acknowledgements;
use super::calls;
use super::handle::Handle;
use super::recent::RecentUpdates;
use super::shared::{PendingCall, Shared};
use super::{Framework, Scheduler, SchedulerDriver};
use crate::backend::{Backend, SchedulerApi};
use crate::disconnected::Disconnected;
use crate::driver::Claim;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Background, Finish, Handled, deadline, ended, guarded};
use crate::scheduler::session::{Input, Output, Session};
use crate::store::Store;
use crate::version::MesosVersion;
use crate::{HandlerResult, StopReason};
use ending::end;
use wait::Wait;

/// See the module.
pub(super) struct Runtime<S, B, M> {
    scheduler: S,
    /// Shared, so that an attempt to subscribe does not borrow the runtime.
    backend: Arc<B>,
    driver: SchedulerDriver<M>,
    handle: Handle,
    inputs: mpsc::UnboundedReceiver<M>,
    session: Session,
    started: Instant,
    /// The time when the present event was taken from the queue, or when its handler returned.
    now: Instant,
    /// The acknowledgements of the driver that waited for room in the queue and were not answered
    /// yet.
    answers: VecDeque<Instrumented<PendingCall>>,
    /// All other acknowledgements over the present subscription.
    acknowledgements: Arc<Acknowledgements>,
    /// An acknowledgement, whose body changes with each update.
    acknowledge: Call,
    store: Option<Arc<dyn Store>>,
    /// The id in the store.
    stored: Option<FrameworkId>,
    /// The updates that were handled, if repetitions are not delivered.
    recent: Option<RecentUpdates>,
    /// The task that reconciles over the present subscription.
    worker: Option<Background>,
    required_mesos: Option<MesosVersion>,
}

/// Why the driver stops reading the events of a subscription.
enum Break {
    /// Remove the id from the store, if there is one here. Then wait and subscribe again.
    BackOff(Disconnected, Option<FrameworkId>),
    /// The driver ends.
    End(Result<StopReason>),
}

impl<S, B, M> Runtime<S, B, M>
where
    S: Scheduler<M> + 'static,
    B: Backend<SchedulerApi> + 'static,
    M: Send + 'static,
{
    pub(super) fn new(
        scheduler: S,
        framework: Framework,
        backend: B,
        driver: SchedulerDriver<M>,
        inputs: mpsc::UnboundedReceiver<M>,
    ) -> Self {
        let mut session = Session::new(framework.backoff, framework.removed);
        session.set_subscribe_timeout(framework.subscribe_timeout);
        session.continue_as(framework.info.id);
        Self {
            scheduler,
            backend: Arc::new(backend),
            handle: driver.handle().clone(),
            inputs,
            session,
            started: Instant::now(),
            now: Instant::now(),
            answers: VecDeque::new(),
            acknowledgements: Acknowledgements::new(driver.handle()),
            acknowledge: calls::acknowledge_template(),
            driver,
            store: framework.store,
            stored: None,
            recent: framework.skip_repeated_updates.then(RecentUpdates::default),
            worker: None,
            required_mesos: framework.required_mesos,
        }
    }

    /// Runs until the driver ends, and returns the scheduler unless a handler panicked.
    /// `checked` is the result of the checks that need no connection.
    pub(super) async fn run(mut self, checked: Result<()>, claim: Claim<S>) {
        let handle = self.handle.clone();
        let finish = Finish::new(|end: Result<StopReason>| {
            let shared = handle.shared();
            shared.monitor.ended(end.as_ref().err());
            shared.ledger.clear();
            shared.link.finish(end);
        });
        let mut watch = watch::start(&handle);
        let end = tokio::select! {
            biased;
            end = self.drive(checked) => end,
            panicked = watch.panicked() => Err(panicked),
        };
        drop(watch);
        self.step(Input::End(end.clone()));
        claim.settle(&end, self.scheduler);
        finish.with(end);
    }

    /// Passes `input` to the session.
    fn step(&mut self, input: Input) -> Output {
        let timeout = self.shared().subscribe_state().failover_timeout();
        self.session.set_failover_timeout(timeout);
        let before = self.session.state();
        let now = self.started.elapsed();
        let output = self.session.step(now, fastrand::f64(), input);
        let after = self.session.state();
        let generation = self.session.generation();
        if after != before || matches!(output, Output::Interrupted(_)) {
            let reason = match &output {
                Output::BackOff(disconnected, _) | Output::Interrupted(disconnected) => {
                    Some(disconnected.error.clone())
                }
                Output::Ended(end) => end.as_ref().err().cloned(),
                _ => None,
            };
            self.shared().monitor.transition(after, generation, reason);
            tracing::debug!(from = %before, to = %after, generation, "session");
        }
        output
    }

    async fn drive(&mut self, checked: Result<()>) -> Result<StopReason> {
        checked?;
        let handle = self.handle.clone();
        let link = &handle.shared().link;
        if let Some(end) = self.load_id().await {
            return end;
        }
        loop {
            let (generation, id) = match self.step(Input::Connect) {
                Output::Open(generation, id) => (generation, id),
                Output::Ended(end) => return end,
                // The wait is not quite over by the session's clock.
                _ => {
                    sleep(Duration::from_millis(1)).await;
                    continue;
                }
            };
            let call = handle.shared().subscribe_state().subscribe(id);
            let backend = Arc::clone(&self.backend);
            let mut attempt = pin!(backend.subscribe(call));
            let attempt = loop {
                tokio::select! {
                    biased;
                    stop = link.stop_requested() => return end(&handle, stop, None).await,
                    attempt = &mut attempt => break attempt,
                    Some(input) = self.inputs.recv() => {
                        if let Some(end) = self.input(input).await {
                            return end;
                        }
                    }
                }
            };
            let (disconnected, removed) = match self.attempted(generation, attempt).await {
                Break::BackOff(disconnected, removed) => (disconnected, removed),
                Break::End(end) => return end,
            };
            let retry_in = disconnected.retry_in;
            tracing::warn!(
                error = %crate::error_chain(&disconnected.error),
                attempts = disconnected.attempts,
                ?retry_in,
                "no subscription"
            );
            if disconnected.error.is_local() {
                tracing::warn!(
                    "the driver was subscribed before, so it retries although the error is about \
                     this process; check its settings, files and limits"
                );
            }
            if let Some(id) = removed
                && let Some(end) = self.clear_id(&id).await
            {
                return end;
            }
            let until = deadline(Instant::now(), retry_in);
            let handler = self.scheduler.disconnected(&self.driver, disconnected);
            if let Some(end) = ended(handled(&handle, "disconnected", handler).await) {
                return end;
            }
            match self.wait(until).await {
                Wait::Over => {}
                Wait::Stop(stop) => return end(&handle, stop, None).await,
                Wait::End(end) => return end,
            }
        }
    }

    /// Delivers an input of the program to the scheduler.
    async fn input(&mut self, input: M) -> Option<Result<StopReason>> {
        let handle = self.handle.clone();
        let handler = self.scheduler.input(&self.driver, input);
        ended(handled(&handle, "input", handler).await)
    }
}

impl<S, B, M> Runtime<S, B, M> {
    fn shared(&self) -> &Shared {
        self.handle.shared()
    }
}

/// Runs a handler and measures its duration.
async fn handled(
    handle: &Handle,
    name: &'static str,
    handler: impl Future<Output = HandlerResult>,
) -> Result<Handled> {
    handled_since(handle, name, Instant::now(), handler).await.0
}

/// As [`handled`], for a handler that starts now, at `since`. Also returns the time of its end.
async fn handled_since(
    handle: &Handle,
    name: &'static str,
    since: Instant,
    handler: impl Future<Output = HandlerResult>,
) -> (Result<Handled>, Instant) {
    let shared = handle.shared();
    shared.monitor.handler_started(name, since);
    let handled = guarded(&shared.link, name, handler).await;
    shared.monitor.handler_returned();
    let end = Instant::now();
    let elapsed = end.saturating_duration_since(since);
    shared.monitor.meter().handler(name, elapsed);
    if elapsed > watch::SLOW_HANDLER {
        tracing::warn!(
            handler = name,
            ?elapsed,
            "the handler took long; nothing else was delivered meanwhile"
        );
    }
    (handled, end)
}

/// An output that the session never returns for this input, unless this crate has a bug.
fn impossible(output: &Output) -> Error {
    Error::new(
        ErrorKind::Protocol,
        format!("bug in the driver: unexpected session output {output:?}; please report this"),
    )
}
