//! Tests of the scheduler driver.

mod background;
mod content;
mod durations;
mod health;
mod inputs;
mod lifecycle;
mod middleware;
mod observe;
mod offers;
mod reconcile;
mod reconnect;
mod requirements;
mod session;
mod store;
mod updates;
mod waiting;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::SchedulerApi;
use mesos_core::scheduler::{Acknowledgement, Subscribed, UnknownEvent};
use mesos_core::{
    Capabilities, Disconnected, Error, ErrorKind, Framework, HandlerResult, Offer, Scheduler,
    SchedulerDriver, StatusUpdate, StopReason,
};
use mesos_proto::v1::scheduler::call::Type as CallType;
use mesos_proto::v1::scheduler::event::{self, Type};
use mesos_proto::v1::scheduler::{Call, Event};
use mesos_proto::v1::{self, FrameworkId, OfferId, TaskInfo, TaskState, TaskStatus};
use tokio::sync::watch;

use crate::script::{Peer, Session, scripted, scripted_with, within};

/// Decides the result of `update` in [`Recording`].
type OnUpdate = Box<dyn FnMut(&StatusUpdate) -> HandlerResult + Send>;

/// A scheduler that records the calls of its handlers.
#[derive(Clone)]
struct Recording {
    seen: Arc<watch::Sender<Vec<String>>>,
    held: Arc<Mutex<Vec<Offer>>>,
    on_update: Arc<Mutex<OnUpdate>>,
    hold_offers: bool,
    fail_subscribed: bool,
    record_timeout_passed: bool,
}

impl Recording {
    fn new() -> Self {
        Self::with_update(|_| Ok(()))
    }

    fn with_update(on_update: impl FnMut(&StatusUpdate) -> HandlerResult + Send + 'static) -> Self {
        Self {
            seen: Arc::new(watch::Sender::new(Vec::new())),
            held: Arc::default(),
            on_update: Arc::new(Mutex::new(Box::new(on_update))),
            hold_offers: false,
            fail_subscribed: false,
            record_timeout_passed: false,
        }
    }

    fn record(&self, what: impl Into<String>) {
        self.seen.send_modify(|seen| seen.push(what.into()));
    }

    fn seen(&self) -> Vec<String> {
        self.seen.borrow().clone()
    }

    /// Waits until `what` was recorded. Does not poll, so that virtual time
    /// advances to the timeout if it is never recorded.
    async fn wait_for(&self, what: &str) {
        let mut seen = self.seen.subscribe();
        let found = seen.wait_for(|seen| seen.iter().any(|one| one == what));
        drop(within(what, found).await);
    }

    /// The oldest offer that the scheduler holds.
    fn pop_offer(&self) -> Offer {
        self.held.lock().unwrap().remove(0)
    }
}

#[async_trait]
impl Scheduler for Recording {
    async fn subscribed(&mut self, _: &SchedulerDriver, subscribed: Subscribed) -> HandlerResult {
        let how = if subscribed.resubscribed {
            "again "
        } else {
            ""
        };
        let replaced = subscribed.replaced.map(|old| format!(" for {old}"));
        self.record(format!(
            "subscribed {how}{}{}",
            subscribed.framework_id,
            replaced.unwrap_or_default()
        ));
        if self.fail_subscribed {
            return Err("disk full".into());
        }
        Ok(())
    }

    async fn disconnected(&mut self, _: &SchedulerDriver, lost: Disconnected) -> HandlerResult {
        let passed = lost.failover_timeout_passed && self.record_timeout_passed;
        self.record(format!(
            "disconnected {:?} {}{}",
            lost.error.kind(),
            lost.attempts,
            if passed { " passed" } else { "" }
        ));
        Ok(())
    }

    async fn offers(&mut self, _: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        self.record(format!("{} offers", offers.len()));
        if self.hold_offers {
            self.held.lock().unwrap().extend(offers);
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        self.record(format!("update {}", update.task_id));
        if update.task_id == "stop" {
            driver.stop();
        }
        if update.task_id == "failover" {
            driver.stop_for_failover();
        }
        if update.task_id == "kill" {
            driver.kill("kill").await?;
        }
        if update.task_id == "hang" {
            std::future::pending::<()>().await;
        }
        (self.on_update.lock().unwrap())(update)
    }

    async fn error(&mut self, _: &SchedulerDriver, message: String) -> HandlerResult {
        self.record(format!("error {message}"));
        Ok(())
    }

    async fn unknown(&mut self, _: &SchedulerDriver, event: UnknownEvent) -> HandlerResult {
        self.record(format!("unknown {}", event.type_number));
        Ok(())
    }
}

fn subscribed(id: &str) -> Event {
    event::Subscribed {
        framework_id: FrameworkId::from(id),
        ..Default::default()
    }
    .into()
}

fn update(task: &str, uuid: Option<&'static [u8]>) -> Event {
    let status = TaskStatus {
        agent_id: Some("agent".into()),
        uuid: uuid.map(Bytes::from_static),
        ..TaskStatus::new(task, TaskState::TaskRunning)
    };
    event::Update { status }.into()
}

fn offers(ids: &[(&str, &str)]) -> Event {
    let offers = ids.iter().map(|(id, agent)| v1::Offer {
        id: OfferId::from(*id),
        agent_id: (*agent).into(),
        ..Default::default()
    });
    event::Offers {
        offers: offers.collect(),
    }
    .into()
}

fn error(message: &str) -> Event {
    event::Error {
        message: message.to_owned(),
    }
    .into()
}

fn lost() -> Error {
    Error::new(ErrorKind::Transport, "connection reset")
}

fn type_of(call: &Call) -> CallType {
    call.r#type().to_owned()
}

/// Starts a driver with `recording`, subscribed as `f1`.
async fn start(
    recording: &Recording,
) -> (SchedulerDriver, Peer<SchedulerApi>, Session<SchedulerApi>) {
    let (backend, mut peer) = scripted();
    let driver =
        SchedulerDriver::start(recording.clone(), Framework::ephemeral("test"), backend).detach();
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    (driver, peer, session)
}

async fn end_of(driver: &SchedulerDriver) -> Result<StopReason, Error> {
    within("the driver's end", driver.join()).await
}

/// Waits until all events sent so far are handled.
async fn settle(recording: &Recording, session: &Session<SchedulerApi>) {
    session.send(Type::Unknown.into()).await;
    recording.wait_for("unknown 0").await;
    recording
        .seen
        .send_modify(|seen| seen.retain(|what| what != "unknown 0"));
}

fn holding_offers() -> Recording {
    Recording {
        hold_offers: true,
        ..Recording::new()
    }
}
