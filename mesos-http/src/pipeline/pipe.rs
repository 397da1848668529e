//! One connection with calls under way: what was written and not answered yet,
//! and what is still to be written. Which calls those are, and what becomes of
//! them, is for the worker.

use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Job;
use super::reply::{Garbage, Replies, Reply};
use crate::transport::dial::dial;
use crate::transport::io::Transport;
use crate::transport::settings::Settings;
use mesos_core::Endpoint;
use mesos_core::Result;

/// So much is gathered for one write while the connection is busy.
const GATHERED: usize = 64 << 10;

/// How many bytes of calls may be under way. One call may be longer.
const UNDER_WAY: usize = 4 << 20;

/// Longer than any program runs, and short enough to be added to a time.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Why a connection is of no more use.
#[derive(Debug)]
pub(super) enum Fault {
    /// It ended, or broke.
    Broken(io::Error),
    /// What came is no HTTP.
    Garbage(Garbage),
    /// An answer did not come in time.
    Late,
    /// The peer said, with an answer, that it ends it.
    Close,
}

/// An open connection. Dropping it closes the socket.
pub(super) struct Pipe {
    transport: Box<dyn Transport>,
    limit: Duration,
    /// Of the bytes that go to the peer, those from the position `at` on.
    output: Vec<u8>,
    at: u64,
    /// The position up to which they are written.
    written: u64,
    /// Nothing can be written any more.
    deaf: bool,
    /// The calls in the output, and those before it that are not answered.
    flights: VecDeque<Flight>,
    /// The bytes of these.
    size: usize,
    input: BytesMut,
    replies: Replies,
    /// Whether an answer has come.
    answered: bool,
    /// Whether the last one shows that calls are taken.
    proven: bool,
    /// Since when the first call waits for its answer.
    since: Instant,
    /// Checked when it is over: it is not set anew with each answer.
    alarm: Pin<Box<Sleep>>,
}

struct Flight {
    job: Job,
    /// Where it begins and ends.
    from: u64,
    to: u64,
}

impl Pipe {
    /// Opens a connection to `endpoint`.
    pub(super) async fn open(endpoint: &Endpoint, settings: &Settings) -> Result<Self> {
        let transport = dial(endpoint, settings).await?;
        let since = Instant::now();
        let limit = settings.response_timeout.min(FOR_EVER);
        Ok(Self {
            transport,
            limit,
            output: Vec::new(),
            at: 0,
            written: 0,
            deaf: false,
            flights: VecDeque::new(),
            size: 0,
            input: BytesMut::new(),
            replies: Replies::default(),
            answered: false,
            proven: false,
            since,
            alarm: Box::pin(sleep_until(since + limit)),
        })
    }

    /// Whether nothing waits for an answer.
    pub(super) fn is_idle(&self) -> bool {
        self.flights.is_empty()
    }

    /// Whether HTTP has come over it.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    /// Whether nothing can be written any more, and no answer is to come.
    pub(super) fn is_over(&self) -> bool {
        let first = self.flights.front();
        self.deaf && first.is_none_or(|first| self.written <= first.from)
    }

    /// The next call is to show first whether the peer still takes them.
    pub(super) fn doubt(&mut self) {
        self.proven = false;
    }

    /// Whether one more call may be under way, of at most `window`. The first
    /// one on a connection goes alone: whether HTTP/1.1 is spoken there, and
    /// whether calls are taken, only its answer shows.
    pub(super) fn has_room(&self, window: usize) -> bool {
        let window = if self.proven { window } else { 1 };
        let last = self.flights.back();
        !self.deaf
            && self.flights.len() < window
            && self.size < UNDER_WAY
            && self.output.len() < GATHERED
            && last.is_none_or(|flight| !flight.job.alone)
    }

    /// Puts a call behind the others. `head` is all of the request's head up to
    /// the number of its Content-Length.
    pub(super) fn push(&mut self, job: Job, head: &[u8]) {
        let from = self.at + self.output.len() as u64;
        self.output.extend_from_slice(head);
        let mut length = [0; 20];
        self.output
            .extend_from_slice(digits(job.body.len(), &mut length));
        self.output.extend_from_slice(b"\r\n\r\n");
        self.output.extend_from_slice(&job.body);
        let to = self.at + self.output.len() as u64;
        if self.flights.is_empty() {
            self.since = Instant::now();
        }
        self.size += (to - from) as usize;
        self.flights.push_back(Flight { job, from, to });
    }

    /// Takes back the calls of which not a byte was written, in their order.
    pub(super) fn unwritten(&mut self) -> VecDeque<Job> {
        let written = self.written;
        let kept = self.flights.partition_point(|flight| flight.from < written);
        let back = self.flights.split_off(kept);
        if let Some(first) = back.front() {
            self.output.truncate((first.from - self.at) as usize);
            self.size -= back.iter().map(Flight::size).sum::<usize>();
        }
        back.into_iter().map(|flight| flight.job).collect()
    }

    /// Ends it. The calls that are under way, in their order, and what is there
    /// of the answer to the first one.
    pub(super) fn end(mut self) -> (Option<(Reply, bool)>, Vec<Job>) {
        let jobs = self.flights.drain(..).map(|flight| flight.job).collect();
        (self.replies.finish(), jobs)
    }

    /// Writes as much as the peer takes. Whether that was the last of it, and
    /// there may be room again.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        while !self.deaf && self.written < self.at + self.output.len() as u64 {
            let rest = &self.output[(self.written - self.at) as usize..];
            match Pin::new(&mut self.transport).poll_write(context, rest) {
                Poll::Pending => return false,
                Poll::Ready(Ok(size @ 1..)) => {
                    let first = self.flights.front();
                    if first.is_some_and(|first| self.written < first.to) {
                        self.since = Instant::now();
                    }
                    self.written += size as u64;
                }
                // An answer may have come that says why.
                Poll::Ready(failed) => {
                    tracing::debug!(?failed, "a connection takes no more");
                    self.deaf = true;
                }
            }
        }
        if self.deaf || self.output.is_empty() {
            return false;
        }
        // TLS keeps what it has not sent until then.
        match Pin::new(&mut self.transport).poll_flush(context) {
            Poll::Pending => return false,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => self.deaf = true,
        }
        self.at = self.written;
        self.output.clear();
        self.output.shrink_to(2 * GATHERED);
        true
    }

    /// The next answer, and the call that it is for. Also to be polled while
    /// nothing waits for one: that the peer ends the connection is a fault.
    pub(super) fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(Job, Reply), Fault>> {
        loop {
            if self.flights.is_empty() && !self.input.is_empty() {
                let error = io::Error::other("an answer came that nobody waits for");
                return Poll::Ready(Err(Fault::Broken(error)));
            }
            match self.replies.next(&mut self.input) {
                Ok(Some(reply)) => return Poll::Ready(self.answered(reply)),
                Ok(None) => {}
                Err(garbage) => return Poll::Ready(Err(Fault::Garbage(garbage))),
            }
            let read = pin!(self.transport.read_buf(&mut self.input)).poll(context);
            match read {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0)) => {
                    let error = io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed it");
                    return Poll::Ready(Err(Fault::Broken(error)));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Fault::Broken(error))),
                Poll::Pending if self.flights.is_empty() => return Poll::Pending,
                Poll::Pending => {
                    ready!(self.poll_late(context));
                    return Poll::Ready(Err(Fault::Late));
                }
            }
        }
    }

    fn answered(&mut self, mut reply: Reply) -> Result<(Job, Reply), Fault> {
        let Some(flight) = self.flights.pop_front() else {
            let error = io::Error::other("an answer came that nobody waits for");
            return Err(Fault::Broken(error));
        };
        // The rest of it would have to be written before any other call.
        reply.close |= self.written < flight.to;
        self.size -= flight.size();
        self.since = Instant::now();
        (self.answered, self.proven) = (true, !reply.close);
        Ok((flight.job, reply))
    }

    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.alarm.as_mut().poll(context));
            let deadline = self.since + self.limit;
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(deadline);
        }
    }
}

impl Flight {
    fn size(&self) -> usize {
        (self.to - self.from) as usize
    }
}

/// `number` in decimal.
fn digits(mut number: usize, buffer: &mut [u8; 20]) -> &[u8] {
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &buffer[at..];
        }
    }
}
