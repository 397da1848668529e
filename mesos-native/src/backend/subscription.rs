//! One driver of libmesos' as a subscription: its callbacks as events, its methods as
//! calls, and its end, for which nobody has to wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::{self, Answer, AnswerSender, EventStream, Incoming, SchedulerApi};
use mesos_core::{Capabilities, Delivery, Error, ErrorKind, Result};
use mesos_proto::v1::FrameworkId;
use mesos_proto::v1::scheduler::{Call, Event, call, event};

use super::call::{Native, native};
use super::event::lift;
use super::presence::Presence;
use super::queue::Queue;
use super::thread::{end_on_a_thread, on_a_thread};
use crate::sys::{self, Scheduler};

/// A driver that runs. Whoever drops it last does not wait for its end, which takes as
/// long as a callback that is running.
pub(super) struct Driver(Option<Scheduler>);

impl Driver {
    pub(super) fn new(scheduler: Scheduler) -> Self {
        Self(Some(scheduler))
    }

    fn scheduler(&self) -> Result<&Scheduler, String> {
        self.0
            .as_ref()
            .ok_or_else(|| "the driver has gone".to_owned())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(scheduler) = self.0.take() {
            end_on_a_thread(scheduler, leave);
        }
    }
}

/// Tells the master not to count on the driver any more, unless the framework was torn
/// down, and waits until all calls before have left.
fn leave(scheduler: &Scheduler) {
    let left = scheduler.abort();
    let left = left.and_then(|_| scheduler.stop(true));
    if let Err(error) = left.and_then(|_| scheduler.join()) {
        tracing::warn!(%error, "a driver of libmesos did not end in order");
    }
}

/// Where callbacks arrive.
pub(super) struct Inlet {
    queue: Queue<sys::Event>,
    /// Whether calls reach a master, as far as libmesos has told.
    connected: AtomicBool,
    framework_id: Mutex<Option<FrameworkId>>,
}

impl Inlet {
    pub(super) fn new(queue: Queue<sys::Event>) -> Self {
        Self {
            queue,
            connected: AtomicBool::new(false),
            framework_id: Mutex::new(None),
        }
    }

    /// Takes a callback in, on a thread of libmesos'.
    pub(super) fn take(&self, event: sys::Event) {
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

    /// The text of an error among what has arrived.
    pub(super) fn failure(&self) -> Option<String> {
        std::iter::from_fn(|| self.queue.try_pop())
            .find(|event| event.kind == sys::MESOS_SHIM_ERROR)
            .map(|event| {
                let text = event.parts.first().map(Vec::as_slice).unwrap_or_default();
                String::from_utf8_lossy(text).into_owned()
            })
    }

    fn framework_id(&self) -> Option<FrameworkId> {
        let id = self.framework_id.lock();
        id.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The events of a driver. Dropping them ends it.
pub(super) struct Events {
    driver: Arc<Driver>,
    inlet: Arc<Inlet>,
    presence: Presence,
    framework_id: Option<FrameworkId>,
    /// What the first SUBSCRIBED is followed by, because a driver cannot be made with
    /// offer constraints.
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
        Self {
            driver,
            inlet,
            presence,
            framework_id,
            constrain: Some(subscribe).filter(|one| one.offer_constraints.is_some()),
        }
    }

    /// Before the scheduler hears of its subscription.
    fn subscribed(&mut self, id: &FrameworkId) -> Result<()> {
        let mut known = self.inlet.framework_id.lock();
        *known.as_deref_mut().unwrap_or(&mut None) = Some(id.clone());
        drop(known);
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
        let made = native(update, Some(id), |_| true)?.make_with(&self.driver);
        made.map(drop)
            .map_err(|text| Error::new(ErrorKind::Backend, text))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // Lets go the thread of libmesos' that may be held, so that the driver can end.
        self.inlet.queue.close();
        self.inlet.connected.store(false, Ordering::Release);
        // The calls may live on; the driver must not.
        let driver = Arc::clone(&self.driver);
        let end = move || {
            if let Ok(scheduler) = driver.scheduler() {
                leave(scheduler);
            }
        };
        if let Err(error) = on_a_thread(end) {
            tracing::warn!(%error, "no thread can be started; the driver ends with its calls");
        }
    }
}

#[async_trait]
impl EventStream<SchedulerApi> for Events {
    async fn next(&mut self) -> Result<Incoming<SchedulerApi>> {
        let callback = tokio::select! {
            biased;
            callback = self.inlet.queue.pop() => callback,
            lost = self.presence.lost() => return Err(lost),
        };
        let Some(callback) = callback else {
            let text = "the driver was stopped";
            return Err(Error::new(ErrorKind::NotSubscribed, text));
        };
        let Some(event) = lift(callback, &mut self.framework_id)? else {
            let text = "libmesos lost the leading master, and looks for it";
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
    /// Keeps the order of calls made at once.
    line: Mutex<()>,
}

impl Calls {
    pub(super) fn new(driver: Arc<Driver>, inlet: Arc<Inlet>, capabilities: Capabilities) -> Self {
        Self {
            driver,
            inlet,
            capabilities,
            line: Mutex::new(()),
        }
    }

    fn require_connection(&self) -> Result<()> {
        if self.inlet.connected.load(Ordering::Acquire) {
            return Ok(());
        }
        // libmesos would drop the call and say nothing.
        Err(not_sent("libmesos has no connection to a master now"))
    }

    /// TEARDOWN: the driver stops. Answered when the call has left.
    fn tear_down(&self) -> Result<Answer> {
        // Nothing more is delivered, and a held thread has to be let go first.
        self.inlet.queue.close();
        let (sender, answer) = Answer::channel();
        let driver = Arc::clone(&self.driver);
        let stop = move || stop(&driver, sender);
        on_a_thread(stop).map_err(|error| {
            Error::new(ErrorKind::Backend, "no thread can be started")
                .with_source(error)
                .with_delivery(Delivery::NotSent)
        })?;
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
        let known = self.inlet.framework_id();
        let has = |capability| self.capabilities.contains(capability);
        let native = native(call, known.as_ref(), has)?;
        self.require_connection()?;
        if matches!(native, Native::Teardown) {
            return self.tear_down();
        }
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let made = native.make_with(&self.driver);
        drop(line);
        match made {
            Ok(sys::MESOS_SHIM_RUNNING) => Ok(Answer::ready(Ok(()))),
            Ok(status) => Err(not_sent(&format!("the driver's status is {status}"))),
            Err(text) => Err(Error::new(ErrorKind::Config, text)),
        }
    }
}

impl Native {
    fn make_with(&self, driver: &Driver) -> Result<sys::Status, String> {
        self.make(driver.scheduler()?)
    }
}

fn not_sent(text: &str) -> Error {
    Error::new(ErrorKind::NotSubscribed, text).with_delivery(Delivery::NotSent)
}
