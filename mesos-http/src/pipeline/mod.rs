//! The calls of one subscription: one queue, one worker, and a connection that only they use. The
//! worker is a future that the consumer of the subscription's events runs (`crate::work`).
//!
//! # Pipelining
//!
//! Calls are written one after the other without waiting for the answers, at most
//! [`pipeline`](crate::HttpBackend::pipeline) of them ahead. So a round trip costs latency, but no
//! throughput. Mesos' own clients of these APIs do the same (`nonSubscribe` in
//! src/scheduler/scheduler.cpp and src/executor/executor.cpp; `ConnectionProcess` in libprocess'
//! src/http.cpp). The order of calls is kept for these reasons (1.4 to 1.11, files of libprocess):
//!
//! * The requests of a connection are parsed in order, and enqueued in this order for the process
//!   that the path names (`receive` and `ProcessManager::handle` in src/process.cpp). On an agent's
//!   unix socket they are dispatched to it one by one (`receive` in src/http.cpp, the server in
//!   src/slave/slave.cpp).
//! * Authentication and authorization may be slow and complete out of order. The handlers are
//!   still invoked in the order of the requests: each process has a sequence for this
//!   (`httpSequence` in `ProcessBase::_consume`, src/process.cpp; include/process/sequence.hpp).
//! * The answers of a connection are sent in the order of its requests (src/http_proxy.cpp), so the
//!   first answer belongs to the first call.
//! * A call is answered when its handler returns, so waiting for the answer never meant more than
//!   that the call was handled. UPDATE_FRAMEWORK is the exception. In 1.9, which introduced it, it
//!   takes effect after an authorization that the handler of the next call does not wait for
//!   (`Master::updateFramework` in src/master/master.cpp; 1.10 authorizes in the handler). So no
//!   call is written after an UPDATE_FRAMEWORK, or after a TEARDOWN, until it was answered.
//! * libprocess reads without a limit, and continues to read when its answers are not read. So the
//!   two sides cannot deadlock. This side reads and writes at the same time, whatever is in
//!   between.
//!
//! The first call on a connection is sent alone, and so is the first one after a 401: its answer
//! shows whether the peer speaks HTTP/1.1 and accepts calls. A proxy has to support pipelined
//! requests (RFC 9112, 9.3.2), but may close a connection after a number of requests. The result of
//! calls that were written after the last answer is then unknown. After two such breaks, the backend
//! does without pipelining until a connection has lasted for ten minutes.
//!
//! # Results
//!
//! No call is written twice, with one exception: a call that was answered with 401, if a new token
//! is available and no later call was accepted (otherwise the order would change). The caller
//! decides whether to repeat a failed call. When a connection breaks, the result of a call that was
//! written and not answered is unknown.
//!
//! For a scheduler, such a call ends the subscription, and calls that were not written fail. On
//! another connection they could overtake the unknown call, which a proxy or a kernel may still have:
//! a KILL could arrive before the ACCEPT that it is about. Mesos' own library does the same
//! (`disconnected` in src/scheduler/scheduler.cpp). There are these exceptions, after which calls that
//! were not written go to a new connection:
//!
//! * The connection broke while no call was in flight.
//! * The peer announced the end of the connection with an answer. It does not handle later requests
//!   of that connection (RFC 9112, 9.6), so nothing can be overtaken.
//! * An answer says that the result is unknown (502, 504). Each call behind a failing proxy would end
//!   a subscription otherwise.
//!
//! An executor repeats its calls in order after a failure, and would end its tasks with its
//! subscription. So its subscription stays.
//!
//! A call that shows that its subscription is dead, or at another master, ends the subscription: its
//! caller may not wait for the answer any more.
//!
//! # Peers that accept connections and close them
//!
//! A connection that ends before its first answer fails one call, even if the call was not written.
//! So every attempt makes progress. The delay before the next attempt doubles with each such
//! connection in a row.

mod pipe;
mod reply;
mod worker;

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use mesos_core::backend::{Answer, AnswerSender, Calls};
use mesos_core::{Delivery, Error, ErrorKind, Result};
use mesos_proto::encoded::Encoding;
use tokio::sync::{mpsc, oneshot, watch};

use crate::transport::settings::Settings;
use crate::wire::api::HttpApi;
use crate::wire::codec::Codec;
use mesos_core::Endpoint;

/// The time limit for the answers to calls in flight when the subscription ends. A TEARDOWN is
/// answered after the end: the master ends the event stream first.
const GRACE: Duration = Duration::from_secs(2);

type BoxFuture<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// The callers' end of the queue.
pub(crate) struct CallQueue<A> {
    jobs: mpsc::Sender<Job>,
    codec: Codec,
    peer: Endpoint,
    api: PhantomData<fn(A)>,
}

#[derive(Debug)]
struct Job {
    name: &'static str,
    body: Bytes,
    answer: AnswerSender,
    /// No call may be written after this one until it was answered.
    alone: bool,
    /// Whether the call was repeated with another token.
    renewed: bool,
}

/// What the worker needs to make the calls of one subscription.
pub(crate) struct SubscriptionHandle {
    pub(crate) endpoint: Endpoint,
    /// The address that the subscription is connected to, unless it uses a unix socket. The host name
    /// of the endpoint may belong to several masters, and only this one knows the subscription.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) settings: Settings,
    pub(crate) stream_id: Option<HeaderValue>,
    /// The sender is dropped when the subscription ends.
    pub(crate) ended: watch::Receiver<()>,
    /// Ends the subscription.
    pub(crate) fatal: oneshot::Sender<Error>,
}

impl<A: HttpApi> CallQueue<A> {
    /// Creates a queue and its worker, which has to be run.
    pub(crate) fn open(
        subscription: SubscriptionHandle,
    ) -> (Self, impl Future<Output = ()> + Send + use<A>) {
        let (sender, jobs) = mpsc::channel(subscription.settings.call_queue);
        let codec = subscription.settings.codec;
        let peer = subscription.endpoint.clone();
        let queue = Self {
            jobs: sender,
            codec,
            peer,
            api: PhantomData,
        };
        (queue, worker::run::<A>(jobs, subscription))
    }
}

impl<A: HttpApi> Calls<A> for CallQueue<A> {
    /// Not an `async fn`: its future would be as large as a call.
    fn send<'a, 'f>(&'a self, call: A::Call) -> BoxFuture<'f, Result<Answer>>
    where
        'a: 'f,
        Self: 'f,
    {
        let (sender, answer) = Answer::channel();
        let job = Job {
            name: A::call_name(&call),
            // Encoded here, so that the callers share this work, and not the one worker.
            body: match self.codec.encode(&call) {
                Ok(body) => body,
                Err(error) => return Box::pin(async { Err(error) }),
            },
            answer: sender,
            alone: A::goes_alone(A::call_type(&call)),
            renewed: false,
        };
        Box::pin(async move {
            let name = job.name;
            match self.jobs.send(job).await {
                Ok(()) => Ok(answer),
                Err(_) => Err(not_sent(name, &self.peer)),
            }
        })
    }

    fn try_send(&self, call: &A::Call, answer: AnswerSender) -> Option<AnswerSender> {
        let Ok(place) = self.jobs.try_reserve() else {
            // `send` waits, or reports why the call cannot be sent.
            return Some(answer);
        };
        match self.codec.encode(call) {
            Ok(body) => place.send(Job {
                name: A::call_name(call),
                body,
                answer,
                alone: A::goes_alone(A::call_type(call)),
                renewed: false,
            }),
            Err(error) => answer.send(Err(error)),
        }
        None
    }

    fn try_send_encoded(
        &self,
        call_type: A::CallType,
        encode: &dyn Fn(Encoding) -> Option<Bytes>,
        answer: AnswerSender,
    ) -> Option<AnswerSender> {
        let Ok(place) = self.jobs.try_reserve() else {
            return Some(answer);
        };
        let Some(body) = encode(self.codec.encoding()) else {
            return Some(answer);
        };
        place.send(Job {
            name: A::type_name(call_type),
            body,
            answer,
            alone: A::goes_alone(call_type),
            renewed: false,
        });
        None
    }
}

impl<A> fmt::Debug for CallQueue<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallQueue")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// The error for a call that was still queued when its subscription ended.
fn not_sent(name: &str, peer: &Endpoint) -> Error {
    Error::new(
        ErrorKind::NotSubscribed,
        format!("{name} was not sent: its subscription with {peer} has ended"),
    )
    .with_delivery(Delivery::NotSent)
}

/// Whether a call that failed with `error` shows that its subscription is dead, or that calls do not
/// reach the master of the subscription: the master does not know the subscription, redirects to
/// another master, or does not answer any more. The time limit for the latter is that of
/// docs/scheduler-http-api.md, "Network partitions". Calls after an unanswered call are not sent: on
/// another connection they could overtake it.
fn ends_subscription(error: &Error) -> bool {
    matches!(
        (error.kind(), error.delivery()),
        (
            ErrorKind::NotSubscribed | ErrorKind::NotLeader,
            Delivery::Refused
        ) | (ErrorKind::Timeout, Delivery::Unknown)
    )
}
