//! What a backend is: the part that differs between HTTP and libmesos.
//!
//! A backend opens subscriptions and carries calls. It knows neither handlers
//! nor offers nor acknowledgement; those live above it, once, in this crate.
//! The traits are open, so that a third backend can be written outside.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use mesos_proto::v1;
use tokio::sync::oneshot;

use crate::capability::Capabilities;
use crate::error::{Delivery, Error, ErrorKind, Result};

/// One of the two streaming APIs of Mesos. Only [`SchedulerApi`] and [`ExecutorApi`] implement
/// it.
pub trait Api: sealed::Sealed + Send + Sync + fmt::Debug + 'static {
    /// A message to Mesos.
    type Call: Send + fmt::Debug + 'static;
    /// A message from Mesos.
    type Event: Send + fmt::Debug + 'static;
    /// The type of a call.
    type CallType: Copy + Eq + fmt::Debug + Send + Sync + 'static;
    /// `scheduler` or `executor`, for messages.
    const NAME: &'static str;
    /// The type of the call that opens a subscription.
    const SUBSCRIBE: Self::CallType;

    /// The type of `call`.
    fn call_type(call: &Self::Call) -> Self::CallType;

    /// The name of a type in Mesos' schema, such as `SUBSCRIBE`.
    fn type_name(call_type: Self::CallType) -> &'static str;

    /// The name of the type of `call`.
    fn call_name(call: &Self::Call) -> &'static str {
        Self::type_name(Self::call_type(call))
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::SchedulerApi {}
    impl Sealed for super::ExecutorApi {}
}

/// The API between a scheduler and the master.
#[derive(Debug, Clone, Copy)]
pub struct SchedulerApi;

impl Api for SchedulerApi {
    type Call = v1::scheduler::Call;
    type Event = v1::scheduler::Event;
    type CallType = v1::scheduler::call::Type;
    const NAME: &'static str = "scheduler";
    const SUBSCRIBE: Self::CallType = Self::CallType::Subscribe;

    fn call_type(call: &Self::Call) -> Self::CallType {
        call.r#type()
    }

    fn type_name(call_type: Self::CallType) -> &'static str {
        call_type.as_str_name()
    }
}

/// The API between an executor and its agent.
#[derive(Debug, Clone, Copy)]
pub struct ExecutorApi;

impl Api for ExecutorApi {
    type Call = v1::executor::Call;
    type Event = v1::executor::Event;
    type CallType = v1::executor::call::Type;
    const NAME: &'static str = "executor";
    const SUBSCRIBE: Self::CallType = Self::CallType::Subscribe;

    fn call_type(call: &Self::Call) -> Self::CallType {
        call.r#type()
    }

    fn type_name(call_type: Self::CallType) -> &'static str {
        call_type.as_str_name()
    }
}

/// Opens subscriptions.
#[async_trait]
pub trait Backend<A: Api>: Send + Sync + fmt::Debug {
    /// `http`, `native`, …; used in messages.
    fn name(&self) -> &'static str;

    /// What this backend can do beyond the least common part.
    fn capabilities(&self) -> Capabilities;

    /// Connects, sends the SUBSCRIBE in `call`, and returns once the peer has
    /// taken it for processing. Whether the subscription is granted only its
    /// first event says (SUBSCRIBED or ERROR).
    ///
    /// One attempt: waiting and trying again is the caller's part. Dropping
    /// the future drops the attempt and its connections.
    async fn subscribe(&self, call: A::Call) -> Result<Subscription<A>>;

    /// Completes when another attempt has become worth more than the last one
    /// was: a leading peer is known where none was, or another one. A driver
    /// that waits before its next attempt waits less then, within the bounds of
    /// its backoff. Cancel safe.
    ///
    /// The default never completes, as fits a backend that finds nothing out
    /// between attempts.
    async fn news(&self) {
        std::future::pending().await
    }
}

/// A backend that is chosen at run time.
#[async_trait]
impl<A: Api> Backend<A> for Box<dyn Backend<A>> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    async fn subscribe(&self, call: A::Call) -> Result<Subscription<A>> {
        (**self).subscribe(call).await
    }

    async fn news(&self) {
        (**self).news().await;
    }
}

/// An open subscription. Dropping `events` closes it; calls made through
/// `calls` afterwards fail.
pub struct Subscription<A: Api> {
    /// What Mesos sends, in its order.
    pub events: Box<dyn EventStream<A>>,
    /// The way back, bound to this very subscription.
    pub calls: Arc<dyn Calls<A>>,
    /// Who is at the other end, for messages: `http://10.0.0.1:5050/master`.
    pub peer: String,
}

impl<A: Api> fmt::Debug for Subscription<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("api", &A::NAME)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// What comes out of an [`EventStream`].
#[derive(Debug)]
pub enum Incoming<A: Api> {
    /// An event, and the bytes it was decoded from (empty where the backend
    /// has none): they show what a newer Mesos sent that this schema lacks.
    Event(Box<A::Event>, Bytes),
    /// The connection is lost and the backend reconnects by itself; the next
    /// event is a SUBSCRIBED. A backend that leaves reconnecting to the caller
    /// ends the stream instead.
    Disconnected(Error),
}

/// The events of one subscription.
#[async_trait]
pub trait EventStream<A: Api>: Send {
    /// The next event. An error is the end of the subscription, and its reason.
    ///
    /// What shows that a subscription is worth nothing ends it here, also where
    /// that is the answer to a call, or a call of a scheduler that got no
    /// answer in time: those who made the call may not be there any more.
    ///
    /// Cancel safe: dropping the future loses nothing.
    async fn next(&mut self) -> Result<Incoming<A>>;

    /// How many events are there already, of those that [`next`](Self::next)
    /// will return. For metrics and [`Health`](crate::scheduler::Health); the
    /// default does not know of any.
    fn queued(&self) -> usize {
        0
    }
}

/// The calls of one subscription.
#[async_trait]
pub trait Calls<A: Api>: Send + Sync {
    /// Puts `call` in line and returns what will become its answer. Waits only
    /// while the line is full.
    ///
    /// Calls reach Mesos in the order in which this future was completed.
    /// Dropping the future before it completes means that the call is not
    /// made; dropping the [`Answer`] does not take the call back.
    async fn send(&self, call: A::Call) -> Result<Answer>;
}

/// The answer to a call that is in line.
#[derive(Debug)]
#[must_use = "an answer that nobody looks at may be a refusal"]
pub struct Answer(oneshot::Receiver<Result<()>>);

/// The other end of an [`Answer`], held by the backend.
#[derive(Debug)]
pub struct AnswerSender(oneshot::Sender<Result<()>>);

impl Answer {
    /// An answer and the end that gives it.
    pub fn channel() -> (AnswerSender, Self) {
        let (sender, receiver) = oneshot::channel();
        (AnswerSender(sender), Self(receiver))
    }

    /// An answer that is there already.
    pub fn ready(result: Result<()>) -> Self {
        let (sender, answer) = Self::channel();
        sender.send(result);
        answer
    }
}

impl AnswerSender {
    /// Answers. Nobody may be listening any more; that is fine.
    pub fn send(self, result: Result<()>) {
        let _ = self.0.send(result);
    }
}

impl Future for Answer {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| {
            answer.unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorKind::NotSubscribed,
                    "the subscription ended before the call was answered",
                )
                .with_delivery(Delivery::Unknown))
            })
        })
    }
}
