//! One connection with calls in flight: calls that were written and not answered, and calls that are
//! still to be written. The worker selects the calls and handles their results.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::Instant;

use super::Job;
use super::reply::{Replies, Reply};
use crate::transport::dial::dial;
use crate::transport::io::Transport;
use crate::transport::patience::Patience;
use crate::transport::settings::Settings;
use crate::wire::framing::Garbage;
use mesos_core::Endpoint;
use mesos_core::Result;

/// The amount of output that is gathered for one write while the connection is busy, in bytes: at
/// least the acknowledgements of all updates that the event loop handles without waiting, of about
/// 300 bytes each.
const GATHERED: usize = 128 << 10;

/// The room for a read, in bytes: two hundred answers of Mesos. With less room the kernel is called
/// more often. The room doubles with each read that fills it, up to the second number.
const READ: usize = 16 << 10;
const READ_MAX: usize = 64 << 10;

/// The limit for the size of all calls in flight, in bytes. A single call may be larger.
const IN_FLIGHT: usize = 4 << 20;

/// Why a connection cannot be used any more.
#[derive(Debug)]
pub(super) enum Fault {
    /// The peer closed the connection, or the connection broke.
    Broken(io::Error),
    /// The peer did not send HTTP.
    Garbage(Garbage),
    /// An answer did not arrive in time.
    Timeout,
    /// The peer announced, with an answer, that it closes the connection.
    Close,
}

/// An open connection. Dropping it closes the socket.
pub(super) struct Pipe {
    transport: Box<dyn Transport>,
    /// The bytes to the peer from the position `at` on.
    output: Vec<u8>,
    at: u64,
    /// The position of the first byte that is not written.
    written: u64,
    /// Whether nothing can be written any more.
    write_closed: bool,
    /// The calls in the output, and earlier calls that are not answered.
    in_flight: VecDeque<InFlight>,
    /// The size of these calls in bytes.
    size: usize,
    input: BytesMut,
    /// The room for the next read.
    room_to_read: usize,
    replies: Replies,
    opened: Instant,
    /// Whether an answer has arrived.
    answered: bool,
    /// Whether the last answer shows that the peer accepts calls.
    proven: bool,
    /// The time limit for the answer to the first call.
    patience: Patience,
}

struct InFlight {
    job: Job,
    /// The positions of its start and end.
    from: u64,
    to: u64,
}

impl Pipe {
    /// Opens a connection to `endpoint`, at `address` if there is one.
    pub(super) async fn open(
        endpoint: &Endpoint,
        address: Option<SocketAddr>,
        settings: &Settings,
    ) -> Result<Self> {
        let dialed = dial(endpoint, address, settings).await?;
        Ok(Self::over(dialed.transport, settings))
    }

    /// A pipe over an open connection.
    pub(super) fn over(transport: Box<dyn Transport>, settings: &Settings) -> Self {
        Self {
            transport,
            output: Vec::new(),
            at: 0,
            written: 0,
            write_closed: false,
            in_flight: VecDeque::new(),
            size: 0,
            input: BytesMut::new(),
            room_to_read: READ,
            replies: Replies::default(),
            opened: Instant::now(),
            answered: false,
            proven: false,
            patience: Patience::new(settings.response_timeout),
        }
    }

    /// The time since the connection was opened.
    pub(super) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Whether no call waits for an answer.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Whether the peer has sent an answer.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    /// Whether nothing can be written any more, and no answer is expected.
    pub(super) fn is_over(&self) -> bool {
        let first = self.in_flight.front();
        self.write_closed && first.is_none_or(|first| self.written <= first.from)
    }

    /// Sends the next call alone, to find out whether the peer still accepts calls.
    pub(super) fn reset_probe(&mut self) {
        self.proven = false;
    }

    /// The number of calls that may be added, of which at most `window` are in flight. The first call
    /// on a connection is sent alone: only its answer shows whether the peer speaks HTTP/1.1 and
    /// accepts calls.
    pub(super) fn room(&self, window: usize) -> usize {
        let window = if self.proven { window } else { 1 };
        let last = self.in_flight.back();
        let has_room = !self.write_closed
            && self.size < IN_FLIGHT
            && self.output.len() < GATHERED
            && last.is_none_or(|flight| !flight.job.alone);
        match has_room {
            true => window.saturating_sub(self.in_flight.len()),
            false => 0,
        }
    }

    /// Appends a call. `head` is the head of the request, up to the value of Content-Length.
    pub(super) fn push(&mut self, job: Job, head: &[u8]) {
        let from = self.at + self.output.len() as u64;
        self.output.extend_from_slice(head);
        let mut length = [0; 20];
        self.output
            .extend_from_slice(digits(job.body.len(), &mut length));
        self.output.extend_from_slice(b"\r\n\r\n");
        self.output.extend_from_slice(&job.body);
        let to = self.at + self.output.len() as u64;
        if self.in_flight.is_empty() {
            self.patience.reset();
        }
        self.size += (to - from) as usize;
        self.in_flight.push_back(InFlight { job, from, to });
    }

    /// Removes and returns the calls of which no byte was written, in order.
    pub(super) fn unwritten(&mut self) -> VecDeque<Job> {
        let written = self.written;
        let kept = self
            .in_flight
            .partition_point(|flight| flight.from < written);
        let back = self.in_flight.split_off(kept);
        if let Some(first) = back.front() {
            self.output.truncate((first.from - self.at) as usize);
            self.size -= back.iter().map(InFlight::size).sum::<usize>();
        }
        back.into_iter().map(|flight| flight.job).collect()
    }

    /// Closes the connection. Returns the calls in flight, in order, and the incomplete answer to
    /// the first one.
    pub(super) fn end(mut self) -> (Option<(Reply, bool)>, Vec<Job>) {
        let jobs = self.in_flight.drain(..).map(|flight| flight.job).collect();
        (self.replies.finish(), jobs)
    }

    /// Writes as much as the peer accepts. Whether everything was written, so that there may be room
    /// again.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        while !self.write_closed && self.written < self.at + self.output.len() as u64 {
            let rest = &self.output[(self.written - self.at) as usize..];
            match Pin::new(&mut self.transport).poll_write(context, rest) {
                Poll::Pending => return false,
                Poll::Ready(Ok(size @ 1..)) => {
                    let first = self.in_flight.front();
                    if first.is_some_and(|first| self.written < first.to) {
                        self.patience.reset();
                    }
                    self.written += size as u64;
                }
                // An answer with the reason may have arrived.
                Poll::Ready(failed) => {
                    tracing::debug!(?failed, "cannot write to the connection any more");
                    self.write_closed = true;
                }
            }
        }
        if self.write_closed || self.output.is_empty() {
            return false;
        }
        // TLS keeps buffered data until a flush.
        match Pin::new(&mut self.transport).poll_flush(context) {
            Poll::Pending => return false,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => self.write_closed = true,
        }
        self.at = self.written;
        self.output.clear();
        self.output.shrink_to(2 * GATHERED);
        true
    }

    /// The next answer and its call. Poll it also while no call waits for an answer: a connection
    /// that the peer closes is a fault.
    pub(super) fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(Job, Reply), Fault>> {
        loop {
            if self.in_flight.is_empty() && !self.input.is_empty() {
                let error = io::Error::other("received an answer without a request");
                return Poll::Ready(Err(Fault::Broken(error)));
            }
            match self.replies.next(&mut self.input) {
                Ok(Some(reply)) => return Poll::Ready(self.answered(reply)),
                Ok(None) => {}
                Err(garbage) => return Poll::Ready(Err(Fault::Garbage(garbage))),
            }
            self.input.reserve(self.room_to_read);
            let room = self.input.capacity() - self.input.len();
            let read = pin!(self.transport.read_buf(&mut self.input)).poll(context);
            match read {
                Poll::Ready(Ok(size @ 1..)) => {
                    if size == room {
                        self.room_to_read = (2 * self.room_to_read).min(READ_MAX);
                    }
                }
                Poll::Ready(Ok(0)) => {
                    let error = io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the peer closed the connection",
                    );
                    return Poll::Ready(Err(Fault::Broken(error)));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Fault::Broken(error))),
                Poll::Pending if self.in_flight.is_empty() => return Poll::Pending,
                Poll::Pending => {
                    ready!(self.patience.poll_elapsed(context));
                    return Poll::Ready(Err(Fault::Timeout));
                }
            }
        }
    }

    fn answered(&mut self, mut reply: Reply) -> Result<(Job, Reply), Fault> {
        let Some(flight) = self.in_flight.pop_front() else {
            let error = io::Error::other("received an answer without a request");
            return Err(Fault::Broken(error));
        };
        // The rest of the call would have to be written before any other call.
        reply.close |= self.written < flight.to;
        self.size -= flight.size();
        self.patience.reset();
        (self.answered, self.proven) = (true, !reply.close);
        Ok((flight.job, reply))
    }
}

impl InFlight {
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
