//! One event stream: the handle of the test, and the response body that carries the events.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame};
use mesos_core::backend::SchedulerApi;
use mesos_proto::v1::FrameworkId;
use tokio::sync::{mpsc, watch};

use super::api::Wire;
use super::codec::{Encoding, frame};

use crate::lock::lock;

/// A subscription from the point of view of Mesos: the response to one SUBSCRIBE.
///
/// Events that are sent after the end of the stream are dropped, as by a real Mesos.
pub struct Stream<A: Wire>(Arc<Shared<A>>);

impl<A: Wire> Clone for Stream<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Shared<A: Wire> {
    id: String,
    /// The framework or executor of the stream.
    owner: Mutex<String>,
    encoding: Encoding,
    out: Mutex<Out>,
    closed: watch::Sender<bool>,
    orphaned: watch::Sender<bool>,
    over: Box<dyn Fn(Stream<A>) + Send + Sync>,
}

struct Out {
    /// `None` after the end.
    queue: Option<mpsc::UnboundedSender<Piece>>,
    muted: bool,
    heartbeats: bool,
    /// The number of bytes until the connection is cut.
    left: Option<usize>,
    /// The maximum size of a chunk, in bytes.
    max_chunk: Option<usize>,
    /// Bytes that wait for `uncork`.
    corked: Option<BytesMut>,
}

enum Piece {
    Data(Bytes),
    Cut,
}

impl<A: Wire> Stream<A> {
    /// Creates a stream with this id, and the body that carries it. `over` is called when Mesos has
    /// to regard the stream as ended, on either side; twice if the stream was
    /// [orphaned](Self::orphan).
    pub(crate) fn open(
        id: String,
        encoding: Encoding,
        muted: bool,
        over: impl Fn(Self) + Send + Sync + 'static,
    ) -> (Self, Events<A>) {
        let (queue, pieces) = mpsc::unbounded_channel();
        let stream = Self(Arc::new(Shared {
            id,
            owner: Mutex::default(),
            encoding,
            out: Mutex::new(Out {
                queue: Some(queue),
                muted,
                heartbeats: true,
                left: None,
                max_chunk: None,
                corked: None,
            }),
            closed: watch::Sender::new(false),
            orphaned: watch::Sender::new(false),
            over: Box::new(over),
        }));
        let events = Events {
            pieces,
            cutting: false,
            stream: stream.clone(),
        };
        (stream, events)
    }

    /// The id of the stream. For a master it is the `Mesos-Stream-Id`.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    pub(crate) fn owner(&self) -> String {
        let owner = self.0.owner.lock();
        owner.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_owner(&self, owner: impl Into<String>) {
        let current = self.0.owner.lock();
        *current.unwrap_or_else(PoisonError::into_inner) = owner.into();
    }

    /// The encoding of the events.
    pub fn encoding(&self) -> Encoding {
        self.0.encoding
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        lock(&self.0.out)
    }

    /// Sends an event in one chunk.
    pub fn send(&self, event: A::Event) {
        tracing::trace!(stream = %self.0.id, ?event, "sending");
        self.send_record(self.0.encoding.encode(&event));
    }

    /// Sends an event in several chunks with these lengths, in bytes of the framed record. The rest
    /// goes into a last chunk. Lengths beyond the end are ignored.
    pub fn send_split(&self, event: A::Event, lengths: impl IntoIterator<Item = usize>) {
        let mut record = frame(&self.0.encoding.encode(&event));
        for length in lengths {
            if length > 0 && length < record.len() {
                self.send_bytes(record.split_to(length));
            }
        }
        self.send_bytes(record);
    }

    /// Sends several events in one chunk.
    pub fn send_joined(&self, events: impl IntoIterator<Item = A::Event>) {
        let records: Vec<u8> = events
            .into_iter()
            .flat_map(|event| frame(&self.0.encoding.encode(&event)))
            .collect();
        self.send_bytes(records);
    }

    /// Sends any bytes as a record, with the length before them.
    pub fn send_record(&self, record: impl AsRef<[u8]>) {
        self.send_bytes(frame(record.as_ref()));
    }

    /// Sends bytes unchanged in one chunk, whether they are RecordIO or not.
    pub fn send_bytes(&self, bytes: impl Into<Bytes>) {
        let mut bytes = bytes.into();
        let mut out = self.out();
        if out.muted || bytes.is_empty() {
            return;
        }
        if let Some(corked) = &mut out.corked {
            corked.extend_from_slice(&bytes);
            return;
        }
        if let Some(most) = out.max_chunk {
            while bytes.len() > most {
                out.write(bytes.split_to(most));
            }
        }
        out.write(bytes);
    }

    /// Limits the size of all further chunks to `most` bytes, so that records arrive in pieces.
    ///
    /// # Panics
    /// If `most` is 0.
    pub fn limit_chunks(&self, most: usize) {
        assert!(most > 0, "the chunk size must not be 0");
        self.out().max_chunk = Some(most);
    }

    /// Collects everything that is sent from now on; [`uncork`](Self::uncork) sends it in one
    /// chunk.
    pub fn cork(&self) {
        self.out().corked.get_or_insert_default();
    }

    /// Ends [`cork`](Self::cork).
    pub fn uncork(&self) {
        let mut out = self.out();
        if let Some(corked) = out.corked.take()
            && !corked.is_empty()
        {
            out.write(corked.freeze());
        }
    }

    pub(crate) fn heartbeat(&self) -> bool {
        let (open, wanted) = {
            let out = self.out();
            (out.queue.is_some(), out.heartbeats)
        };
        if open && wanted {
            self.send(A::heartbeat());
        }
        open
    }

    /// Stops the heartbeats.
    pub fn stop_heartbeats(&self) {
        self.out().heartbeats = false;
    }

    /// Drops everything that is sent from now on, like a network that loses packets. The connection
    /// stays open.
    pub fn mute(&self) {
        self.out().muted = true;
    }

    /// Ends [`mute`](Self::mute).
    pub fn unmute(&self) {
        self.out().muted = false;
    }

    /// Breaks the connection after this number of further bytes, also inside a record.
    pub fn cut_after(&self, bytes: usize) {
        let mut out = self.out();
        if bytes == 0 {
            out.cut();
        } else {
            out.left = Some(bytes);
        }
    }

    /// Breaks the connection, after everything that was sent before.
    pub fn cut(&self) {
        self.out().cut();
    }

    /// Ends the response, but leaves the connection open, as Mesos does (src/http_proxy.cpp in
    /// libprocess).
    pub fn end(&self) {
        self.out().queue = None;
    }

    /// Makes Mesos forget this stream while its connection stays open: the client keeps a stream
    /// that Mesos does not know any more.
    pub fn orphan(&self) {
        self.mute();
        self.0.orphaned.send_replace(true);
        (self.0.over)(self.clone());
    }

    /// Waits until Mesos does not need the stream any more. Cancel safe.
    pub(crate) async fn abandoned(&self) {
        let mut orphaned = self.0.orphaned.subscribe();
        tokio::select! {
            () = self.closed() => {}
            _ = orphaned.wait_for(|orphaned| *orphaned) => {}
        }
    }

    pub(crate) fn wants_heartbeats(&self) -> bool {
        self.out().heartbeats
    }

    /// Whether neither side has ended the stream.
    pub fn is_open(&self) -> bool {
        self.out().queue.is_some() && !*self.0.closed.borrow()
    }

    /// Waits until the stream is closed: by the client, or by [`end`](Self::end) or
    /// [`cut`](Self::cut). Cancel safe.
    pub async fn closed(&self) {
        let mut closed = self.0.closed.subscribe();
        // The sender is in `self`.
        let _ = closed.wait_for(|closed| *closed).await;
    }
}

impl Out {
    /// Writes one chunk, up to the limit of the connection.
    fn write(&mut self, mut bytes: Bytes) {
        let mut last = false;
        if let Some(left) = &mut self.left {
            last = bytes.len() >= *left;
            bytes.truncate(*left);
            *left -= bytes.len();
        }
        if let Some(queue) = &self.queue {
            let _ = queue.send(Piece::Data(bytes));
        }
        if last {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if let Some(queue) = self.queue.take() {
            let _ = queue.send(Piece::Cut);
        }
    }
}

impl Stream<SchedulerApi> {
    /// The id of the framework; empty if the subscription was refused.
    pub fn framework_id(&self) -> FrameworkId {
        FrameworkId {
            value: self.owner(),
        }
    }
}

impl<A: Wire> PartialEq for Stream<A> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<A: Wire> fmt::Display for Stream<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stream {} of {}", self.0.id, self.owner())
    }
}

impl<A: Wire> fmt::Debug for Stream<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("id", &self.0.id)
            .field("owner", &self.owner())
            .field("open", &self.is_open())
            .finish()
    }
}

/// The body of the response to a SUBSCRIBE. Dropped when the connection is closed, on either side.
pub(crate) struct Events<A: Wire> {
    pieces: mpsc::UnboundedReceiver<Piece>,
    cutting: bool,
    stream: Stream<A>,
}

impl<A: Wire> Body for Events<A> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.cutting {
            let cut = io::Error::other("cut by the test");
            return Poll::Ready(Some(Err(cut)));
        }
        match self.pieces.poll_recv(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Piece::Data(bytes))) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Poll::Ready(Some(Piece::Cut)) => {
                // An error now would drop bytes that are still to be written. Waiting once lets the
                // connection write them first.
                self.cutting = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl<A: Wire> Drop for Events<A> {
    fn drop(&mut self) {
        self.stream.out().queue = None;
        self.stream.0.closed.send_replace(true);
        (self.stream.0.over)(self.stream.clone());
    }
}
