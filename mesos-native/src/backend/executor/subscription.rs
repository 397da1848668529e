//! One driver of libmesos' as an executor's subscription: its callbacks as events, its
//! methods as calls, and its end, for which nobody has to wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::{self, Answer, EventStream, ExecutorApi, Incoming};
use mesos_core::{ErrorKind, Result};
use mesos_proto::v1::executor::{Call, call, event};

use super::acknowledge::Pending;
use super::call::{Native, native, not_sent};
use super::event::{broken, event, lift};
use super::presence::Presence;
use crate::backend::queue::Queue;
use crate::backend::thread::end_on_a_thread;
use crate::sys::{self, Executor};

/// A driver that runs. Whoever drops it last does not wait for its end, which takes as
/// long as a callback that is running.
#[derive(Debug)]
pub(super) struct Driver(Option<Executor>);

impl Driver {
    pub(super) fn new(executor: Executor) -> Self {
        Self(Some(executor))
    }

    /// Waits for the driver's end, which then is not before libmesos has taken in hand what
    /// it was given: its destructor would drop that.
    pub(super) fn accompany(&self) {
        let joined = self.0.as_ref().map(Executor::join);
        if let Some(Err(error)) = joined {
            tracing::warn!(%error, "an executor driver of libmesos did not end in order");
        }
    }

    fn make(&self, native: &Native) -> Result<()> {
        match &self.0 {
            Some(executor) => native.make(executor),
            None => Err(not_sent("the driver has gone")),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(executor) = self.0.take() {
            end_on_a_thread(executor, stop);
        }
    }
}

fn stop(executor: &Executor) {
    if let Err(error) = executor.stop() {
        tracing::warn!(%error, "an executor driver of libmesos was not stopped");
    }
}

/// Where callbacks arrive.
#[derive(Debug)]
pub(super) struct Inlet {
    queue: Queue<sys::Event>,
    /// Whether the agent knows the executor, and takes its updates.
    registered: AtomicBool,
    pending: Pending,
}

impl Inlet {
    pub(super) fn new(queue: Queue<sys::Event>) -> Self {
        Self {
            queue,
            registered: AtomicBool::new(false),
            pending: Pending::default(),
        }
    }

    /// Takes a callback in, on a thread of libmesos'.
    pub(super) fn take(&self, event: sys::Event) {
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
}

/// A driver and its inlet, in one hand. Dropping them stops the driver.
#[derive(Debug)]
pub(super) struct Reins {
    pub(super) driver: Arc<Driver>,
    pub(super) inlet: Arc<Inlet>,
}

impl Drop for Reins {
    fn drop(&mut self) {
        // Lets go the thread of libmesos' that may be held, so that the driver can end.
        self.inlet.queue.close();
        self.inlet.registered.store(false, Ordering::Release);
        if let Some(executor) = &self.driver.0 {
            stop(executor);
        }
    }
}

/// The events of a driver. Dropping them ends it.
#[derive(Debug)]
pub(super) struct Events {
    reins: Reins,
    presence: Presence,
    settle: Duration,
    known: Option<event::Subscribed>,
    /// What SUBSCRIBE repeats, until there is an agent to repeat it to.
    unsent: Vec<call::Update>,
}

impl Events {
    pub(super) fn new(
        reins: Reins,
        presence: Presence,
        settle: Duration,
        subscribe: call::Subscribe,
    ) -> Self {
        Self {
            reins,
            presence,
            settle,
            known: None,
            unsent: subscribe.unacknowledged_updates,
        }
    }

    /// Before the executor hears of it.
    fn registered(&mut self) -> Result<()> {
        self.presence.registered();
        let inlet = &self.reins.inlet;
        for update in std::mem::take(&mut self.unsent) {
            let (id, uuid) = (update.status.task_id.clone(), update.status.uuid.clone());
            let made = self
                .reins
                .driver
                .make(&Native::Update(Box::new(update.status)));
            match made {
                Ok(()) => inlet.pending.push(id, uuid.unwrap_or_default()),
                // Not for ever in the way of those behind it. It stays unacknowledged.
                Err(error) if error.kind() == ErrorKind::Rejected => {
                    tracing::error!(task_id = %id, %error, "libmesos takes no such update");
                }
                Err(error) => return Err(broken(&error.to_string())),
            }
        }
        inlet.registered.store(true, Ordering::Release);
        Ok(())
    }
}

#[async_trait]
impl EventStream<ExecutorApi> for Events {
    async fn next(&mut self) -> Result<Incoming<ExecutorApi>> {
        loop {
            let inlet = &self.reins.inlet;
            let callback = tokio::select! {
                biased;
                callback = inlet.queue.pop() => callback,
                acknowledged = inlet.pending.next(self.settle, &mut self.presence) => {
                    let event = event(event::Type::Acknowledged, |event| {
                        event.acknowledged = Some(acknowledged);
                    });
                    return Ok(Incoming::Event(Box::new(event), Bytes::new()));
                }
            };
            let Some(callback) = callback else {
                return Err(broken("its driver was stopped"));
            };
            let Some(event) = lift(callback, &mut self.known)? else {
                // In practice libmesos never says so, and finds back by itself.
                continue;
            };
            if event.subscribed.is_some() {
                self.registered()?;
            }
            return Ok(Incoming::Event(Box::new(event), Bytes::new()));
        }
    }
}

/// The calls of a driver.
#[derive(Debug)]
pub(super) struct Calls {
    driver: Arc<Driver>,
    inlet: Arc<Inlet>,
    /// Keeps the order of updates and of their acknowledgements the same.
    line: Mutex<()>,
}

impl Calls {
    pub(super) fn new(reins: &Reins) -> Self {
        Self {
            driver: Arc::clone(&reins.driver),
            inlet: Arc::clone(&reins.inlet),
            line: Mutex::new(()),
        }
    }
}

#[async_trait]
impl backend::Calls<ExecutorApi> for Calls {
    async fn send(&self, call: Call) -> Result<Answer> {
        let native = native(call)?;
        if !self.inlet.registered.load(Ordering::Acquire) {
            // The agent would ignore it, and say nothing.
            return Err(not_sent("the agent has not registered this executor"));
        }
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        self.driver.make(&native)?;
        if let Native::Update(status) = native {
            let uuid = status.uuid.unwrap_or_default();
            self.inlet.pending.push(status.task_id, uuid);
        }
        drop(line);
        Ok(Answer::ready(Ok(())))
    }
}
