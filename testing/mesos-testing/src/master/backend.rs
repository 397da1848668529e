//! A backend whose master is in the same process: no sockets, so it works in virtual time.
//!
//! A request takes the same way through the fake as a request over a socket, and so does the body
//! of a subscription. This file is the client's side: it does what the HTTP backend does.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use mesos_core::backend::{
    Answer, AnswerSender, Api, Backend, Calls, EventStream, Incoming, SchedulerApi, Subscription,
};
use mesos_core::{Capabilities, Delivery, Error, ErrorKind, Result};
use mesos_proto::v1::scheduler::{Call, Event};
use prost::Message as _;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::request::{PATH, Response};
use super::{Inner, Received};
use crate::wire::{Events, Exchange, PROTOBUF, exchange, next_record};

/// The limits of the HTTP backend, by default.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(75);
const MISSED_HEARTBEATS: u32 = 5;
const QUEUED_CALLS: usize = 1024;

const PEER: &str = "the fake master";

/// A backend that talks to a [`FakeMaster`](crate::FakeMaster) in the same process, without
/// sockets: see [`FakeMaster::backend`](crate::FakeMaster::backend).
///
/// It behaves like the HTTP backend with its default settings: calls arrive in their order, a call
/// without an answer ends the subscription, and so do five missed heartbeats. It does not follow
/// redirects: a master that does not lead refuses the subscription.
#[derive(Clone, Debug)]
pub struct InProcessBackend {
    master: Weak<Inner>,
    /// Closed when the master has ended.
    alive: watch::Receiver<()>,
    credentials: Option<(String, String)>,
}

impl InProcessBackend {
    pub(super) fn new(master: &Arc<Inner>, alive: watch::Receiver<()>) -> Self {
        Self {
            master: Arc::downgrade(master),
            alive,
            credentials: None,
        }
    }

    /// Sets the principal and the secret of all requests.
    #[must_use]
    pub fn credentials(mut self, principal: impl Into<String>, secret: impl Into<String>) -> Self {
        self.credentials = Some((principal.into(), secret.into()));
        self
    }

    fn request(&self, connection: u64, call: Call, stream_id: Option<&str>) -> Received {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![header("content-type", PROTOBUF), header("accept", PROTOBUF)];
        if let Some((principal, secret)) = &self.credentials {
            let value = STANDARD.encode(format!("{principal}:{secret}"));
            headers.push(header("authorization", &format!("Basic {value}")));
        }
        headers.extend(stream_id.map(|id| header("mesos-stream-id", id)));
        let prefix = self.master.upgrade();
        let prefix = prefix.map_or_else(String::new, |master| master.settings.prefix.clone());
        Received {
            connection,
            method: "POST".to_owned(),
            path: format!("{prefix}{PATH}"),
            headers,
            body: call.encode_to_vec().into(),
            call: Some(call),
            status: None,
            answer: String::new(),
        }
    }

    /// Makes a call, and waits for the response.
    async fn make(&self, request: Received) -> Result<Response> {
        let name = request.call.as_ref().map_or("", SchedulerApi::call_name);
        let Some(master) = self.master.upgrade() else {
            let text = format!("{PEER} has ended");
            return Err(Error::new(ErrorKind::Transport, text));
        };
        let traced = master.trace.is_on().then(|| request.body.clone());
        let exchanged = timeout(RESPONSE_TIMEOUT, exchange(master.as_ref(), request));
        let exchanged = match traced {
            None => exchanged.await,
            Some(body) => {
                let place = master.trace.call(body);
                let exchanged = exchanged.await;
                let status = match &exchanged {
                    Ok(Exchange::Answered(response)) => Some(response.status),
                    _ => None,
                };
                master.trace.answered(place, status);
                exchanged
            }
        };
        drop(master);
        match exchanged {
            Ok(Exchange::Answered(response)) => Ok(response),
            Ok(Exchange::Garbled(_)) => {
                let text = format!("{PEER} did not answer {name} with HTTP");
                Err(Error::new(ErrorKind::Protocol, text))
            }
            Ok(Exchange::Closed) => {
                let text = format!("the connection to {PEER} broke before {name} was answered");
                Err(Error::new(ErrorKind::Transport, text).with_delivery(Delivery::Unknown))
            }
            Err(_) | Ok(Exchange::Ignored) => {
                let text = format!("{PEER} did not answer {name} within {RESPONSE_TIMEOUT:?}");
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }

    /// When a message that is sent now arrives: not before the message before it.
    fn arrival(&self, last: &mut Instant) -> Instant {
        let latency = self.master.upgrade().map(|master| master.chaos.latency());
        *last = (*last).max(Instant::now() + latency.unwrap_or_default());
        *last
    }
}

#[async_trait]
impl Backend<SchedulerApi> for InProcessBackend {
    fn name(&self) -> &'static str {
        "in-process"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    fn principal(&self) -> Option<&str> {
        let (principal, _) = self.credentials.as_ref()?;
        Some(principal)
    }

    async fn subscribe(&self, call: Call) -> Result<Subscription<SchedulerApi>> {
        let (mut there, mut back) = (Instant::now(), Instant::now());
        sleep_until(self.arrival(&mut there)).await;
        let connections = self.master.upgrade();
        let connection = connections.map_or(1, |master| {
            master.connections.fetch_add(2, Ordering::Relaxed) + 1
        });
        let response = self.make(self.request(connection, call, None)).await;
        sleep_until(self.arrival(&mut back)).await;
        let response = response?;
        let id = response.header_value("Mesos-Stream-Id");
        let (200, Some(body), Some(id)) = (response.status, response.events, id) else {
            return Err(refusal("SUBSCRIBE", response.status, &response.text, false));
        };
        let (events, received) = mpsc::unbounded_channel();
        let (fatal, failed) = mpsc::channel(1);
        let (open, ended) = watch::channel(());
        let reader = Reader {
            backend: self.clone(),
            body,
            events,
            last: Instant::now(),
        };
        let (queue, jobs) = mpsc::channel(QUEUED_CALLS);
        let worker = Worker {
            backend: self.clone(),
            connection: connection + 1,
            stream_id: id,
            ended,
            fatal,
        };
        tokio::spawn(worker.run(jobs));
        let events = InProcessEvents {
            received,
            failed,
            next: None,
            over: None,
            reader: tokio::spawn(reader.run()),
            _open: open,
        };
        let calls = InProcessCalls {
            queue,
            backend: self.clone(),
        };
        Ok(Subscription::new(events, Arc::new(calls), PEER))
    }
}

/// Reads the body of a subscription. An item has the time of its arrival.
struct Reader {
    backend: InProcessBackend,
    body: Events<SchedulerApi>,
    events: mpsc::UnboundedSender<(Instant, Result<(Event, Bytes)>)>,
    last: Instant,
}

impl Reader {
    async fn run(mut self) {
        let end = self.read().await;
        let at = self.backend.arrival(&mut self.last);
        // Nobody waits for it after the driver has left the subscription.
        let _ = self.events.send((at, Err(end)));
    }

    async fn read(&mut self) -> Error {
        let mut alive = self.backend.alive.clone();
        let mut unread = BytesMut::new();
        let mut limit = RESPONSE_TIMEOUT;
        loop {
            let frame = tokio::select! {
                biased;
                _ = alive.changed() => {
                    return Error::new(ErrorKind::Transport, format!("{PEER} has ended"));
                }
                frame = timeout(limit, self.body.frame()) => frame,
            };
            match frame {
                Err(_) => {
                    let text = format!("received nothing from {PEER} for {limit:?}");
                    return Error::new(ErrorKind::HeartbeatLost, text);
                }
                Ok(None) => {
                    let text = format!("{PEER} ended the event stream");
                    return Error::new(ErrorKind::Transport, text);
                }
                Ok(Some(Err(source))) => {
                    let text = format!("the event stream from {PEER} broke");
                    return Error::new(ErrorKind::Transport, text).with_source(source);
                }
                Ok(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        unread.extend_from_slice(&bytes);
                    }
                }
            }
            while let Some(record) = next_record(&mut unread) {
                let event = match Event::decode(record.clone()) {
                    Ok(event) => event,
                    Err(source) => {
                        let text = format!("cannot decode event from {PEER}");
                        return Error::new(ErrorKind::Decode, text).with_source(source);
                    }
                };
                let heartbeat = event.subscribed.as_ref();
                let heartbeat = heartbeat.and_then(|event| event.heartbeat_interval_seconds);
                if let Some(Ok(interval)) = heartbeat.map(Duration::try_from_secs_f64) {
                    limit = interval.saturating_mul(MISSED_HEARTBEATS);
                }
                if let Some(master) = self.backend.master.upgrade() {
                    master.trace.event(record.clone());
                }
                let at = self.backend.arrival(&mut self.last);
                let _ = self.events.send((at, Ok((event, record))));
            }
        }
    }
}

type Arrival = (Instant, Result<(Event, Bytes)>);

struct InProcessEvents {
    received: mpsc::UnboundedReceiver<Arrival>,
    /// The error of a call that ended the subscription.
    failed: mpsc::Receiver<Error>,
    /// Has not arrived yet.
    next: Option<Arrival>,
    over: Option<Error>,
    reader: JoinHandle<()>,
    /// Dropped with the subscription.
    _open: watch::Sender<()>,
}

impl InProcessEvents {
    fn deliver(&mut self, item: Result<(Event, Bytes)>) -> Result<Incoming<SchedulerApi>> {
        match item {
            Ok((event, record)) => Ok(Incoming::Event(Box::new(event), record)),
            Err(error) => {
                self.reader.abort();
                Err(self.over.insert(error).clone())
            }
        }
    }
}

#[async_trait]
impl EventStream<SchedulerApi> for InProcessEvents {
    async fn next(&mut self) -> Result<Incoming<SchedulerApi>> {
        if let Some(error) = &self.over {
            return Err(error.clone());
        }
        let (received, next) = (&mut self.received, &mut self.next);
        let arrived = async {
            if next.is_none() {
                *next = received.recv().await;
            }
            match next {
                Some((at, _)) => sleep_until(*at).await,
                // The reader sends an error before it ends.
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(error) = self.failed.recv() => return self.deliver(Err(error)),
            () = arrived => {}
        }
        match self.next.take() {
            Some((_, item)) => self.deliver(item),
            None => std::future::pending().await,
        }
    }

    fn next_ready(&mut self) -> Option<Result<Incoming<SchedulerApi>>> {
        if self.over.is_some() {
            return None;
        }
        if self.next.is_none() {
            self.next = self.received.try_recv().ok();
        }
        let (_, item) = self.next.take_if(|(at, _)| *at <= Instant::now())?;
        Some(self.deliver(item))
    }

    fn queued(&self) -> usize {
        self.received.len() + usize::from(self.next.is_some())
    }
}

impl Drop for InProcessEvents {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// A call, and when it arrives.
type Job = (Call, AnswerSender);

struct InProcessCalls {
    queue: mpsc::Sender<Job>,
    backend: InProcessBackend,
}

#[async_trait]
impl Calls<SchedulerApi> for InProcessCalls {
    async fn send(&self, call: Call) -> Result<Answer> {
        let name = SchedulerApi::call_name(&call);
        let (sender, answer) = Answer::channel();
        let sent = self.queue.send((call, sender)).await;
        sent.map(|()| answer).map_err(|_| not_sent(name))
    }

    fn try_send(&self, call: &Call, answer: AnswerSender) -> Option<AnswerSender> {
        match self.queue.try_reserve() {
            Ok(place) => {
                place.send((call.clone(), answer));
                None
            }
            Err(_) => Some(answer),
        }
    }
}

impl std::fmt::Debug for InProcessCalls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("InProcessCalls")
            .field(&self.backend)
            .finish()
    }
}

/// Makes the calls of a subscription in their order.
struct Worker {
    backend: InProcessBackend,
    connection: u64,
    stream_id: String,
    ended: watch::Receiver<()>,
    fatal: mpsc::Sender<Error>,
}

impl Worker {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let (answers, pending) = mpsc::unbounded_channel();
        tokio::spawn(answer_all(pending));
        let (mut there, mut back) = (Instant::now(), Instant::now());
        while let Some((call, answer)) = jobs.recv().await {
            let name = SchedulerApi::call_name(&call);
            let at = self.backend.arrival(&mut there);
            let left = timeout_at(at, self.ended.changed()).await.is_ok();
            if left || self.ended.has_changed().is_err() {
                answer.send(Err(not_sent(name)));
                continue;
            }
            let request = self
                .backend
                .request(self.connection, call, Some(&self.stream_id));
            let result = match self.backend.make(request).await {
                Ok(response) if (200..300).contains(&response.status) => Ok(()),
                Ok(response) => Err(refusal(name, response.status, &response.text, true)),
                Err(error) => Err(error),
            };
            let fatal = result.as_ref().err().filter(|error| ends(error)).cloned();
            let at = self.backend.arrival(&mut back);
            let _ = answers.send((at, answer, result));
            if let Some(error) = fatal {
                // Calls that were not made could overtake the lost one on another connection.
                let _ = self.fatal.try_send(error);
                jobs.close();
                while let Some((call, answer)) = jobs.recv().await {
                    answer.send(Err(not_sent(SchedulerApi::call_name(&call))));
                }
            }
        }
    }
}

async fn answer_all(mut pending: mpsc::UnboundedReceiver<(Instant, AnswerSender, Result<()>)>) {
    while let Some((at, answer, result)) = pending.recv().await {
        sleep_until(at).await;
        answer.send(result);
    }
}

/// Whether a call that failed with `error` ends its subscription.
fn ends(error: &Error) -> bool {
    use ErrorKind::{NotLeader, NotSubscribed, Protocol, Timeout, Transport};
    match error.kind() {
        NotSubscribed | NotLeader => error.delivery() == Delivery::Refused,
        Timeout | Transport => true,
        Protocol => error.status().is_none(),
        _ => false,
    }
}

fn not_sent(name: &str) -> Error {
    let text = format!("{name} was not sent: its subscription with {PEER} has ended");
    Error::new(ErrorKind::NotSubscribed, text).with_delivery(Delivery::NotSent)
}

/// The error for a response without success. `within` a subscription, some texts mean that the
/// subscription is unknown.
fn refusal(name: &str, status: u16, text: &str, within: bool) -> Error {
    use ErrorKind::{
        Forbidden, NotLeader, NotSubscribed, Protocol, Rejected, Unauthorized, Unavailable,
    };
    let unknown = match status {
        400 => ["cannot be found", "stream ID", "Mesos-Stream-Id"]
            .iter()
            .any(|part| text.contains(part)),
        403 => text.contains("is not subscribed"),
        _ => false,
    };
    let kind = match status {
        _ if within && unknown => NotSubscribed,
        307 | 308 => NotLeader,
        401 => Unauthorized,
        403 => Forbidden,
        404 | 408 | 429 | 500 | 502..600 => Unavailable,
        405 => Protocol,
        400..=501 => Rejected,
        _ => Protocol,
    };
    let message = format!("{PEER} answered {name} with {status}");
    let message = match text {
        "" => message,
        reason => format!("{message}: {reason}"),
    };
    let error = Error::new(kind, message).with_status(status);
    match status {
        // As behind a proxy, which may have passed the request on before it failed.
        500 | 502 | 504 => error.with_delivery(Delivery::Unknown),
        _ => error,
    }
}
