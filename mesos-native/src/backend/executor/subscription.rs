//! One driver of libmesos as an executor's subscription: callbacks become events, and calls become
//! methods of the driver. Ending the driver does not block the caller.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::{self, Answer, EventStream, ExecutorApi, Incoming};
use mesos_core::{ErrorKind, Result};
use mesos_proto::v1::executor::{Call, call, event};

use super::acknowledge::Pending;
use super::call::{NativeCall, not_sent, translate};
use super::event::{broken, lift};
use super::presence::Presence;
use crate::backend::queue::Queue;
use crate::backend::thread::end_in_background;
use crate::lock::lock;
use crate::sys::{self, Executor};

/// A running driver. The last drop does not wait for the end of the driver, which takes as long as
/// a running callback.
#[derive(Debug)]
pub(super) struct Driver(Option<Executor>);

impl Driver {
    pub(super) fn new(executor: Executor) -> Self {
        Self(Some(executor))
    }

    /// Waits until the driver was stopped and libmesos has processed its calls. Without this wait,
    /// the destructor of the driver would drop them.
    pub(super) fn join(&self) {
        let joined = self.0.as_ref().map(Executor::join);
        if let Some(Err(error)) = joined {
            tracing::warn!(%error, "a libmesos executor driver did not end properly");
        }
    }

    fn queue(&self, call: &NativeCall) -> Result<()> {
        match &self.0 {
            Some(executor) => call.queue(executor),
            None => Err(not_sent("the driver has ended")),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(executor) = self.0.take() {
            end_in_background(executor, stop);
        }
    }
}

fn stop(executor: &Executor) {
    if let Err(error) = executor.stop() {
        tracing::warn!(%error, "cannot stop a libmesos executor driver");
    }
}

/// Receives the callbacks of a driver.
#[derive(Debug)]
pub(super) struct Inlet {
    queue: Queue<sys::Event>,
    /// Whether the agent has registered the executor and accepts its updates.
    registered: AtomicBool,
    pending: Pending,
}

impl Inlet {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            queue: Queue::new(capacity),
            registered: AtomicBool::new(false),
            pending: Pending::default(),
        }
    }

    /// Adds a callback, on a thread of libmesos.
    pub(super) fn push(&self, event: sys::Event) {
        self.queue.push(event);
    }

    pub(super) fn queue(&self) -> &Queue<sys::Event> {
        &self.queue
    }
}

/// A running driver with its inlet. Dropping it stops the driver.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) driver: Arc<Driver>,
    pub(super) inlet: Arc<Inlet>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Unblocks the libmesos thread that may be waiting in `push`, so that the driver can end.
        self.inlet.queue.close();
        self.inlet.registered.store(false, Ordering::Release);
        if let Some(executor) = &self.driver.0 {
            stop(executor);
        }
    }
}

/// The events of a driver. Dropping them ends the driver.
#[derive(Debug)]
pub(super) struct Events {
    running: Running,
    presence: Presence,
    settle: Duration,
    known: Option<event::Subscribed>,
    /// The unacknowledged updates of SUBSCRIBE, which are sent once the agent has registered the
    /// executor.
    unsent: Vec<call::Update>,
}

impl Events {
    pub(super) fn new(
        running: Running,
        presence: Presence,
        settle: Duration,
        subscribe: call::Subscribe,
    ) -> Self {
        Self {
            running,
            presence,
            settle,
            known: None,
            unsent: subscribe.unacknowledged_updates,
        }
    }

    /// Runs before SUBSCRIBED is delivered.
    fn registered(&mut self) -> Result<()> {
        self.presence.registered();
        let inlet = &self.running.inlet;
        for update in std::mem::take(&mut self.unsent) {
            let (id, uuid) = (update.status.task_id.clone(), update.status.uuid.clone());
            let update = NativeCall::Update(Box::new(update.status));
            match self.running.driver.queue(&update) {
                Ok(()) => inlet.pending.push(id, uuid.unwrap_or_default()),
                // The update stays unacknowledged. It must not block the updates after it.
                Err(error) if error.kind() == ErrorKind::Rejected => {
                    tracing::error!(task_id = %id, %error, "libmesos rejects an update");
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
            let inlet = &self.running.inlet;
            let callback = tokio::select! {
                biased;
                callback = inlet.queue.pop() => callback,
                acknowledged = inlet.pending.next(self.settle, &mut self.presence) => {
                    let event = acknowledged.into();
                    return Ok(Incoming::Event(Box::new(event), Bytes::new()));
                }
            };
            let Some(callback) = callback else {
                return Err(broken("its driver was stopped"));
            };
            let Some(event) = lift(callback, &mut self.known)? else {
                // No released libmesos calls this. It reconnects by itself.
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
    /// Keeps updates and their acknowledgements in the same order.
    order: Mutex<()>,
}

impl Calls {
    pub(super) fn new(running: &Running) -> Self {
        Self {
            driver: Arc::clone(&running.driver),
            inlet: Arc::clone(&running.inlet),
            order: Mutex::new(()),
        }
    }
}

#[async_trait]
impl backend::Calls<ExecutorApi> for Calls {
    async fn send(&self, call: Call) -> Result<Answer> {
        let call = translate(call)?;
        if !self.inlet.registered.load(Ordering::Acquire) {
            // The agent would ignore the call silently.
            return Err(not_sent("the agent has not registered this executor"));
        }
        let order = lock(&self.order);
        self.driver.queue(&call)?;
        if let NativeCall::Update(status) = call {
            let uuid = status.uuid.unwrap_or_default();
            self.inlet.pending.push(status.task_id, uuid);
        }
        drop(order);
        Ok(Answer::ready(Ok(())))
    }
}
