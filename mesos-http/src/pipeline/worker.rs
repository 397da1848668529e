//! Makes the calls of one line: keeps their order, and decides the fate of each.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::task::{Context, Poll};

use http::{HeaderValue, StatusCode};
use mesos_core::{Delivery, Error, ErrorKind, Result};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::pipe::{Fault, Pipe};
use super::reply::Reply;
use super::{Bound, GRACE, Job, condemns, over};
use crate::auth::Access;
use crate::transport::connection::STREAM_ID;
use crate::transport::settings::Settings;
use crate::wire::answer::{Answer, Purpose, refusal};
use crate::wire::api::HttpApi;
use mesos_core::Endpoint;

/// So many connections of one subscription may break under more than one call
/// before its calls go one at a time.
const STRIKES: u32 = 2;

/// What the worker cannot go on without.
enum Next {
    /// A connection, for the call that waits first.
    Open,
    /// Another token, for the calls that were answered with 401.
    Renew,
    /// The end: the subscription is worth nothing.
    Condemned(Error),
    /// The end: no call will come any more, and all were answered.
    Done,
}

struct Worker<'a, A> {
    endpoint: &'a Endpoint,
    settings: &'a Settings,
    stream_id: Option<&'a HeaderValue>,
    line: mpsc::Receiver<Job>,
    /// Before those in the line, and not written yet.
    waiting: VecDeque<Job>,
    /// What was answered with 401 and may be asked again, once nothing is under
    /// way. All of it comes before what waits.
    refused: Vec<(Job, Answer)>,
    access: Option<Access<'a>>,
    /// A request's head, up to the number of its Content-Length.
    head: Vec<u8>,
    pipe: Option<Pipe>,
    /// How many calls may be under way.
    window: usize,
    /// How often a connection broke under more than one call.
    strikes: u32,
    condemned: Option<Error>,
    /// No more calls are made.
    over: bool,
    api: PhantomData<fn(A)>,
}

/// Makes the calls that come by `line`, until their subscription is over.
pub(super) async fn work<A: HttpApi>(line: mpsc::Receiver<Job>, bound: Bound) {
    let mut end = bound.over;
    let mut worker = Worker::<A> {
        endpoint: &bound.endpoint,
        settings: &bound.settings,
        stream_id: bound.stream_id.as_ref(),
        line,
        waiting: VecDeque::new(),
        refused: Vec::new(),
        access: None,
        head: Vec::new(),
        pipe: None,
        window: bound.settings.pipeline,
        strikes: 0,
        condemned: None,
        over: false,
        api: PhantomData,
    };
    loop {
        tokio::select! {
            biased;
            // Nothing is ever sent through it, so this is its end.
            _ = end.changed() => break,
            next = worker.step() => match next {
                None => {}
                Some(Next::Condemned(error)) => {
                    // It may have ended by itself.
                    let _ = bound.verdict.send(error);
                    break;
                }
                Some(_) => return,
            },
        }
    }
    worker.leave().await;
}

impl<A: HttpApi> Worker<'_, A> {
    /// Goes on until something new is needed, and gets it. The end if there is
    /// one. Cancel safe.
    async fn step(&mut self) -> Option<Next> {
        match poll_fn(|context| self.poll(context)).await {
            Next::Open => self.open().await,
            Next::Renew => self.renew().await,
            end => return Some(end),
        }
        None
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        loop {
            if let Some(error) = self.condemned.take_if(|_| !self.over) {
                return Poll::Ready(Next::Condemned(error));
            }
            // Before anything is written: the peer may have ended an idle
            // connection.
            if let Some(pipe) = &mut self.pipe {
                match pipe.poll_answer(context) {
                    Poll::Ready(Ok((job, reply))) => {
                        self.answered(job, reply);
                        continue;
                    }
                    Poll::Ready(Err(fault)) => {
                        self.lost(fault);
                        continue;
                    }
                    Poll::Pending => {}
                }
            }
            let mut moved = match self.take(context) {
                Ok(took) => took,
                Err(next) => return Poll::Ready(next),
            };
            if let Some(pipe) = &mut self.pipe {
                moved |= pipe.poll_write(context);
                if pipe.is_over() {
                    self.lost(Fault::Close);
                    continue;
                }
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }

    /// Puts calls into the pipe while there is room; whether it was any.
    fn take(&mut self, context: &mut Context<'_>) -> Result<bool, Next> {
        let mut took = false;
        loop {
            let idle = self.pipe.as_ref().is_none_or(Pipe::is_idle);
            if idle && !self.refused.is_empty() {
                return Err(Next::Renew);
            }
            if idle && self.over {
                return Err(Next::Done);
            }
            let room = |pipe: &Pipe| pipe.has_room(self.window);
            if self.over || !self.refused.is_empty() || !self.pipe.as_ref().is_none_or(room) {
                return Ok(took);
            }
            let job = match self.waiting.pop_front() {
                Some(job) => job,
                None => match self.line.poll_recv(context) {
                    Poll::Ready(Some(job)) => job,
                    Poll::Ready(None) if idle => return Err(Next::Done),
                    Poll::Ready(None) | Poll::Pending => return Ok(took),
                },
            };
            let Some(pipe) = &mut self.pipe else {
                self.waiting.push_front(job);
                return Err(Next::Open);
            };
            pipe.push(job, &self.head);
            took = true;
        }
    }

    async fn open(&mut self) {
        let opening = async {
            let access = Access::of(self.settings).await?;
            Ok((access, Pipe::open(self.endpoint, self.settings).await?))
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
                    pipe.doubt();
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
        let path = self.endpoint.join(A::PATH);
        let codec = self.settings.codec.media_type();
        let mut head = Vec::new();
        let mut field = |name: &str, value: &[u8]| {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        };
        field("POST ", format!("{path} HTTP/1.1").as_bytes());
        field("host: ", self.endpoint.authority().as_bytes());
        field("accept: ", codec.as_bytes());
        field("content-type: ", codec.as_bytes());
        if let Some(authorization) = access.header() {
            field("authorization: ", authorization.as_bytes());
        }
        if let Some(id) = self.stream_id {
            field(&format!("{STREAM_ID}: "), id.as_bytes());
        }
        head.extend_from_slice(b"content-length: ");
        head
    }

    fn answered(&mut self, job: Job, reply: Reply) {
        let close = reply.close;
        self.decide(job, answer(reply));
        if close {
            self.lost(Fault::Close);
        }
    }

    fn decide(&mut self, job: Job, answer: Answer) {
        let renewable = self.access.as_ref().is_some_and(Access::is_renewable);
        if answer.status == StatusCode::UNAUTHORIZED && renewable && !job.renewed && !self.over {
            self.refused.push((job, answer));
            if let Some(pipe) = &mut self.pipe {
                let back = pipe.unwritten();
                self.put_back(back);
            }
            return;
        }
        let result = self.judge(job.name, answer);
        self.finish(job, result);
    }

    fn judge(&self, name: &'static str, mut answer: Answer) -> Result<()> {
        if matches!(answer.status, StatusCode::OK | StatusCode::ACCEPTED) {
            if !answer.body.is_empty() {
                // `Master::Http::reconcileOperations` in src/master/http.cpp, 1.6 and 1.7.
                tracing::warn!(
                    call = name,
                    peer = %self.endpoint,
                    "what it was answered with is not read; Mesos before 1.8 answers \
                     RECONCILE_OPERATIONS so, and sends no events: its operations stay open"
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

    /// The connection is of no more use.
    fn lost(&mut self, fault: Fault) {
        let Some(mut pipe) = self.pipe.take() else {
            return;
        };
        let (answered, mut back) = (pipe.is_answered(), pipe.unwritten());
        let (begun, jobs) = pipe.end();
        tracing::debug!(peer = %self.endpoint, ?fault, under_way = jobs.len(), "connection ended");
        self.strike(&fault, jobs.len());
        let error = self.error(fault);
        // A new connection that takes nothing: the next one may be no better.
        if !answered
            && jobs.is_empty()
            && let Some(job) = back.pop_front()
        {
            let error = error.clone().with_delivery(Delivery::NotSent);
            self.finish(job, Err(error));
        }
        let mut jobs = jobs.into_iter();
        // What it was answered with is known, if not all of why.
        if let Some((reply, whole)) = begun
            && let Some(job) = jobs.next()
        {
            let mut answer = answer(reply);
            answer.fault = Some(error.clone()).filter(|_| !whole);
            self.decide(job, answer);
        }
        for job in jobs {
            self.finish(job, Err(error.clone()));
        }
        self.put_back(back);
    }

    /// Takes note of a connection that ended with so many calls under way.
    fn strike(&mut self, fault: &Fault, under_way: usize) {
        let certain = matches!(fault, Fault::Close) && under_way > 0;
        if certain {
            self.strikes = STRIKES;
        } else if under_way > 1 {
            self.strikes += 1;
        }
        if self.strikes >= STRIKES && self.window > 1 {
            let peer = self.endpoint;
            tracing::warn!(
                %peer,
                "connections end under pipelined calls; is a proxy in between? The calls of this \
                 subscription go one at a time now, as `pipeline(1)` would have them"
            );
            self.window = 1;
        }
    }

    /// What a call is told that is under way on a connection with `fault`.
    fn error(&self, fault: Fault) -> Error {
        let (at, path) = (self.endpoint, self.endpoint.join(A::PATH));
        let error = match fault {
            Fault::Broken(source) => {
                let message =
                    format!("the connection to {at} broke before POST {path} was answered");
                Error::new(ErrorKind::Transport, message).with_source(source)
            }
            Fault::Close => {
                let message = format!("{at} ended the connection before POST {path} was answered");
                Error::new(ErrorKind::Transport, message)
            }
            Fault::Garbage(source) => {
                let message = format!(
                    "what answers at {at} does not speak HTTP; is the port right, and is it one \
                     without TLS?"
                );
                Error::new(ErrorKind::Protocol, message).with_source(source)
            }
            Fault::Late => {
                let limit = self.settings.response_timeout;
                let message = format!("{at} did not answer POST {path} within {limit:?}");
                Error::new(ErrorKind::Timeout, message)
            }
        };
        error.with_delivery(Delivery::Unknown)
    }

    /// Puts calls before all others, in their order.
    fn put_back(&mut self, mut jobs: VecDeque<Job>) {
        jobs.append(&mut self.waiting);
        self.waiting = jobs;
    }

    /// Tells those who made a call what became of it.
    fn finish(&mut self, job: Job, result: Result<()>) {
        let acted = match &result {
            Ok(()) => true,
            Err(error) => error.delivery() == Delivery::Unknown,
        };
        if acted {
            // Sent again, they would come behind this one.
            self.give_up();
        }
        if let Err(error) = &result
            && A::CALLS_CAN_END_IT
            && condemns(error)
        {
            self.condemned.get_or_insert_with(|| error.clone());
        }
        job.answer.send(result);
    }

    /// The calls that were answered with 401 are not asked again.
    fn give_up(&mut self) {
        for (job, answer) in std::mem::take(&mut self.refused) {
            let result = self.judge(job.name, answer);
            self.finish(job, result);
        }
    }

    /// Tells every call that its subscription is over. Those under way may
    /// still be answered for a while.
    async fn leave(mut self) {
        self.over = true;
        self.give_up();
        if let Some(pipe) = &mut self.pipe {
            let back = pipe.unwritten();
            self.put_back(back);
        }
        let peer = self.endpoint;
        for job in std::mem::take(&mut self.waiting) {
            job.answer.send(Err(over(job.name, peer)));
        }
        self.line.close();
        while let Some(job) = self.line.recv().await {
            job.answer.send(Err(over(job.name, peer)));
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
