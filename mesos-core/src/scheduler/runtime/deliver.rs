//! Delivers events to their handlers, and acknowledges updates.

use std::sync::Arc;

use mesos_proto::encoded::{EncodedOffer, EncodedUpdate};
use mesos_proto::v1::{MasterInfo, OperationStatus};
use tracing::Instrument as _;

use super::acknowledge::Acknowledged;
use super::ending::tear_down;
use super::{Break, Runtime, handled, handled_since, impossible};
use crate::backend::{Backend, Calls, SchedulerApi};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Handled, ended};
use crate::scheduler::calls;
use crate::scheduler::framework::OFFER_CONSTRAINTS;
use crate::scheduler::reconcile::{self, Tracker};
use crate::scheduler::session::{Granted, Input, Output, SessionState};
use crate::scheduler::status::Status;
use crate::scheduler::update::{OperationUpdate, StatusUpdate};
use crate::scheduler::{Event, Scheduler, Subscribed, version_of};

impl<S, B, M> Runtime<S, B, M>
where
    S: Scheduler<M> + 'static,
    B: Backend<SchedulerApi> + 'static,
    M: Send + 'static,
{
    /// Delivers one event to its handler.
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
                    Output::BackOff(disconnected, removed) => {
                        Some(Break::BackOff(disconnected, removed))
                    }
                    Output::Ended(end) => Some(Break::End(end)),
                    _ => {
                        tracing::warn!("ignoring a second SUBSCRIBED of one subscription");
                        None
                    }
                }
            }
            Event::Error(message) => self.error_event(message).await,
            Event::Heartbeat => None,
            Event::Unknown(event) => {
                let handle = self.handle.clone();
                let handler = self.scheduler.unknown(&self.driver, event);
                let outcome = handled(&handle, "unknown", handler).await;
                ended(outcome).map(Break::End)
            }
            event if self.session.state() == SessionState::Subscribed => {
                self.deliver_subscribed(event, calls).await
            }
            event => {
                // The event belongs to a lost stream. Mesos repeats updates.
                tracing::debug!(?event, "ignoring an event from before SUBSCRIBED");
                None
            }
        }
    }

    /// Delivers offers that were not decoded.
    pub(super) async fn deliver_encoded(&mut self, offers: Vec<EncodedOffer>) -> Option<Break> {
        tracing::trace!(?offers, "event");
        if self.session.state() != SessionState::Subscribed {
            tracing::debug!(?offers, "ignoring offers from before SUBSCRIBED");
            return None;
        }
        let handle = self.handle.clone();
        let offers = handle.shared().ledger.issue(offers);
        let handler = self.scheduler.offers(&self.driver, offers);
        ended(handled(&handle, "offers", handler).await).map(Break::End)
    }

    /// Delivers an event of a granted subscription.
    async fn deliver_subscribed(
        &mut self,
        event: Event,
        calls: &Arc<dyn Calls<SchedulerApi>>,
    ) -> Option<Break> {
        let handle = self.handle.clone();
        let shared = handle.shared();
        let (scheduler, driver) = (&mut self.scheduler, &self.driver);
        let (name, handler) = match event {
            Event::Update(status) => return self.update(status.into(), calls.as_ref()).await,
            Event::UpdateOperationStatus(status) => {
                return self.operation_update(status, calls.as_ref()).await;
            }
            Event::Offers(offers) => {
                let offers = shared.ledger.issue(offers);
                ("offers", scheduler.offers(driver, offers))
            }
            Event::InverseOffers(offers) => {
                let handler = scheduler.inverse_offers(driver, offers);
                ("inverse_offers", handler)
            }
            Event::Rescind(id) => {
                shared.ledger.remove(&id);
                ("rescind", scheduler.rescind(driver, id))
            }
            Event::RescindInverseOffer(id) => (
                "rescind_inverse_offer",
                scheduler.rescind_inverse_offer(driver, id),
            ),
            Event::Message {
                agent_id,
                executor_id,
                data,
            } => (
                "message",
                scheduler.message(driver, agent_id, executor_id, data),
            ),
            Event::Failure(failure) => ("failure", scheduler.failure(driver, failure)),
            // Handled in `deliver`.
            Event::Subscribed { .. } | Event::Error(_) | Event::Heartbeat | Event::Unknown(_) => {
                return None;
            }
        };
        ended(handled(&handle, name, handler).await).map(Break::End)
    }

    /// Delivers an update that was not decoded.
    pub(super) async fn deliver_update(
        &mut self,
        update: EncodedUpdate,
        calls: &dyn Calls<SchedulerApi>,
    ) -> Option<Break> {
        tracing::trace!(?update, "event");
        if self.session.state() != SessionState::Subscribed {
            tracing::debug!(?update, "ignoring an update from before SUBSCRIBED");
            return None;
        }
        self.update(update.into(), calls).await
    }

    async fn update(&mut self, status: Status, calls: &dyn Calls<SchedulerApi>) -> Option<Break> {
        let handle = self.handle.clone();
        if let Some(recent) = &self.recent
            && let Some(uuid) = status.uuid()
            && recent.contains(&uuid)
        {
            tracing::debug!(
                task_id = %status.task_id(),
                "acknowledging a repeated update"
            );
            handle
                .shared()
                .monitor
                .count_updates(|counts| counts.repeated += 1);
            self.queue_acknowledgement(calls, Acknowledged::Task(status))
                .await;
            return None;
        }
        let update = StatusUpdate::new(status, &handle);
        let span = tracing::info_span!(
            "update",
            task_id = %update.status().task_id(),
            agent_id = update.status().agent_id(),
            state = update
                .task_state()
                .map_or("UNKNOWN", |state| state.as_str_name()),
        );
        let handler = self.scheduler.update(&self.driver, &update);
        let handled = handled_since(&handle, "update", self.now, handler);
        let (outcome, now) = handled.instrument(span).await;
        self.now = now;
        let (status, acknowledge) = update.into_parts();
        if let Ok(Handled::Done) = outcome {
            let reconciler = &handle.shared().reconciler;
            reconciler.record_at(now, |tracker, now| {
                tracker.is_interested() && tracker.task_update(now, &status.observed())
            });
        }
        if let (Ok(Handled::Done), true) = (&outcome, acknowledge)
            && let Some(recent) = &mut self.recent
            && let Some(uuid) = status.uuid()
        {
            recent.add(&uuid);
        }
        let acknowledged = acknowledge.then_some(Acknowledged::Task(status));
        self.acknowledge(outcome, acknowledged, calls).await
    }

    async fn operation_update(
        &mut self,
        status: Box<OperationStatus>,
        calls: &dyn Calls<SchedulerApi>,
    ) -> Option<Break> {
        let handle = self.handle.clone();
        let update = OperationUpdate::new(status, &handle);
        let span = tracing::info_span!(
            "operation_update",
            operation_id = update.operation_id.as_ref().map(|id| id.value.as_str()),
            state = update
                .operation_state()
                .map_or("UNKNOWN", |state| state.as_str_name()),
        );
        let handler = self.scheduler.operation_update(&self.driver, &update);
        let outcome = handled(&handle, "operation_update", handler)
            .instrument(span)
            .await;
        let (status, acknowledge) = update.into_parts();
        if let Ok(Handled::Done) = outcome {
            let reconciler = &handle.shared().reconciler;
            reconciler.record(|tracker, now| tracker.operation_update(now, &status));
        }
        let body = acknowledge.then(|| calls::acknowledge_operation(*status));
        let acknowledged = body.flatten().map(Acknowledged::Operation);
        self.acknowledge(outcome, acknowledged, calls).await
    }

    async fn subscribed(
        &mut self,
        granted: Granted,
        (heartbeat_interval_seconds, master_info): (Option<f64>, Option<MasterInfo>),
        calls: &Arc<dyn Calls<SchedulerApi>>,
    ) -> Option<Break> {
        let handle = self.handle.clone();
        let shared = handle.shared();
        tracing::info!(
            framework_id = %granted.id, resubscribed = granted.resubscribed, "subscribed"
        );
        if let Some(reason) = self.too_old(&granted, master_info.as_ref(), calls).await {
            return Some(reason);
        }
        if let Some(end) = self.save_id(&granted.id).await {
            return Some(Break::End(end));
        }
        shared.set_framework_id(Some(granted.id.clone()));
        // Offers of an earlier subscription are void, also without a RESCIND.
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
        let handler = self.scheduler.subscribed(&self.driver, subscribed);
        match handled(&handle, "subscribed", handler).await {
            Ok(Handled::Failed(text)) => Some(Break::End(Err(Error::new(
                ErrorKind::Handler,
                format!("the handler `subscribed` failed, so the driver stopped: {text}"),
            )))),
            Ok(Handled::Done) => {
                shared.reconciler.change(Tracker::subscribed);
                self.worker = Some(reconcile::start(&handle, calls));
                None
            }
            outcome => ended(outcome).map(Break::End),
        }
    }

    /// Records the release of the master. Returns `Some` if the release is older than the program
    /// requires.
    async fn too_old(
        &mut self,
        granted: &Granted,
        master: Option<&MasterInfo>,
        calls: &Arc<dyn Calls<SchedulerApi>>,
    ) -> Option<Break> {
        let version = version_of(master);
        let handle = self.handle.clone();
        let shared = handle.shared();
        shared.set_master_version(version);
        if shared.subscribe_state().has_offer_constraints()
            && let Err(error) = shared.require_mesos("offer constraints", OFFER_CONSTRAINTS)
        {
            tracing::warn!(%error, "the master ignores the offer constraints of the framework");
        }
        let required = self.required_mesos?;
        let Some(version) = version else {
            tracing::warn!(%required, "the master does not report its release, which is required");
            return None;
        };
        if version >= required {
            return None;
        }
        let text = format!(
            "the master runs Mesos {version}, but the framework requires Mesos {required} or newer"
        );
        if granted.resubscribed {
            return Some(self.failed(Error::new(ErrorKind::Unavailable, text)));
        }
        if shared.framework_id().is_none() {
            // Nobody else knows the new framework.
            let _ = tear_down(granted.id.clone(), calls.as_ref()).await;
        }
        Some(Break::End(Err(Error::new(ErrorKind::Unsupported, text))))
    }

    /// An ERROR event ends the driver, unless the session decides otherwise.
    async fn error_event(&mut self, message: String) -> Option<Break> {
        let input = Input::ErrorEvent(self.session.generation(), message.clone());
        let end = match self.step(input) {
            Output::Ignored => {
                tracing::debug!(message, "ignoring the ERROR of a superseded stream");
                return None;
            }
            Output::BackOff(disconnected, removed) => {
                return Some(Break::BackOff(disconnected, removed));
            }
            Output::Ended(end) => self.with_store(end),
            other => Err(impossible(&other)),
        };
        self.disconnected();
        let handle = self.handle.clone();
        let handler = self.scheduler.error(&self.driver, message);
        let outcome = handled(&handle, "error", handler).await;
        Some(Break::End(ended(outcome).unwrap_or(end)))
    }

    /// Acknowledges an update, only after its handler returned `Ok`.
    async fn acknowledge(
        &mut self,
        handled: Result<Handled>,
        acknowledged: Option<Acknowledged>,
        calls: &dyn Calls<SchedulerApi>,
    ) -> Option<Break> {
        self.shared().monitor.count_updates(|counts| {
            counts.received += 1;
            match handled {
                Ok(Handled::Done) => counts.handled += 1,
                _ => counts.failed += 1,
            }
        });
        if let Ok(Handled::Done) = handled
            && let Some(acknowledged) = acknowledged
        {
            self.queue_acknowledgement(calls, acknowledged).await;
        }
        ended(handled).map(Break::End)
    }
}
