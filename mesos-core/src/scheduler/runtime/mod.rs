//! Runs one scheduler: subscribes, reads events, reconnects. What is done when
//! is for the session (`scheduler/session`) to say; what an event means for the
//! scheduler is in `deliver`, how a driver ends in `ending`.

mod decliner;
mod deliver;
mod ending;
mod keep;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use mesos_proto::v1::FrameworkId;
use mesos_proto::v1::scheduler::Call;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::Instrument as _;
use tracing::instrument::Instrumented;

use super::reconcile::Worker;
use super::shared::{Asked, Shared};
use super::update::Due;
use super::{Event, Framework, Scheduler, SchedulerDriver, calls};
use crate::backend::{Backend, Calls, Incoming, SchedulerApi, Subscription};
use crate::disconnected::Disconnected;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Finish, Handled, Stop, ended, guarded};
use crate::scheduler::session::{Generation, Input, Output, Session};
use crate::store::Store;
use crate::{End, HandlerResult};
use decliner::Decliner;
use ending::end;

/// See the module.
pub(super) struct Runtime<S, B> {
    scheduler: S,
    backend: B,
    driver: SchedulerDriver,
    session: Session,
    started: Instant,
    /// Answers to the runtime's own calls that are still to come.
    answers: VecDeque<Instrumented<Asked>>,
    store: Option<Arc<dyn Store>>,
    /// What the store has.
    stored: Option<FrameworkId>,
    /// Reconciles over the present subscription.
    worker: Option<Worker>,
}

/// Why the events of a subscription are no longer read.
enum Break {
    /// Wait and subscribe again; an id is to be forgotten first.
    BackOff(Disconnected, Option<FrameworkId>),
    /// The driver ends.
    End(Result<End>),
}

impl<S, B> Runtime<S, B>
where
    S: Scheduler + 'static,
    B: Backend<SchedulerApi> + 'static,
{
    pub(super) fn new(
        scheduler: S,
        framework: Framework,
        backend: B,
        driver: SchedulerDriver,
    ) -> Self {
        let mut session = Session::new(framework.backoff, framework.removed);
        session.continue_as(framework.info.id);
        Self {
            scheduler,
            backend,
            driver,
            session,
            started: Instant::now(),
            answers: VecDeque::new(),
            store: framework.store,
            stored: None,
            worker: None,
        }
    }

    pub(super) async fn run(mut self) {
        let driver = self.driver.clone();
        let finish = Finish::new(|end| {
            driver.shared().ledger.clear();
            driver.shared().link.finish(end);
        });
        let end = self.drive().await;
        self.step(Input::End(end.clone()));
        finish.with(end);
    }

    /// Tells the session what happened.
    fn step(&mut self, input: Input) -> Output {
        let timeout = self.shared().wishes().failover_timeout();
        self.session.set_failover_timeout(timeout);
        let before = self.session.state();
        let now = self.started.elapsed();
        let output = self.session.step(now, fastrand::f64(), input);
        let after = self.session.state();
        let generation = self.session.generation();
        if after != before || matches!(output, Output::Interrupted(_)) {
            let reason = match &output {
                Output::BackOff(lost, _) | Output::Interrupted(lost) => Some(lost.error.clone()),
                Output::Ended(end) => end.as_ref().err().cloned(),
                _ => None,
            };
            self.shared().monitor.moved(after, generation, reason);
            tracing::debug!(from = %before, to = %after, generation, "session");
        }
        output
    }

    async fn drive(&mut self) -> Result<End> {
        let driver = self.driver.clone();
        let link = &driver.shared().link;
        if let Some(end) = self.recall().await {
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
            let call = driver.shared().wishes().subscribe(id);
            let attempt = tokio::select! {
                biased;
                stop = link.stop_requested() => return end(&driver, stop, None).await,
                attempt = self.backend.subscribe(call) => attempt,
            };
            let (disconnected, forget) = match self.attempted(generation, attempt).await {
                Break::BackOff(disconnected, forget) => (disconnected, forget),
                Break::End(end) => return end,
            };
            let retry_in = disconnected.retry_in;
            tracing::warn!(
                error = %crate::chain(&disconnected.error),
                attempts = disconnected.attempts,
                ?retry_in,
                "no subscription"
            );
            if let Some(id) = forget
                && let Some(end) = self.forget(&id).await
            {
                return end;
            }
            let until = Instant::now() + retry_in;
            let handler = self.scheduler.disconnected(&driver, disconnected);
            if let Some(end) = ended(handled(&driver, "disconnected", handler).await) {
                return end;
            }
            if let Some(stop) = self.wait(until).await {
                return end(&driver, stop, None).await;
            }
        }
    }

    /// Waits before the next attempt: `until` then, less if there are news, and
    /// not at all if the driver is to end.
    async fn wait(&mut self, mut until: Instant) -> Option<Stop> {
        let driver = self.driver.clone();
        let mut listening = true;
        loop {
            tokio::select! {
                biased;
                stop = driver.shared().link.stop_requested() => return Some(stop),
                () = sleep_until(until) => return None,
                () = self.backend.news(), if listening => {
                    // The next attempt will know all that is known by then.
                    listening = false;
                    if let Output::Hurry(wait) = self.step(Input::News) {
                        tracing::debug!(?wait, "there are news of the leader");
                        until = Instant::now() + wait;
                    }
                }
            }
        }
    }

    /// What came of an attempt, after its subscription has ended.
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
        let driver = self.driver.clone();
        let shared = driver.shared();
        tracing::debug!(%peer, generation = self.session.generation(), "subscribing");
        // Answers that are not there by now are of no use any more.
        for _ in 0..self.answers.len() {
            shared.monitor.acknowledged(false);
        }
        self.answers.clear();
        let _decliner = Decliner::start(&driver, &calls);
        let mut stop = pin!(shared.link.stop_requested());
        loop {
            let incoming = tokio::select! {
                biased;
                stop = &mut stop => {
                    return Break::End(self.leave(stop, events.as_mut(), calls.as_ref()).await);
                }
                answer = self.answered(), if !self.answers.is_empty() => {
                    self.own_call_answered(answer);
                    continue;
                }
                incoming = events.next() => incoming,
            };
            let event = match incoming {
                Ok(Incoming::Event(event, record)) => {
                    let event_type = event.r#type().as_str_name();
                    shared.monitor.taken_up(event_type, events.queued());
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
                    shared.monitor.dealt_with();
                    if let Some(reason) = reason {
                        return reason;
                    }
                }
                Err(error) => {
                    shared.monitor.dealt_with();
                    return self.failed(error);
                }
            }
        }
    }

    /// The attempt failed or the subscription was lost.
    fn failed(&mut self, error: Error) -> Break {
        let generation = self.session.generation();
        match self.step(Input::Failed(generation, error)) {
            Output::BackOff(disconnected, forget) => Break::BackOff(disconnected, forget),
            Output::Ended(end) => Break::End(end),
            other => Break::End(Err(impossible(&other))),
        }
    }

    /// The backend lost its connection, and makes another one by itself.
    async fn interrupted(&mut self, error: Error) -> Option<Break> {
        self.disconnected();
        let generation = self.session.generation();
        let Output::Interrupted(disconnected) = self.step(Input::Interrupted(generation, error))
        else {
            return None;
        };
        let driver = self.driver.clone();
        let handler = self.scheduler.disconnected(&driver, disconnected);
        ended(handled(&driver, "disconnected", handler).await).map(Break::End)
    }

    fn disconnected(&mut self) {
        self.worker = None;
        let shared = self.shared();
        shared.reconciler.change(|plan, _| plan.lost());
        shared.link.disconnect();
        shared.ledger.clear();
    }

    /// Puts an acknowledgement in line. Its failure is no loss: an update that
    /// is not acknowledged comes again. So an abort need not wait until there
    /// is room in the line.
    async fn send(&mut self, calls: &dyn Calls<SchedulerApi>, due: Due) {
        let Some(call) = due.into_call() else {
            return;
        };
        let span = calls::span(&call);
        let sending = send(&self.driver, calls, call).instrument(span.clone());
        let link = &self.driver.shared().link;
        let sent = async {
            tokio::select! {
                biased;
                sent = sending => sent,
                () = link.aborted() => None,
            }
        };
        let sent = if link.is_aborted() { None } else { sent.await };
        match sent {
            Some(answer) => self.answers.push_back(answer.instrument(span)),
            None => self.shared().monitor.acknowledged(false),
        }
    }
}

impl<S, B> Runtime<S, B> {
    fn shared(&self) -> &Shared {
        self.driver.shared()
    }

    /// Waits for the oldest answer. Calls of one line are answered in their
    /// order, so the others need not be looked at. Cancel safe.
    async fn answered(&mut self) -> Result<()> {
        let answer = poll_fn(|context| match self.answers.front_mut() {
            Some(answer) => Pin::new(answer).poll(context),
            None => Poll::Pending,
        });
        let answer = answer.await;
        self.answers.pop_front();
        answer
    }

    fn own_call_answered(&mut self, answer: Result<()>) {
        self.shared().monitor.acknowledged(answer.is_ok());
    }
}

/// Puts a call of the runtime's own in line. That it was not is logged there,
/// and no loss.
fn send<'a>(
    driver: &SchedulerDriver,
    calls: &'a dyn Calls<SchedulerApi>,
    mut call: Call,
) -> impl Future<Output = Option<Asked>> + Send + use<'a> {
    call.framework_id = driver.framework_id();
    let put = driver.shared().put(calls, call);
    async { put.await.ok() }
}

/// Runs a handler, and measures how long it takes.
async fn handled(
    driver: &SchedulerDriver,
    name: &'static str,
    handler: impl Future<Output = HandlerResult>,
) -> Result<Handled> {
    let shared = driver.shared();
    let since = Instant::now();
    let handled = guarded(&shared.link, name, handler).await;
    shared.monitor.meter().handler(name, since.elapsed());
    handled
}

/// The session and its runtime disagree: a bug here, told instead of hidden.
fn impossible(output: &Output) -> Error {
    Error::new(
        ErrorKind::Protocol,
        format!("the driver lost track of its own session: {output:?}; please report this"),
    )
}
