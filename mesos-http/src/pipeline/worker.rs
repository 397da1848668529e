//! Makes the calls of one queue: keeps their order, and decides the result of each.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use mesos_core::{Delivery, Error, ErrorKind, Result};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::pipe::{Fault, Pipe};
use super::reply::Reply;
use super::{GRACE, Job, SubscriptionHandle, ends_subscription, not_sent};
use crate::auth::Access;
use crate::transport::settings::Settings;
use crate::wire::answer::{Answer, Purpose, refusal};
use crate::wire::api::HttpApi;
use crate::wire::request;
use mesos_core::Endpoint;

/// The number of connections of a backend that may break with more than one call in flight
/// before its calls are sent one at a time.
const MAX_BREAKS: u32 = 2;

/// The age of a connection that makes earlier breaks irrelevant: pipelining is tried again. Without
/// this rule, two failures of masters in years would slow down a scheduler for the rest of its life.
const FORGET_BREAKS: Duration = Duration::from_secs(10 * 60);

/// The delay before a connection after one that ended before its first answer. It doubles with each
/// such connection in a row.
const REOPEN_DELAY: Duration = Duration::from_millis(50);
const REOPEN_DELAY_MAX: Duration = Duration::from_secs(1);

/// The most calls that are taken out of the queue together.
const MOST_AT_ONCE: usize = 256;

/// What the worker has to do next.
enum Next {
    /// Open a connection, for the first waiting call.
    Open,
    /// Get another token, for the calls that were answered with 401.
    Renew,
    /// End: the subscription is dead.
    Fatal(Error),
    /// End: no call can be made any more, and all calls were answered.
    Done,
}

struct Worker<'a, A> {
    endpoint: &'a Endpoint,
    address: Option<SocketAddr>,
    settings: &'a Settings,
    stream_id: Option<&'a HeaderValue>,
    queue: mpsc::Receiver<Job>,
    /// The memory for calls that are received together.
    received: Vec<Job>,
    /// Calls before the ones in the queue that are not written yet.
    waiting: VecDeque<Job>,
    /// Calls that were answered with 401 and may be repeated once no call is in flight. They
    /// precede the waiting ones.
    refused: Vec<(Job, Answer)>,
    access: Option<Access<'a>>,
    /// The head of a request, up to the value of Content-Length.
    head: Vec<u8>,
    pipe: Option<Pipe>,
    /// The number of calls that may be in flight.
    window: usize,
    /// The number of connections in a row that ended before their first answer.
    unanswered: u32,
    fatal_error: Option<Error>,
    /// No more calls are made.
    closing: bool,
    api: PhantomData<fn(A)>,
}

/// Makes the calls in `queue`, until their subscription ends.
pub(super) async fn run<A: HttpApi>(queue: mpsc::Receiver<Job>, subscription: SubscriptionHandle) {
    let mut ended = subscription.ended;
    let mut worker = Worker::<A> {
        endpoint: &subscription.endpoint,
        address: subscription.address,
        settings: &subscription.settings,
        stream_id: subscription.stream_id.as_ref(),
        queue,
        received: Vec::new(),
        waiting: VecDeque::new(),
        refused: Vec::new(),
        access: None,
        head: Vec::new(),
        pipe: None,
        window: match subscription.settings.breaks.load(Ordering::Relaxed) {
            ..MAX_BREAKS => subscription.settings.pipeline,
            MAX_BREAKS.. => 1,
        },
        unanswered: 0,
        fatal_error: None,
        closing: false,
        api: PhantomData,
    };
    loop {
        tokio::select! {
            biased;
            // No value is ever sent, so this completes when the sender is dropped.
            _ = ended.changed() => break,
            next = worker.step() => match next {
                None => {}
                Some(Next::Fatal(error)) => {
                    // The subscription may have ended already.
                    let _ = subscription.fatal.send(error);
                    break;
                }
                Some(_) => return,
            },
        }
    }
    worker.close().await;
}

impl<A: HttpApi> Worker<'_, A> {
    /// Works until a connection or a token is needed, and gets it. Returns the reason to end, if
    /// there is one. Cancel safe.
    async fn step(&mut self) -> Option<Next> {
        match poll_fn(|context| self.poll(context)).await {
            Next::Open => {
                sleep(self.delay()).await;
                self.open().await;
            }
            Next::Renew => self.renew().await,
            end => return Some(end),
        }
        None
    }

    /// The delay before the next connection.
    fn delay(&self) -> Duration {
        match self.unanswered {
            0 => Duration::ZERO,
            count => {
                let factor = 1 << (count - 1).min(10);
                (REOPEN_DELAY * factor).min(REOPEN_DELAY_MAX)
            }
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        loop {
            if let Some(error) = self.fatal_error.take_if(|_| !self.closing) {
                return Poll::Ready(Next::Fatal(error));
            }
            // Answers come first: the peer may have closed an idle connection.
            if let Some(pipe) = &mut self.pipe {
                match pipe.poll_answer(context) {
                    Poll::Ready(Ok((job, reply))) => {
                        self.answered(job, reply);
                        continue;
                    }
                    Poll::Ready(Err(fault)) => {
                        self.disconnected(fault);
                        continue;
                    }
                    Poll::Pending => {}
                }
            }
            let mut progress = match self.fill_pipe(context) {
                Ok(filled) => filled,
                Err(next) => return Poll::Ready(next),
            };
            if let Some(pipe) = &mut self.pipe {
                progress |= pipe.poll_write(context);
                if pipe.is_over() {
                    self.disconnected(Fault::Close);
                    continue;
                }
            }
            if !progress {
                return Poll::Pending;
            }
        }
    }

    /// Puts calls into the pipe while it has room; whether it was at least one.
    fn fill_pipe(&mut self, context: &mut Context<'_>) -> Result<bool, Next> {
        let mut filled = false;
        loop {
            let idle = self.pipe.as_ref().is_none_or(Pipe::is_idle);
            if idle && !self.refused.is_empty() {
                return Err(Next::Renew);
            }
            if idle && self.closing {
                return Err(Next::Done);
            }
            let room = |pipe: &Pipe| pipe.room(self.window);
            let room = self.pipe.as_ref().map_or(1, room);
            if self.closing || !self.refused.is_empty() || room == 0 {
                return Ok(filled);
            }
            let Some(job) = self.waiting.pop_front() else {
                // One by one, tokio would interrupt this task after 128 calls, and each write would
                // have so few.
                let most = room.min(MOST_AT_ONCE);
                match self.queue.poll_recv_many(context, &mut self.received, most) {
                    Poll::Ready(1..) => self.waiting.extend(self.received.drain(..)),
                    Poll::Ready(0) if idle => return Err(Next::Done),
                    Poll::Ready(0) | Poll::Pending => return Ok(filled),
                }
                continue;
            };
            let Some(pipe) = &mut self.pipe else {
                self.waiting.push_front(job);
                return Err(Next::Open);
            };
            pipe.push(job, &self.head);
            filled = true;
        }
    }

    async fn open(&mut self) {
        let opening = async {
            let access = Access::new(self.settings).await?;
            Ok((
                access,
                Pipe::open(self.endpoint, self.address, self.settings).await?,
            ))
        };
        match opening.await {
            Ok((access, pipe)) => {
                self.head = self.head(&access);
                self.access = Some(access);
                self.pipe = Some(pipe);
            }
            Err(error) => {
                if let Some(job) = self.waiting.pop_front() {
                    self.finish(job, Err(error));
                }
            }
        }
    }

    async fn renew(&mut self) {
        let renewed = match &mut self.access {
            Some(access) => access.replace().await,
            None => Ok(()),
        };
        let refused = std::mem::take(&mut self.refused);
        match renewed {
            Ok(()) => {
                if let Some(access) = &self.access {
                    self.head = self.head(access);
                }
                if let Some(pipe) = &mut self.pipe {
                    pipe.reset_probe();
                }
                let again = refused.into_iter().map(|(job, _)| Job {
                    renewed: true,
                    ..job
                });
                self.put_back(again.collect());
            }
            Err(error) => {
                for (job, _) in refused {
                    self.finish(job, Err(error.clone()));
                }
            }
        }
    }

    fn head(&self, access: &Access<'_>) -> Vec<u8> {
        let (codec, authorization) = (self.settings.codec, access.header());
        request::head(self.endpoint, A::PATH, codec, authorization, self.stream_id)
    }

    fn answered(&mut self, job: Job, reply: Reply) {
        self.unanswered = 0;
        self.forget_breaks();
        if reply.is_accepted() && reply.body.is_empty() {
            return self.finish(job, Ok(()));
        }
        let close = reply.close;
        self.handle_answer(job, answer(reply));
        if close {
            self.disconnected(Fault::Close);
        }
    }

    fn handle_answer(&mut self, job: Job, answer: Answer) {
        let renewable = self.access.as_ref().is_some_and(Access::is_renewable);
        if answer.status == StatusCode::UNAUTHORIZED && renewable && !job.renewed && !self.closing {
            self.refused.push((job, answer));
            if let Some(pipe) = &mut self.pipe {
                let back = pipe.unwritten();
                self.put_back(back);
            }
            return;
        }
        let result = self.result(job.name, answer);
        self.finish(job, result);
    }

    fn result(&self, name: &'static str, mut answer: Answer) -> Result<()> {
        if matches!(answer.status, StatusCode::OK | StatusCode::ACCEPTED) {
            if !answer.body.is_empty() {
                // `Master::Http::reconcileOperations` in src/master/http.cpp, 1.6 and 1.7.
                tracing::warn!(
                    call = name,
                    peer = %self.endpoint,
                    "ignored the body of the answer; Mesos before 1.8 answers RECONCILE_OPERATIONS \
                     in the body and sends no events, so its operations stay unreconciled"
                );
            }
            return Ok(());
        }
        if let Some(access) = &self.access {
            access.annotate(&mut answer);
        }
        let (purpose, at) = (Purpose::Call, self.endpoint);
        Err(refusal(name, purpose, at, A::PATH, &answer))
    }

    /// The connection cannot be used any more.
    fn disconnected(&mut self, fault: Fault) {
        let Some(mut pipe) = self.pipe.take() else {
            return;
        };
        let (answered, mut back) = (pipe.is_answered(), pipe.unwritten());
        let (begun, jobs) = pipe.end();
        tracing::debug!(peer = %self.endpoint, ?fault, in_flight = jobs.len(), "connection ended");
        self.count_break(&fault, jobs.len());
        let announced = matches!(fault, Fault::Close);
        let error = self.error(fault);
        if !answered {
            self.unanswered = self.unanswered.saturating_add(1);
            // A new connection that accepts nothing: another one would probably not help.
            if jobs.is_empty()
                && let Some(job) = back.pop_front().or_else(|| self.waiting.pop_front())
            {
                let error = error.clone().with_delivery(Delivery::NotSent);
                self.finish(job, Err(error));
            }
        }
        let mut jobs = jobs.into_iter();
        // The status of the answer is known, if not all of its body.
        if let Some((reply, whole)) = begun
            && let Some(job) = jobs.next()
        {
            let mut answer = answer(reply);
            answer.fault = Some(error.clone()).filter(|_| !whole);
            self.handle_answer(job, answer);
        }
        for job in jobs {
            if A::CALLS_CAN_END_IT && !announced {
                self.fatal_error.get_or_insert_with(|| error.clone());
            }
            self.finish(job, Err(error.clone()));
        }
        self.put_back(back);
    }

    /// Permits pipelining again if the connection has lasted.
    fn forget_breaks(&mut self) {
        if self.settings.breaks.load(Ordering::Relaxed) == 0 {
            return;
        }
        let lasted = |pipe: &Pipe| pipe.age() >= FORGET_BREAKS;
        if self.pipe.as_ref().is_some_and(lasted) {
            self.settings.breaks.store(0, Ordering::Relaxed);
            self.window = self.settings.pipeline;
        }
    }

    /// Counts a connection that ended with `in_flight` calls, and stops pipelining if that repeats.
    fn count_break(&mut self, fault: &Fault, in_flight: usize) {
        let certain = matches!(fault, Fault::Close) && in_flight > 0;
        let count = match certain {
            true => MAX_BREAKS,
            false => u32::from(in_flight > 1),
        };
        let breaks = &self.settings.breaks;
        let breaks = breaks.fetch_add(count, Ordering::Relaxed) + count;
        if breaks >= MAX_BREAKS && self.window > 1 {
            let peer = self.endpoint;
            tracing::warn!(
                %peer,
                "connections break while pipelined calls are in flight; is there a proxy in \
                 between? Calls are now sent one at a time, as with `pipeline(1)`"
            );
            self.window = 1;
        }
    }

    /// The error for a call in flight on a connection with `fault`.
    fn error(&self, fault: Fault) -> Error {
        let (at, path) = (self.endpoint, self.endpoint.join(A::PATH));
        let error = match fault {
            Fault::Broken(source) => {
                let message =
                    format!("the connection to {at} broke before POST {path} was answered");
                Error::new(ErrorKind::Transport, message).with_source(source)
            }
            Fault::Close => {
                let message = format!("{at} closed the connection before POST {path} was answered");
                Error::new(ErrorKind::Transport, message)
            }
            Fault::Garbage(source) => {
                let message = format!("{at} does not speak HTTP; is the port right?");
                Error::new(ErrorKind::Protocol, message).with_source(source)
            }
            Fault::Timeout => {
                let limit = self.settings.response_timeout;
                let message = format!("{at} did not answer POST {path} within {limit:?}");
                Error::new(ErrorKind::Timeout, message)
            }
        };
        error.with_delivery(Delivery::Unknown)
    }

    /// Puts calls before all others, in order.
    fn put_back(&mut self, mut jobs: VecDeque<Job>) {
        jobs.append(&mut self.waiting);
        self.waiting = jobs;
    }

    /// Sends the result of a call to its caller.
    fn finish(&mut self, job: Job, result: Result<()>) {
        let acted = match &result {
            Ok(()) => true,
            Err(error) => error.delivery() == Delivery::Unknown,
        };
        if acted {
            // If repeated, the refused calls would arrive after this one.
            self.fail_refused();
        }
        if let Err(error) = &result
            && A::CALLS_CAN_END_IT
            && ends_subscription(error)
        {
            self.fatal_error.get_or_insert_with(|| error.clone());
        }
        job.answer.send(result);
    }

    /// Fails the calls that were answered with 401 instead of repeating them.
    fn fail_refused(&mut self) {
        for (job, answer) in std::mem::take(&mut self.refused) {
            let result = self.result(job.name, answer);
            self.finish(job, result);
        }
    }

    /// Fails all queued calls, and waits for a while for the answers to the calls in flight.
    async fn close(mut self) {
        self.closing = true;
        self.fail_refused();
        if let Some(pipe) = &mut self.pipe {
            let back = pipe.unwritten();
            self.put_back(back);
        }
        let peer = self.endpoint;
        for job in std::mem::take(&mut self.waiting) {
            job.answer.send(Err(not_sent(job.name, peer)));
        }
        self.queue.close();
        while let Some(job) = self.queue.recv().await {
            job.answer.send(Err(not_sent(job.name, peer)));
        }
        let answers = timeout(GRACE, poll_fn(|context| self.poll(context))).await;
        let Some(pipe) = self.pipe.filter(|_| answers.is_err()) else {
            return;
        };
        for job in pipe.end().1 {
            let message = format!(
                "{} was not answered before its subscription with {peer} ended",
                job.name
            );
            let error = Error::new(ErrorKind::NotSubscribed, message);
            job.answer.send(Err(error.with_delivery(Delivery::Unknown)));
        }
    }
}

fn answer(reply: Reply) -> Answer {
    Answer {
        status: reply.status,
        headers: reply.headers,
        body: reply.body.into(),
        fault: None,
        advice: None,
    }
}

#[cfg(test)]
mod tests;
