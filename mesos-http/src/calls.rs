//! The calls of one subscription: one line, one worker, one connection of
//! their own.
//!
//! A call is sent when the one before it was answered; that is what keeps their
//! order through a broken connection as well. Nothing is sent twice: whether a
//! failed call is worth repeating is for those who made it.
//!
//! A call that shows that its subscription is worth nothing ends it: those who
//! made the call may not be there any more to see its answer.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use mesos_core::backend::{Answer, AnswerSender, Calls};
use mesos_core::{Delivery, Error, ErrorKind, Result};
use tokio::sync::{mpsc, oneshot, watch};

use crate::answer::{Purpose, REASON_LIMIT, refusal};
use crate::api::HttpApi;
use crate::caller::Caller;
use crate::codec::Codec;

/// How long a call that is under way when the subscription ends may still be
/// answered. A TEARDOWN is: the master ends the stream first.
const GRACE: Duration = Duration::from_secs(2);

/// The callers' end of the line.
pub(crate) struct Line<A> {
    line: mpsc::Sender<Job>,
    codec: Codec,
    peer: String,
    api: PhantomData<fn(A)>,
}

struct Job {
    name: &'static str,
    body: Bytes,
    answer: AnswerSender,
}

/// What the worker needs to make calls of one subscription, and of no other.
pub(crate) struct Bound {
    pub(crate) caller: Caller,
    pub(crate) stream_id: Option<HeaderValue>,
    /// Its sender is dropped when the subscription ends.
    pub(crate) over: watch::Receiver<()>,
    /// Ends the subscription.
    pub(crate) verdict: oneshot::Sender<Error>,
}

impl<A: HttpApi> Line<A> {
    /// Opens a line for `capacity` waiting calls and starts its worker.
    pub(crate) fn open(bound: Bound, codec: Codec, capacity: usize) -> Self {
        let (line, jobs) = mpsc::channel(capacity);
        let peer = bound.caller.endpoint.to_string();
        tokio::spawn(work::<A>(jobs, bound));
        Self {
            line,
            codec,
            peer,
            api: PhantomData,
        }
    }
}

#[async_trait]
impl<A: HttpApi> Calls<A> for Line<A> {
    async fn send(&self, call: A::Call) -> Result<Answer> {
        let name = A::call_name(&call);
        // Encoded here, so that callers share the work and not one worker.
        let body = self.codec.encode(&call)?;
        let (sender, answer) = Answer::channel();
        let job = Job {
            name,
            body,
            answer: sender,
        };
        match self.line.send(job).await {
            Ok(()) => Ok(answer),
            Err(_) => Err(over(name, &self.peer)),
        }
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
fn over(name: &str, peer: &str) -> Error {
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

async fn work<A: HttpApi>(mut jobs: mpsc::Receiver<Job>, mut bound: Bound) {
    let peer = bound.caller.endpoint.to_string();
    let mut end = bound.over.clone();
    loop {
        let job = tokio::select! {
            biased;
            // Nothing is ever sent through it, so this is its end.
            _ = end.changed() => break,
            job = jobs.recv() => match job {
                Some(job) => job,
                None => return,
            },
        };
        let mut late = bound.over.clone();
        let result = tokio::select! {
            biased;
            result = bound.deliver::<A>(&job) => result,
            () = async {
                let _ = late.changed().await;
                tokio::time::sleep(GRACE).await;
            } => Err(Error::new(
                ErrorKind::NotSubscribed,
                format!("{} was not answered before its subscription with {peer} ended", job.name),
            )
            .with_delivery(Delivery::Unknown)),
        };
        match &result {
            Ok(()) => tracing::debug!(call = job.name, %peer, "taken"),
            Err(error) => tracing::debug!(call = job.name, %peer, %error, "failed"),
        }
        let condemned = result.as_ref().err().filter(|error| condemns(error));
        let condemned = condemned.filter(|_| A::CALLS_CAN_END_IT).cloned();
        job.answer.send(result);
        if let Some(error) = condemned {
            // It may have ended by itself.
            let _ = bound.verdict.send(error);
            break;
        }
    }
    jobs.close();
    while let Some(job) = jobs.recv().await {
        job.answer.send(Err(over(job.name, &peer)));
    }
}

impl Bound {
    async fn deliver<A: HttpApi>(&mut self, job: &Job) -> Result<()> {
        let stream_id = self.stream_id.as_ref();
        let answer = self
            .caller
            .post(A::PATH, stream_id, job.body.clone(), REASON_LIMIT)
            .await?;
        match answer.status {
            StatusCode::OK | StatusCode::ACCEPTED => Ok(()),
            _ => Err(refusal(
                job.name,
                Purpose::Call,
                &self.caller.endpoint,
                A::PATH,
                &answer,
            )),
        }
    }
}
