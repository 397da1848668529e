//! A backend that the test controls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::{
    Answer, AnswerSender, Api, Backend, Calls, EventStream, Incoming, Subscription,
};
use mesos_core::{Capabilities, Error, ErrorKind, Result};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};

/// The timeout of every wait of a test. Virtual time in most tests.
const TIMEOUT: Duration = Duration::from_secs(120);

type Reply<A> = oneshot::Sender<Result<Subscription<A>>>;
type SentCall<A> = (<A as Api>::Call, AnswerSender);

/// The backend, which the driver has.
pub(crate) struct Scripted<A: Api> {
    attempts: mpsc::Sender<(A::Call, Reply<A>)>,
    capabilities: Capabilities,
    leader_changed: Arc<Notify>,
    pub(crate) principal: Option<&'static str>,
}

/// The other end of the backend, which the test has.
pub(crate) struct Peer<A: Api> {
    attempts: mpsc::Receiver<(A::Call, Reply<A>)>,
    leader_changed: Arc<Notify>,
}

/// An attempt to subscribe, before its response.
pub(crate) struct Attempt<A: Api> {
    pub(crate) call: A::Call,
    reply: Reply<A>,
}

/// The test's end of a subscription.
pub(crate) struct Session<A: Api> {
    events: mpsc::Sender<Result<Incoming<A>>>,
    calls: Arc<Mutex<mpsc::Receiver<SentCall<A>>>>,
}

pub(crate) fn scripted<A: Api>() -> (Scripted<A>, Peer<A>) {
    scripted_with(Capabilities::all())
}

pub(crate) fn scripted_with<A: Api>(capabilities: Capabilities) -> (Scripted<A>, Peer<A>) {
    let (sender, receiver) = mpsc::channel(1);
    let leader_changed = Arc::new(Notify::new());
    let scripted = Scripted {
        attempts: sender,
        capabilities,
        leader_changed: Arc::clone(&leader_changed),
        principal: None,
    };
    let peer = Peer {
        attempts: receiver,
        leader_changed,
    };
    (scripted, peer)
}

/// Awaits `future`, or fails the test with a message that has `what`.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(TIMEOUT, future).await {
        Ok(value) => value,
        Err(_) => panic!("timeout while waiting for {what}"),
    }
}

impl<A: Api> Peer<A> {
    pub(crate) async fn attempt(&mut self) -> Attempt<A> {
        let attempt = within("an attempt to subscribe", self.attempts.recv()).await;
        let (call, reply) = attempt.expect("the driver was dropped");
        Attempt { call, reply }
    }

    /// Same as [`attempt`](Self::attempt), without a timeout.
    pub(crate) async fn late_attempt(&mut self) -> Attempt<A> {
        let (call, reply) = self.attempts.recv().await.expect("the driver was dropped");
        Attempt { call, reply }
    }

    /// Reports a leader change to the driver.
    pub(crate) fn leader_changed(&self) {
        self.leader_changed.notify_one();
    }

    /// Grants the next attempt.
    pub(crate) async fn session(&mut self) -> Session<A> {
        self.attempt().await.grant()
    }
}

impl<A: Api> Attempt<A> {
    pub(crate) fn grant(self) -> Session<A> {
        let (events, incoming) = mpsc::channel(16);
        let (outgoing, calls) = mpsc::channel(16);
        let subscription = Subscription::new(
            Events(incoming),
            Arc::new(CallQueue(outgoing)),
            "script".to_owned(),
        );
        assert!(self.reply.send(Ok(subscription)).is_ok(), "attempt dropped");
        Session {
            events,
            calls: Arc::new(Mutex::new(calls)),
        }
    }

    pub(crate) fn refuse(self, error: Error) {
        assert!(self.reply.send(Err(error)).is_ok(), "attempt dropped");
    }
}

impl<A: Api> Session<A> {
    pub(crate) async fn send(&self, event: A::Event) {
        let incoming = Incoming::Event(Box::new(event), Bytes::new());
        let sent = self.events.send(Ok(incoming)).await;
        assert!(sent.is_ok(), "the driver dropped the subscription");
    }

    /// Reports that the backend lost its connection and reconnects by itself.
    pub(crate) async fn disconnect(&self, error: Error) {
        let sent = self.events.send(Ok(Incoming::Disconnected(error))).await;
        assert!(sent.is_ok(), "the driver dropped the subscription");
    }

    /// Ends the subscription.
    pub(crate) async fn fail(self, error: Error) {
        let _ = self.events.send(Err(error)).await;
    }

    /// Receives the next call, and responds with success.
    pub(crate) async fn call(&self) -> A::Call {
        let (call, answer) = self.unanswered().await;
        answer.send(Ok(()));
        call
    }

    pub(crate) async fn unanswered(&self) -> (A::Call, AnswerSender) {
        let mut calls = self.calls.lock().await;
        let call = within("a call", calls.recv()).await;
        call.expect("the driver was dropped")
    }

    /// Same as [`call`](Self::call), without a timeout.
    pub(crate) async fn late_call(&self) -> A::Call {
        let (call, answer) = self
            .calls
            .lock()
            .await
            .recv()
            .await
            .expect("the driver was dropped");
        answer.send(Ok(()));
        call
    }

    /// Waits until the driver closes the subscription.
    pub(crate) async fn closed(&self) {
        within("the end of the subscription", self.events.closed()).await;
    }

    /// The next call that was already sent, if there is one.
    pub(crate) fn pending_call(&self) -> Option<A::Call> {
        let mut calls = self.calls.try_lock().ok()?;
        calls.try_recv().ok().map(|(call, _)| call)
    }
}

#[async_trait]
impl<A: Api> Backend<A> for Scripted<A> {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn subscribe(&self, call: A::Call) -> Result<Subscription<A>> {
        let (reply, granted) = oneshot::channel();
        let dropped = || Error::new(ErrorKind::Closed, "the test has ended");
        self.attempts
            .send((call, reply))
            .await
            .map_err(|_| dropped())?;
        granted.await.map_err(|_| dropped())?
    }

    fn principal(&self) -> Option<&str> {
        self.principal
    }

    async fn leader_changed(&self) {
        self.leader_changed.notified().await;
    }
}

impl<A: Api> fmt::Debug for Scripted<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

struct Events<A: Api>(mpsc::Receiver<Result<Incoming<A>>>);

#[async_trait]
impl<A: Api> EventStream<A> for Events<A> {
    async fn next(&mut self) -> Result<Incoming<A>> {
        let lost = || Error::new(ErrorKind::Transport, "the script's stream ended");
        self.0.recv().await.unwrap_or_else(|| Err(lost()))
    }

    fn next_ready(&mut self) -> Option<Result<Incoming<A>>> {
        // The end of the stream is noticed in `next`.
        self.0.try_recv().ok()
    }
}

struct CallQueue<A: Api>(mpsc::Sender<SentCall<A>>);

#[async_trait]
impl<A: Api> Calls<A> for CallQueue<A> {
    async fn send(&self, call: A::Call) -> Result<Answer> {
        let (sender, answer) = Answer::channel();
        let sent = self.0.send((call, sender)).await;
        sent.map_err(|_| Error::new(ErrorKind::Transport, "the test has ended"))?;
        Ok(answer)
    }

    fn try_send(&self, call: &A::Call, answer: AnswerSender) -> Option<AnswerSender> {
        match self.0.try_send((call.clone(), answer)) {
            Ok(()) => None,
            Err(unsent) => Some(unsent.into_inner().1),
        }
    }
}
