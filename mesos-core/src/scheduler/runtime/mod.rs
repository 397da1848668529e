//! The event loop of one scheduler: subscribes, reads events, reconnects. The session
//! (`scheduler/session`) decides when to do which of these. `deliver` delivers an event to the
//! scheduler, `ending` ends a driver on request, and `watch` warns about handlers and offers
//! that block others.

mod decliner;
mod deliver;
mod ending;
mod persist;
mod watch;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use mesos_proto::v1::FrameworkId;
use mesos_proto::v1::scheduler::Call;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::Instrument as _;
use tracing::instrument::Instrumented;

use super::handle::Handle;
use super::recent::RecentUpdates;
use super::shared::{PendingCall, Shared};
use super::{Event, Framework, Scheduler, SchedulerDriver};
use crate::backend::{Backend, Calls, Incoming, SchedulerApi, Subscription};
use crate::disconnected::Disconnected;
use crate::driver::Claim;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::runtime::{Background, Finish, Handled, Stop, deadline, ended, guarded};
use crate::scheduler::session::{Generation, Input, Output, Session};
use crate::store::Store;
use crate::version::MesosVersion;
use crate::{HandlerResult, StopReason};
use ending::end;

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
    /// The acknowledgements of the driver that were not answered yet.
    answers: VecDeque<Instrumented<PendingCall>>,
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

/// The next thing to handle.
enum Next<M> {
    Input(M),
    Event(Result<Incoming<SchedulerApi>>),
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
            driver,
            inputs,
            session,
            started: Instant::now(),
            answers: VecDeque::new(),
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

    /// Waits before the next attempt: until `until`, or less after a leader change. Inputs are
    /// delivered meanwhile.
    async fn wait(&mut self, mut until: Instant) -> Wait {
        let handle = self.handle.clone();
        let backend = Arc::clone(&self.backend);
        let mut leader_changed = pin!(backend.leader_changed());
        let mut listening = true;
        loop {
            tokio::select! {
                biased;
                stop = handle.shared().link.stop_requested() => return Wait::Stop(stop),
                () = sleep_until(until) => return Wait::Over,
                () = handle.shared().reconnect.notified() => {
                    // As after a leader change, so that a program cannot cause a busy loop.
                    if let Output::RetrySooner(wait) = self.step(Input::LeaderChanged) {
                        tracing::debug!(?wait, "the program requested an attempt; retrying sooner");
                        until = deadline(Instant::now(), wait);
                    }
                }
                () = &mut leader_changed, if listening => {
                    // The next attempt uses the newest leader in any case.
                    listening = false;
                    if let Output::RetrySooner(wait) = self.step(Input::LeaderChanged) {
                        tracing::debug!(?wait, "the leader changed; retrying sooner");
                        until = deadline(Instant::now(), wait);
                    }
                }
                Some(input) = self.inputs.recv() => {
                    if let Some(end) = self.input(input).await {
                        return Wait::End(end);
                    }
                }
            }
        }
    }

    /// Delivers an input of the program to the scheduler.
    async fn input(&mut self, input: M) -> Option<Result<StopReason>> {
        let handle = self.handle.clone();
        let handler = self.scheduler.input(&self.driver, input);
        ended(handled(&handle, "input", handler).await)
    }

    /// The result of an attempt, after its subscription has ended.
    async fn attempted(
        &mut self,
        generation: Generation,
        attempt: Result<Subscription<SchedulerApi>>,
    ) -> Break {
        match attempt {
            Ok(subscription) => {
                self.step(Input::Opened(generation));
                let reason = self.serve(subscription).await;
                self.disconnected();
                reason
            }
            Err(error) => self.failed(error),
        }
    }

    /// Reads the events of one subscription to its end.
    async fn serve(&mut self, subscription: Subscription<SchedulerApi>) -> Break {
        let Subscription {
            mut events,
            calls,
            peer,
        } = subscription;
        let handle = self.handle.clone();
        let shared = handle.shared();
        tracing::debug!(%peer, generation = self.session.generation(), "subscribing");
        // Answers that have not arrived yet belong to an earlier subscription.
        for _ in 0..self.answers.len() {
            shared.monitor.acknowledged(false);
        }
        self.answers.clear();
        shared.ack_watch.restart();
        let mut decliner = decliner::start(&handle, &calls);
        let mut stop = pin!(shared.link.stop_requested());
        // Notified from here on, also while a handler runs.
        let mut reconnect = pin!(shared.reconnect.notified());
        loop {
            let has_answers = !self.answers.is_empty();
            // In random order, so that neither inputs nor events wait for the others forever.
            let inputs = &mut self.inputs;
            let next = async {
                tokio::select! {
                    Some(input) = inputs.recv() => Next::Input(input),
                    incoming = events.next() => Next::Event(incoming),
                }
            };
            let incoming = tokio::select! {
                biased;
                stop = &mut stop => {
                    return Break::End(self.end_subscribed(stop, events.as_mut(), calls.as_ref()).await);
                }
                panicked = decliner.panicked() => return Break::End(Err(panicked)),
                panicked = panicked(&mut self.worker) => return Break::End(Err(panicked)),
                error = shared.ack_watch.too_many() => return self.failed(error),
                () = &mut reconnect => return self.failed(requested()),
                answer = answered(&mut self.answers), if has_answers => {
                    self.acknowledgement_answered(answer);
                    continue;
                }
                next = next => match next {
                    Next::Event(incoming) => incoming,
                    Next::Input(input) => match self.input(input).await {
                        Some(end) => return Break::End(end),
                        None => continue,
                    },
                },
            };
            let event = match incoming {
                Ok(Incoming::Event(event, record)) => {
                    let event_type = event.r#type().as_str_name();
                    shared.monitor.event_received(event_type, events.queued());
                    Event::lift(*event, record)
                }
                Ok(Incoming::Disconnected(error)) => match self.interrupted(error).await {
                    Some(reason) => return reason,
                    None => continue,
                },
                Err(error) => Err(error),
            };
            match event {
                Ok(event) => {
                    let reason = self.deliver(event, &calls).await;
                    shared.monitor.event_handled();
                    if let Some(reason) = reason {
                        return reason;
                    }
                }
                Err(error) => {
                    shared.monitor.event_handled();
                    return self.failed(error);
                }
            }
        }
    }

    /// The attempt failed or the subscription was lost.
    fn failed(&mut self, error: Error) -> Break {
        let generation = self.session.generation();
        match self.step(Input::Failed(generation, error)) {
            Output::BackOff(disconnected, removed) => Break::BackOff(disconnected, removed),
            Output::Ended(end) => Break::End(end),
            other => Break::End(Err(impossible(&other))),
        }
    }

    /// The backend lost its connection and reconnects by itself.
    async fn interrupted(&mut self, error: Error) -> Option<Break> {
        self.disconnected();
        let generation = self.session.generation();
        let Output::Interrupted(disconnected) = self.step(Input::Interrupted(generation, error))
        else {
            return None;
        };
        let handle = self.handle.clone();
        let handler = self.scheduler.disconnected(&self.driver, disconnected);
        ended(handled(&handle, "disconnected", handler).await).map(Break::End)
    }

    fn disconnected(&mut self) {
        self.worker = None;
        let shared = self.shared();
        shared
            .reconciler
            .change(|tracker, _| tracker.unsubscribed());
        shared.link.disconnect();
        shared.ledger.clear();
    }

    /// Queues an acknowledgement. A failure loses nothing, because Mesos repeats an update that
    /// was not acknowledged. So an abort does not wait until the queue has room. Many failures in a
    /// row end the subscription, see `ack_watch`.
    async fn queue_acknowledgement(&mut self, calls: &dyn Calls<SchedulerApi>, mut call: Call) {
        let span = super::calls::span(&call);
        call.framework_id = self.handle.framework_id();
        let shared = self.handle.shared();
        let sending = shared.enqueue(calls, call).instrument(span.clone());
        let aborted = || Err(Error::new(ErrorKind::Closed, "the driver was aborted"));
        let sent = async {
            tokio::select! {
                biased;
                sent = sending => sent,
                () = shared.link.aborted() => aborted(),
            }
        };
        let sent = if shared.link.is_aborted() {
            aborted()
        } else {
            sent.await
        };
        match sent {
            Ok(answer) => self.answers.push_back(answer.instrument(span)),
            Err(error) => shared.acknowledged(&Err(error)),
        }
    }
}

/// Why the wait before the next attempt ended.
enum Wait {
    Over,
    Stop(Stop),
    End(Result<StopReason>),
}

impl<S, B, M> Runtime<S, B, M> {
    fn shared(&self) -> &Shared {
        self.handle.shared()
    }

    fn acknowledgement_answered(&mut self, answer: Result<()>) {
        self.shared().acknowledged(&answer);
    }
}

/// Completes if the task has panicked. Cancel safe.
async fn panicked(task: &mut Option<Background>) -> Error {
    match task {
        Some(task) => task.panicked().await,
        None => std::future::pending().await,
    }
}

/// Waits for the oldest answer. The calls of one queue are answered in their order, so the other
/// answers need no polling. Cancel safe.
async fn answered(answers: &mut VecDeque<Instrumented<PendingCall>>) -> Result<()> {
    let answer = poll_fn(|context| match answers.front_mut() {
        Some(answer) => Pin::new(answer).poll(context),
        None => Poll::Pending,
    });
    let answer = answer.await;
    answers.pop_front();
    answer
}

/// Runs a handler and measures its duration.
async fn handled(
    handle: &Handle,
    name: &'static str,
    handler: impl Future<Output = HandlerResult>,
) -> Result<Handled> {
    let shared = handle.shared();
    let since = Instant::now();
    shared.monitor.handler_started(name, since);
    let handled = guarded(&shared.link, name, handler).await;
    shared.monitor.handler_returned();
    let elapsed = since.elapsed();
    shared.monitor.meter().handler(name, elapsed);
    if elapsed > watch::SLOW_HANDLER {
        tracing::warn!(
            handler = name,
            ?elapsed,
            "the handler took long; nothing else was delivered meanwhile"
        );
    }
    handled
}

/// The program requested another subscription.
fn requested() -> Error {
    let text = "the program requested another subscription (SchedulerDriver::reconnect)";
    Error::new(ErrorKind::NotSubscribed, text).with_delivery(Delivery::NotSent)
}

/// An output that the session never returns for this input, unless this crate has a bug.
fn impossible(output: &Output) -> Error {
    Error::new(
        ErrorKind::Protocol,
        format!("bug in the driver: unexpected session output {output:?}; please report this"),
    )
}
