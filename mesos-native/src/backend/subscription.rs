//! One driver of libmesos as a subscription: callbacks become events, and calls become methods of
//! the driver. Ending the driver does not block the caller.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::{self, Answer, AnswerSender, EventStream, Incoming, SchedulerApi};
use mesos_core::{Capabilities, Delivery, Error, ErrorKind, Result};
use mesos_proto::v1::FrameworkId;
use mesos_proto::v1::scheduler::{Call, Event, call, event};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::call::{NativeCall, translate};
use super::event::lift;
use super::presence::Presence;
use super::queue::Queue;
use super::thread::{end_in_background, spawn};
use crate::lock::lock;
use crate::sys::{self, Scheduler};

/// A running driver. The last drop does not wait for the end of the driver, which takes as long as
/// a running callback.
pub(super) struct Driver(Option<Scheduler>);

impl Driver {
    pub(super) fn new(scheduler: Scheduler) -> Self {
        Self(Some(scheduler))
    }

    fn scheduler(&self) -> Result<&Scheduler, String> {
        self.0
            .as_ref()
            .ok_or_else(|| "the driver has ended".to_owned())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(scheduler) = self.0.take() {
            end_in_background(scheduler, leave);
        }
    }
}

/// Deactivates the framework at the master, unless the framework was torn down, and waits until all
/// earlier calls have left.
fn leave(scheduler: &Scheduler) {
    let left = scheduler.abort();
    let left = left.and_then(|_| scheduler.stop(true));
    if let Err(error) = left.and_then(|_| scheduler.join()) {
        tracing::warn!(%error, "a libmesos driver did not end properly");
    }
}

/// Receives the callbacks of a driver.
pub(super) struct Inlet {
    queue: Queue<sys::Event>,
    /// Whether calls reach a master, according to libmesos's callbacks.
    connected: AtomicBool,
    framework_id: Mutex<Option<FrameworkId>>,
}

impl Inlet {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            queue: Queue::new(capacity),
            connected: AtomicBool::new(false),
            framework_id: Mutex::new(None),
        }
    }

    /// Adds a callback, on a thread of libmesos.
    pub(super) fn push(&self, event: sys::Event) {
        match event.kind {
            sys::MESOS_SHIM_REGISTERED | sys::MESOS_SHIM_REREGISTERED => {
                self.connected.store(true, Ordering::Release);
            }
            sys::MESOS_SHIM_DISCONNECTED | sys::MESOS_SHIM_ERROR => {
                self.connected.store(false, Ordering::Release);
            }
            _ => {}
        }
        self.queue.push(event);
    }

    pub(super) fn queue(&self) -> &Queue<sys::Event> {
        &self.queue
    }
}

/// The time between two REQUESTs, see [`Events::probe`].
const PROBE: Duration = Duration::from_secs(30);

/// The events of a driver. Dropping them ends the driver.
pub(super) struct Events {
    driver: Arc<Driver>,
    inlet: Arc<Inlet>,
    presence: Presence,
    probes: Interval,
    framework_id: Option<FrameworkId>,
    /// The SUBSCRIBE whose offer constraints are set after the first SUBSCRIBED, because a driver
    /// cannot be created with offer constraints.
    constrain: Option<call::Subscribe>,
}

impl Events {
    pub(super) fn new(
        driver: Arc<Driver>,
        inlet: Arc<Inlet>,
        presence: Presence,
        framework_id: Option<FrameworkId>,
        subscribe: call::Subscribe,
    ) -> Self {
        let mut probes = interval_at(Instant::now() + PROBE, PROBE);
        probes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            driver,
            inlet,
            presence,
            probes,
            framework_id,
            constrain: Some(subscribe).filter(|one| one.offer_constraints.is_some()),
        }
    }

    /// Sends an empty REQUEST, which does nothing at the master (`requestResources` in
    /// src/master/allocator/mesos/hierarchical.cpp).
    ///
    /// A master that has lost its connection to libmesos sends no offers and no updates, and
    /// libmesos does not notice. The master reports it as the answer to the next call (`receive` in
    /// src/master/master.cpp).
    fn probe(&self) {
        if !self.inlet.connected.load(Ordering::Acquire) {
            return;
        }
        let probe = sys::Call::RequestResources(&[]);
        let queued = self.driver.scheduler().and_then(|it| it.queue(&probe));
        if let Err(error) = queued {
            tracing::debug!(%error, "cannot send a REQUEST");
        }
    }

    /// Runs before SUBSCRIBED is delivered.
    fn subscribed(&mut self, id: &FrameworkId) -> Result<()> {
        *lock(&self.inlet.framework_id) = Some(id.clone());
        let Some(subscribe) = self.constrain.take() else {
            return Ok(());
        };
        let mut framework_info = subscribe.framework_info;
        framework_info.id = Some(id.clone());
        let update = call::UpdateFramework {
            framework_info,
            suppressed_roles: subscribe.suppressed_roles,
            offer_constraints: subscribe.offer_constraints,
        };
        let update = Call {
            r#type: Some(call::Type::UpdateFramework.into()),
            update_framework: Some(update),
            ..Default::default()
        };
        let queued = translate(update, Some(id), |_| true)?.queue_in(&self.driver);
        queued
            .map(drop)
            .map_err(|text| Error::new(ErrorKind::Backend, text))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // Unblocks the libmesos thread that may be waiting in `push`, so that the driver can end.
        self.inlet.queue.close();
        self.inlet.connected.store(false, Ordering::Release);
        // `Calls` may still exist; the driver must end now.
        let driver = Arc::clone(&self.driver);
        let end = move || {
            if let Ok(scheduler) = driver.scheduler() {
                leave(scheduler);
            }
        };
        if let Err(error) = spawn(end) {
            tracing::warn!(%error, "cannot start a thread; the driver ends when its calls are dropped");
        }
    }
}

#[async_trait]
impl EventStream<SchedulerApi> for Events {
    async fn next(&mut self) -> Result<Incoming<SchedulerApi>> {
        let callback = loop {
            tokio::select! {
                biased;
                callback = self.inlet.queue.pop() => break callback,
                error = self.presence.closed() => return Err(error),
                _ = self.probes.tick() => self.probe(),
            }
        };
        let Some(callback) = callback else {
            let text = "the driver was stopped";
            return Err(Error::new(ErrorKind::NotSubscribed, text));
        };
        let Some(event) = lift(callback, &mut self.framework_id)? else {
            let text = "libmesos lost the leading master and is searching for the leader";
            return Ok(Incoming::Disconnected(Error::new(
                ErrorKind::NotLeader,
                text,
            )));
        };
        if let Event {
            subscribed: Some(event::Subscribed { framework_id, .. }),
            ..
        } = &event
        {
            self.subscribed(framework_id)?;
        }
        Ok(Incoming::Event(Box::new(event), Bytes::new()))
    }
}

/// The calls of a driver.
pub(super) struct Calls {
    driver: Arc<Driver>,
    inlet: Arc<Inlet>,
    capabilities: Capabilities,
    /// Keeps the order of concurrent calls.
    order: Mutex<()>,
}

impl Calls {
    pub(super) fn new(driver: Arc<Driver>, inlet: Arc<Inlet>, capabilities: Capabilities) -> Self {
        Self {
            driver,
            inlet,
            capabilities,
            order: Mutex::new(()),
        }
    }

    fn require_connection(&self) -> Result<()> {
        if self.inlet.connected.load(Ordering::Acquire) {
            return Ok(());
        }
        // libmesos would drop the call silently.
        Err(not_sent("libmesos is not connected to a master"))
    }

    /// TEARDOWN: stops the driver. The answer arrives when the call has left.
    fn tear_down(&self) -> Result<Answer> {
        // Ends the delivery of events, and unblocks a thread that is waiting in `push`.
        self.inlet.queue.close();
        let (sender, answer) = Answer::channel();
        let driver = Arc::clone(&self.driver);
        spawn(move || stop(&driver, sender))?;
        Ok(answer)
    }
}

fn stop(driver: &Driver, sender: AnswerSender) {
    let stopped = driver.scheduler().and_then(|scheduler| {
        scheduler.stop(false)?;
        scheduler.join()
    });
    sender.send(stopped.map(drop).map_err(|text| not_sent(&text)));
}

#[async_trait]
impl backend::Calls<SchedulerApi> for Calls {
    async fn send(&self, call: Call) -> Result<Answer> {
        let known = lock(&self.inlet.framework_id).clone();
        let has = |capability| self.capabilities.contains(capability);
        let native = translate(call, known.as_ref(), has)?;
        self.require_connection()?;
        if matches!(native, NativeCall::Teardown) {
            return self.tear_down();
        }
        let order = lock(&self.order);
        let queued = native.queue_in(&self.driver);
        drop(order);
        match queued {
            Ok(sys::MESOS_SHIM_RUNNING) => Ok(Answer::ready(Ok(()))),
            Ok(status) => Err(not_sent(&format!("the driver has status {status}"))),
            Err(text) => Err(Error::new(ErrorKind::Config, text)),
        }
    }
}

impl NativeCall {
    fn queue_in(&self, driver: &Driver) -> Result<sys::Status, String> {
        self.queue(driver.scheduler()?)
    }
}

fn not_sent(text: &str) -> Error {
    Error::new(ErrorKind::NotSubscribed, text).with_delivery(Delivery::NotSent)
}
