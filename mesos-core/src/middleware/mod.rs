//! Code between a driver and its backend: it sees, changes, delays or drops events and calls.
//!
//! ```
//! use mesos::backend::{Answer, Calls, SchedulerApi};
//! use mesos::http::HttpBackend;
//! use mesos::middleware::{Middleware, Wrapped};
//! use mesos::v1::scheduler::{Call, Event};
//! use std::sync::Arc;
//!
//! #[derive(Debug)]
//! struct Print;
//!
//! #[mesos::async_trait]
//! impl Middleware<SchedulerApi> for Print {
//!     fn event(&self, event: Box<Event>) -> Option<Box<Event>> {
//!         println!("received {}", event.r#type().as_str_name());
//!         Some(event)
//!     }
//!
//!     async fn call(&self, call: Call, next: &Arc<dyn Calls<SchedulerApi>>) -> mesos::Result<Answer> {
//!         println!("sending {}", call.r#type().as_str_name());
//!         next.send(call).await
//!     }
//! }
//!
//! let backend = HttpBackend::new("10.0.0.1:5050".parse()?);
//! let backend = Wrapped::new(backend, Print);
//! # let _ = backend;
//! # Ok::<(), mesos::AddressError>(())
//! ```
//!
//! [`RetryCalls`] is a middleware that repeats calls.

mod retry;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_proto::encoded::Encoding;

use crate::backend::{
    Answer, AnswerSender, Api, Backend, Calls, EventStream, Incoming, Subscription,
};
use crate::capability::Capabilities;
use crate::error::Result;
pub use retry::RetryCalls;

/// What a [`Wrapped`] backend does with events and calls. Each method has a default that changes
/// nothing.
#[async_trait]
pub trait Middleware<A: Api>: Send + Sync + fmt::Debug + 'static {
    /// Called with the SUBSCRIBE of each attempt before it is sent.
    fn subscribe(&self, call: &mut A::Call) {
        let _ = call;
    }

    /// Called with each event from Mesos, in their order. The result is delivered to the driver;
    /// `None` drops the event.
    ///
    /// A driver without SUBSCRIBED waits for it. Mesos repeats an update that was dropped, until
    /// the update is acknowledged. Blocking here blocks the event loop.
    fn event(&self, event: Box<A::Event>) -> Option<Box<A::Event>> {
        Some(event)
    }

    /// Whether [`event`](Self::event) has to be called. If not, offers and updates reach the driver
    /// undecoded, and several events at a time, as without this middleware. The default is `true`.
    fn sees_events(&self) -> bool {
        true
    }

    /// Whether [`call`](Self::call) has to be called. If not, calls reach the backend without
    /// waiting, as without this middleware. The default is `true`.
    fn sees_calls(&self) -> bool {
        true
    }

    /// Called with each call except SUBSCRIBE, also with calls of the driver itself. `next` sends a
    /// call.
    ///
    /// Calls reach Mesos in the order in which they are passed to `next`. The future may be
    /// dropped before it completes. Drivers expect it to wait only while a queue is full: to wait
    /// for the answer, spawn a task.
    async fn call(&self, call: A::Call, next: &Arc<dyn Calls<A>>) -> Result<Answer> {
        next.send(call).await
    }
}

/// A backend with a [`Middleware`]. Several can be nested; the outermost is next to the driver.
#[derive(Debug)]
pub struct Wrapped<B, M> {
    backend: B,
    middleware: Arc<M>,
}

impl<B, M> Wrapped<B, M> {
    /// `backend` behind `middleware`.
    pub fn new(backend: B, middleware: M) -> Self {
        Self {
            backend,
            middleware: Arc::new(middleware),
        }
    }
}

#[async_trait]
impl<A: Api, B: Backend<A>, M: Middleware<A>> Backend<A> for Wrapped<B, M> {
    fn name(&self) -> &'static str {
        self.backend.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.backend.capabilities()
    }

    fn principal(&self) -> Option<&str> {
        self.backend.principal()
    }

    async fn subscribe(&self, mut call: A::Call) -> Result<Subscription<A>> {
        self.middleware.subscribe(&mut call);
        let inner = self.backend.subscribe(call).await?;
        let events = Events {
            inner: inner.events,
            middleware: Arc::clone(&self.middleware),
        };
        let calls = Outgoing {
            inner: inner.calls,
            middleware: Arc::clone(&self.middleware),
        };
        Ok(Subscription::new(events, Arc::new(calls), inner.peer))
    }

    async fn leader_changed(&self) {
        self.backend.leader_changed().await;
    }
}

struct Events<A: Api, M> {
    inner: Box<dyn EventStream<A>>,
    middleware: Arc<M>,
}

#[async_trait]
impl<A: Api, M: Middleware<A>> EventStream<A> for Events<A, M> {
    async fn next(&mut self) -> Result<Incoming<A>> {
        loop {
            match self.inner.next().await? {
                Incoming::Event(event, record) => {
                    if let Some(event) = self.middleware.event(event) {
                        return Ok(Incoming::Event(event, record));
                    }
                }
                other => return Ok(other),
            }
        }
    }

    async fn next_encoded(&mut self) -> Result<Incoming<A>> {
        if self.middleware.sees_events() {
            return self.next().await;
        }
        self.inner.next_encoded().await
    }

    fn next_ready(&mut self) -> Option<Result<Incoming<A>>> {
        if self.middleware.sees_events() {
            return None;
        }
        self.inner.next_ready()
    }

    fn queued(&self) -> usize {
        self.inner.queued()
    }
}

struct Outgoing<A: Api, M> {
    inner: Arc<dyn Calls<A>>,
    middleware: Arc<M>,
}

#[async_trait]
impl<A: Api, M: Middleware<A>> Calls<A> for Outgoing<A, M> {
    async fn send(&self, call: A::Call) -> Result<Answer> {
        if !self.middleware.sees_calls() {
            return self.inner.send(call).await;
        }
        self.middleware.call(call, &self.inner).await
    }

    fn try_send(&self, call: &A::Call, answer: AnswerSender) -> Option<AnswerSender> {
        if self.middleware.sees_calls() {
            return Some(answer);
        }
        self.inner.try_send(call, answer)
    }

    fn try_send_encoded(
        &self,
        call_type: A::CallType,
        encode: &dyn Fn(Encoding) -> Option<Bytes>,
        answer: AnswerSender,
    ) -> Option<AnswerSender> {
        if self.middleware.sees_calls() {
            return Some(answer);
        }
        self.inner.try_send_encoded(call_type, encode, answer)
    }
}
