//! The calls of one subscription: one line, one worker, one connection of
//! their own.
//!
//! # Pipelining
//!
//! Calls are written behind one another without waiting for the answers, at
//! most [`pipeline`](crate::HttpBackend::pipeline) of them ahead: a round trip
//! then costs latency and no throughput. Mesos' own clients of these APIs do the
//! same (`nonSubscribe` in src/scheduler/scheduler.cpp and
//! src/executor/executor.cpp; `ConnectionProcess` in libprocess' src/http.cpp).
//! Why this keeps the order of calls (1.4 to 1.11, files of libprocess):
//!
//! * A connection's requests are cut out of its bytes in their order and put
//!   into the queue of the process that the path names, in that order
//!   (`receive` and `ProcessManager::handle` in src/process.cpp). For an agent's
//!   unix socket they are dispatched to it one by one (`receive` in
//!   src/http.cpp, the server in src/slave/slave.cpp).
//! * What authenticates and authorizes them may be slow and out of order; their
//!   handlers are still invoked in the order in which they arrived, by a
//!   sequence that each process has (`httpSequence` in `ProcessBase::_consume`,
//!   src/process.cpp; include/process/sequence.hpp).
//! * The answers of a connection leave in the order of its requests
//!   (src/http_proxy.cpp), so the first answer belongs to the first call.
//! * A call is answered when its handler returns, so that waiting for the answer
//!   never meant more than that it was handled. UPDATE_FRAMEWORK is the
//!   exception: in 1.9, which brought it, it takes effect after an authorization
//!   that the next call's handler does not wait for (`Master::updateFramework`
//!   in src/master/master.cpp; 1.10 authorizes in the handler). So nothing is
//!   written behind it, nor behind a TEARDOWN, before it was answered.
//! * libprocess reads without a limit and never stops for answers that are not
//!   taken, so both sides cannot wait for each other; ours reads and writes at
//!   the same time, whatever is in between.
//!
//! The first call on a connection goes alone, as does the first one after a 401:
//! its answer shows whether HTTP/1.1 is spoken and calls are taken. Proxies have
//! to take pipelined requests (RFC 9112, 9.3.2), but may end a connection after
//! so many. What was written behind the last answer is of unknown fate then; a
//! peer that does so goes without pipelining from there.
//!
//! # Fates
//!
//! Nothing is written twice but what was answered with 401, when there is
//! another token, and no call behind it was taken: the order would be another.
//! Whether a failed call is worth repeating is for those who made it. When a
//! connection breaks, what was written of and not answered is unknown, and what
//! was not written goes on another connection.
//!
//! A call that shows that its subscription is worth nothing ends it: those who
//! made the call may not be there any more to see its answer.

mod pipe;
mod reply;
mod worker;

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use mesos_core::backend::{Answer, AnswerSender, Calls};
use mesos_core::{Delivery, Error, ErrorKind, Result};
use tokio::sync::{mpsc, oneshot, watch};

use crate::transport::settings::Settings;
use crate::wire::api::HttpApi;
use crate::wire::codec::Codec;
use mesos_core::Endpoint;

/// How long a call that is under way when the subscription ends may still be
/// answered. A TEARDOWN is: the master ends the stream first.
const GRACE: Duration = Duration::from_secs(2);

type BoxFuture<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// The callers' end of the line.
pub(crate) struct Line<A> {
    line: mpsc::Sender<Job>,
    codec: Codec,
    peer: Endpoint,
    api: PhantomData<fn(A)>,
}

#[derive(Debug)]
struct Job {
    name: &'static str,
    body: Bytes,
    answer: AnswerSender,
    /// Nothing may be written behind it before it was answered.
    alone: bool,
    /// Whether it was asked again with another token.
    renewed: bool,
}

/// What the worker needs to make calls of one subscription, and of no other.
pub(crate) struct Bound {
    pub(crate) endpoint: Endpoint,
    pub(crate) settings: Settings,
    pub(crate) stream_id: Option<HeaderValue>,
    /// Its sender is dropped when the subscription ends.
    pub(crate) over: watch::Receiver<()>,
    /// Ends the subscription.
    pub(crate) verdict: oneshot::Sender<Error>,
}

impl<A: HttpApi> Line<A> {
    /// Opens a line and starts its worker.
    pub(crate) fn open(bound: Bound) -> Self {
        let (line, jobs) = mpsc::channel(bound.settings.call_queue);
        let codec = bound.settings.codec;
        let peer = bound.endpoint.clone();
        tokio::spawn(worker::work::<A>(jobs, bound));
        Self {
            line,
            codec,
            peer,
            api: PhantomData,
        }
    }
}

impl<A: HttpApi> Calls<A> for Line<A> {
    /// Not an `async fn`, whose future would be as large as a call.
    fn send<'a, 'f>(&'a self, call: A::Call) -> BoxFuture<'f, Result<Answer>>
    where
        'a: 'f,
        Self: 'f,
    {
        let (sender, answer) = Answer::channel();
        let job = Job {
            name: A::call_name(&call),
            // Encoded here, so that callers share the work and not one worker.
            body: match self.codec.encode(&call) {
                Ok(body) => body,
                Err(error) => return Box::pin(async { Err(error) }),
            },
            answer: sender,
            alone: A::goes_alone(&call),
            renewed: false,
        };
        Box::pin(async move {
            let name = job.name;
            match self.line.send(job).await {
                Ok(()) => Ok(answer),
                Err(_) => Err(over(name, &self.peer)),
            }
        })
    }
}

impl<A> fmt::Debug for Line<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// What a call is told that was not made any more.
fn over(name: &str, peer: &Endpoint) -> Error {
    Error::new(
        ErrorKind::NotSubscribed,
        format!("{name} was not sent: its subscription with {peer} is over"),
    )
    .with_delivery(Delivery::NotSent)
}

/// Whether a call that failed with `error` shows that its subscription is worth
/// nothing: the master does not know it, or is not there any more. The limit
/// for the latter is that of docs/scheduler-http-api.md, "Network partitions".
/// What comes behind an unanswered call may not overtake it on another
/// connection either, and is not sent.
fn condemns(error: &Error) -> bool {
    matches!(
        (error.kind(), error.delivery()),
        (ErrorKind::NotSubscribed, Delivery::Refused) | (ErrorKind::Timeout, Delivery::Unknown)
    )
}
