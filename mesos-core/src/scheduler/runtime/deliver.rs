//! Hands events to their handlers, and acknowledges.

use std::sync::Arc;

use mesos_proto::v1::{MasterInfo, OperationStatus};
use tracing::Instrument as _;

use super::{Break, Runtime, handled, impossible};
use crate::backend::{Backend, Calls, SchedulerApi};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Handled, ended};
use crate::scheduler::reconcile::{Plan, Told, Worker};
use crate::scheduler::session::{Granted, Input, Output, SessionState};
use crate::scheduler::update::{Due, OperationUpdate, StatusUpdate};
use crate::scheduler::{Event, Scheduler, Subscribed};

impl<S, B> Runtime<S, B>
where
    S: Scheduler + 'static,
    B: Backend<SchedulerApi> + 'static,
{
    /// Hands one event to its handler.
    pub(super) async fn deliver(
        &mut self,
        event: Event,
        calls: &Arc<dyn Calls<SchedulerApi>>,
    ) -> Option<Break> {
        tracing::trace!(?event, "event");
        match event {
            Event::Subscribed {
                framework_id,
                heartbeat_interval_seconds,
                master_info,
            } => {
                let input = Input::Granted(self.session.generation(), framework_id);
                match self.step(input) {
                    Output::Subscribed(granted) => {
                        let details = (heartbeat_interval_seconds, master_info);
                        self.subscribed(granted, details, calls).await
                    }
                    Output::BackOff(disconnected, forget) => {
                        Some(Break::BackOff(disconnected, forget))
                    }
                    Output::Ended(end) => Some(Break::End(end)),
                    _ => {
                        tracing::warn!("ignoring a second SUBSCRIBED of one subscription");
                        None
                    }
                }
            }
            Event::Error(message) => self.refused(message).await,
            Event::Heartbeat => None,
            Event::Unknown(event) => {
                let driver = self.driver.clone();
                let handler = self.scheduler.unknown(&driver, event);
                let outcome = handled(&driver, "unknown", handler).await;
                ended(outcome).map(Break::End)
            }
            event if self.session.state() == SessionState::Subscribed => {
                self.hand_over(event, calls).await
            }
            event => {
                // It belongs to a stream that was lost. Updates come again.
                tracing::debug!(?event, "ignoring an event from before SUBSCRIBED");
                None
            }
        }
    }

    /// Events of a granted subscription.
    async fn hand_over(
        &mut self,
        event: Event,
        calls: &Arc<dyn Calls<SchedulerApi>>,
    ) -> Option<Break> {
        let driver = self.driver.clone();
        let shared = driver.shared();
        let scheduler = &mut self.scheduler;
        let (name, handler) = match event {
            Event::Update(status) => {
                let (state, reason) = (status.state(), status.reason());
                let (update, due) = StatusUpdate::new(status, &driver);
                // The handler gets the update for its own. What is to be
                // acknowledged has been copied from it already.
                let ids = due.is_none().then(|| {
                    let agent_id = update.agent_id.clone();
                    (update.task_id.clone(), agent_id)
                });
                let span = tracing::info_span!(
                    "update",
                    task_id = %update.task_id.value,
                    agent_id = update.agent_id.as_ref().map(|id| id.value.as_str()),
                    state = update.task_state().map_or("UNKNOWN", |state| state.as_str_name()),
                );
                let handler = scheduler.update(&driver, update);
                let outcome = handled(&driver, "update", handler);
                let outcome = outcome.instrument(span).await;
                let of_due = due.as_ref().and_then(Due::task);
                let of_due = of_due.map(|(task_id, agent_id)| (task_id, Some(agent_id)));
                let copied = ids.as_ref();
                let copied = || copied.map(|(task_id, agent_id)| (task_id, agent_id.as_ref()));
                if let Ok(Handled::Done) = outcome
                    && let Some((task_id, agent_id)) = of_due.or_else(copied)
                {
                    let told = Told {
                        task_id,
                        agent_id,
                        state,
                        reason,
                    };
                    shared.reconciler.note(|plan, now| plan.task(now, &told));
                }
                return self.acknowledge(outcome, due, calls.as_ref()).await;
            }
            Event::UpdateOperationStatus(status) => {
                let told = OperationStatus {
                    operation_id: status.operation_id.clone(),
                    agent_id: status.agent_id.clone(),
                    resource_provider_id: status.resource_provider_id.clone(),
                    state: status.state,
                    ..Default::default()
                };
                let (update, due) = OperationUpdate::new(status, &driver);
                let span = tracing::info_span!(
                    "operation_update",
                    operation_id = update.operation_id.as_ref().map(|id| id.value.as_str()),
                    state = update
                        .operation_state()
                        .map_or("UNKNOWN", |state| state.as_str_name()),
                );
                let handler = scheduler.operation_update(&driver, update);
                let outcome = handled(&driver, "operation_update", handler);
                let outcome = outcome.instrument(span).await;
                if let Ok(Handled::Done) = outcome {
                    shared
                        .reconciler
                        .note(|plan, now| plan.operation(now, &told));
                }
                return self.acknowledge(outcome, due, calls.as_ref()).await;
            }
            Event::Offers(offers) => {
                let offers = shared.ledger.issue(offers);
                ("offers", scheduler.offers(&driver, offers))
            }
            Event::InverseOffers(offers) => {
                let handler = scheduler.inverse_offers(&driver, offers);
                ("inverse_offers", handler)
            }
            Event::Rescind(id) => {
                shared.ledger.remove(&id);
                ("rescind", scheduler.rescind(&driver, id))
            }
            Event::RescindInverseOffer(id) => (
                "rescind_inverse_offer",
                scheduler.rescind_inverse_offer(&driver, id),
            ),
            Event::Message {
                agent_id,
                executor_id,
                data,
            } => (
                "message",
                scheduler.message(&driver, agent_id, executor_id, data),
            ),
            Event::Failure(failure) => ("failure", scheduler.failure(&driver, failure)),
            // Dealt with in `deliver`.
            Event::Subscribed { .. } | Event::Error(_) | Event::Heartbeat | Event::Unknown(_) => {
                return None;
            }
        };
        ended(handled(&driver, name, handler).await).map(Break::End)
    }

    async fn subscribed(
        &mut self,
        granted: Granted,
        (heartbeat_interval_seconds, master_info): (Option<f64>, Option<MasterInfo>),
        calls: &Arc<dyn Calls<SchedulerApi>>,
    ) -> Option<Break> {
        let driver = self.driver.clone();
        let shared = driver.shared();
        tracing::info!(
            framework_id = %granted.id, resubscribed = granted.resubscribed, "subscribed"
        );
        if let Some(end) = self.keep(&granted.id).await {
            return Some(Break::End(end));
        }
        shared.set_framework_id(Some(granted.id.clone()));
        // Whatever was offered before is void, RESCIND or not.
        shared.ledger.clear();
        shared.link.connect(Arc::clone(calls));
        shared.monitor.granted(granted.resubscribed);
        let subscribed = Subscribed {
            framework_id: granted.id,
            master_info,
            heartbeat_interval_seconds,
            resubscribed: granted.resubscribed,
            replaced: granted.replaced,
        };
        let handler = self.scheduler.subscribed(&driver, subscribed);
        match handled(&driver, "subscribed", handler).await {
            Ok(Handled::Failed(text)) => Some(Break::End(Err(Error::new(
                ErrorKind::Handler,
                format!("the handler `subscribed` failed, so the driver stopped: {text}"),
            )))),
            Ok(Handled::Done) => {
                shared.reconciler.change(Plan::subscribed);
                self.worker = Some(Worker::start(&driver, calls));
                None
            }
            outcome => ended(outcome).map(Break::End),
        }
    }

    /// An ERROR event: the end, unless the session knows better.
    async fn refused(&mut self, message: String) -> Option<Break> {
        let input = Input::Refused(self.session.generation(), message.clone());
        let end = match self.step(input) {
            Output::Ignored => {
                tracing::debug!(message, "ignoring the ERROR of a superseded stream");
                return None;
            }
            Output::BackOff(disconnected, forget) => {
                return Some(Break::BackOff(disconnected, forget));
            }
            Output::Ended(end) => end,
            other => Err(impossible(&other)),
        };
        self.disconnected();
        let driver = self.driver.clone();
        let handler = self.scheduler.error(&driver, message);
        let outcome = handled(&driver, "error", handler).await;
        Some(Break::End(ended(outcome).unwrap_or(end)))
    }

    /// The contract's heart: acknowledged after the handler returned `Ok`.
    async fn acknowledge(
        &mut self,
        handled: Result<Handled>,
        due: Option<Due>,
        calls: &dyn Calls<SchedulerApi>,
    ) -> Option<Break> {
        self.shared().monitor.count(|counts| {
            counts.received += 1;
            match handled {
                Ok(Handled::Done) => counts.handled += 1,
                _ => counts.failed += 1,
            }
        });
        if let Ok(Handled::Done) = handled
            && let Some(due) = due
        {
            self.send(calls, due).await;
        }
        ended(handled).map(Break::End)
    }
}
