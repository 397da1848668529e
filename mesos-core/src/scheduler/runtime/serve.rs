//! Serves one subscription: reads its events until it ends.

use std::pin::pin;
use std::sync::Arc;

use futures_util::poll;
use mesos_proto::v1;
use tokio::sync::mpsc;
use tokio::task::coop::consume_budget;
use tokio::time::Instant;

use super::acknowledge::answered;
use super::{Break, Runtime, decliner, handled, impossible};
use crate::backend::{Backend, Calls, EventStream, Incoming, SchedulerApi, Subscription};
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::runtime::{Background, ended};
use crate::scheduler::acknowledgements::Acknowledgements;
use crate::scheduler::session::{Generation, Input, Output};
use crate::scheduler::{Event, Scheduler};

/// The most events that are handled one after the other, if no input and no request of the program
/// comes in between. The event loop waits for ten things, and checking all of them costs more than
/// handling an event.
const MAX_BATCH: usize = 256;

/// Tokio interrupts a task that uses up its budget of 128 units, so that other tasks of the thread
/// run. A unit is for this number of events, so that an interruption is the exception: the HTTP
/// backend interrupts this task by itself, at moments when this costs less.
const EVENTS_PER_UNIT: usize = 16;

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
    /// The result of an attempt, after its subscription has ended.
    pub(super) async fn attempted(
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
        self.acknowledgements.end();
        self.acknowledgements = Acknowledgements::new(&handle);
        shared.ack_watch.restart();
        let mut decliner = decliner::start(&handle, &calls);
        let mut stop = pin!(shared.link.stop_requested());
        // Notified from here on, also while a handler runs.
        let mut reconnect = pin!(shared.reconnect.notified());
        loop {
            let has_answers = !self.answers.is_empty();
            let next = next(&mut self.inputs, events.as_mut());
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
            self.now = Instant::now();
            let mut incoming = Some(incoming);
            for handled in 1..=MAX_BATCH {
                let Some(next) = incoming.take().or_else(|| events.next_ready()) else {
                    break;
                };
                if let Some(reason) = self.incoming(next, events.queued(), &calls).await {
                    return reason;
                }
                // Everything else that the loop waits for does not need an answer at once.
                if poll!(reconnect.as_mut()).is_ready() {
                    return self.failed(requested());
                }
                if !self.inputs.is_empty() || shared.link.is_stop_requested() {
                    break;
                }
                // Other tasks of the thread run between the events of a scheduler that never waits.
                if handled % EVENTS_PER_UNIT == 0 {
                    consume_budget().await;
                }
            }
        }
    }

    /// Handles what the stream of events has returned. `queued` events are behind it.
    async fn incoming(
        &mut self,
        incoming: Result<Incoming<SchedulerApi>>,
        queued: usize,
        calls: &Arc<dyn Calls<SchedulerApi>>,
    ) -> Option<Break> {
        let handle = self.handle.clone();
        let monitor = &handle.shared().monitor;
        let event = match incoming {
            Ok(Incoming::Event(event, record)) => {
                let event_type = event.r#type().as_str_name();
                monitor.event_received(event_type, queued, self.now);
                Event::lift(*event, record)
            }
            Ok(Incoming::Offers(offers)) => {
                let event_type = v1::scheduler::event::Type::Offers.as_str_name();
                monitor.event_received(event_type, queued, self.now);
                let reason = self.deliver_encoded(offers).await;
                monitor.event_handled();
                self.now = Instant::now();
                return reason;
            }
            Ok(Incoming::Update(update)) => {
                let event_type = v1::scheduler::event::Type::Update.as_str_name();
                monitor.event_received(event_type, queued, self.now);
                let reason = self.deliver_update(update, calls.as_ref()).await;
                monitor.event_handled();
                return reason;
            }
            Ok(Incoming::Disconnected(error)) => return self.interrupted(error).await,
            Err(error) => Err(error),
        };
        // The time after an update is read with its handler's duration.
        let is_update = matches!(event, Ok(Event::Update(_)));
        let reason = match event {
            Ok(event) => self.deliver(event, calls).await,
            Err(error) => Some(self.failed(error)),
        };
        monitor.event_handled();
        if !is_update {
            self.now = Instant::now();
        }
        reason
    }

    /// The attempt failed or the subscription was lost.
    pub(super) fn failed(&mut self, error: Error) -> Break {
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

    pub(super) fn disconnected(&mut self) {
        self.worker = None;
        let shared = self.shared();
        shared
            .reconciler
            .change(|tracker, _| tracker.unsubscribed());
        shared.link.disconnect();
        shared.ledger.clear();
    }
}

/// The next input or event. In random order, so that neither inputs nor events wait for the others
/// forever. The order follows from the seed of `fastrand`, so that simulations can repeat it, which
/// the order of `tokio::select!` does not. Cancel safe.
async fn next<M>(
    inputs: &mut mpsc::UnboundedReceiver<M>,
    events: &mut dyn EventStream<SchedulerApi>,
) -> Next<M> {
    let inputs_first = fastrand::bool();
    let input = async {
        match inputs.recv().await {
            Some(input) => Next::Input(input),
            None => std::future::pending().await,
        }
    };
    let event = async { Next::Event(events.next_encoded().await) };
    if inputs_first {
        tokio::select! { biased; next = input => next, next = event => next }
    } else {
        tokio::select! { biased; next = event => next, next = input => next }
    }
}

/// Completes if the task has panicked. Cancel safe.
async fn panicked(task: &mut Option<Background>) -> Error {
    match task {
        Some(task) => task.panicked().await,
        None => std::future::pending().await,
    }
}

/// The program requested another subscription.
fn requested() -> Error {
    let text = "the program requested another subscription (SchedulerDriver::reconnect)";
    Error::new(ErrorKind::NotSubscribed, text).with_delivery(Delivery::NotSent)
}
