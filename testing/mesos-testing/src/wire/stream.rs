//! One event stream: the test's hand on it, and the response body that carries it.

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

/// A subscription as Mesos has it: the response to one SUBSCRIBE.
///
/// What is sent after the stream has ended is dropped, as by a real Mesos.
pub struct Stream<A: Wire>(Arc<Shared<A>>);

impl<A: Wire> Clone for Stream<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Shared<A: Wire> {
    id: String,
    /// Whose it is.
    owner: Mutex<String>,
    encoding: Encoding,
    out: Mutex<Out>,
    closed: watch::Sender<bool>,
    orphaned: watch::Sender<bool>,
    over: Box<dyn Fn(Stream<A>) + Send + Sync>,
}

struct Out {
    /// None after the end.
    queue: Option<mpsc::UnboundedSender<Piece>>,
    muted: bool,
    heartbeats: bool,
    /// Bytes until the connection is cut.
    left: Option<usize>,
    /// The most bytes that go in one chunk.
    max_chunk: Option<usize>,
    /// What waits to go in one chunk.
    corked: Option<BytesMut>,
}

enum Piece {
    Data(Bytes),
    Cut,
}

impl<A: Wire> Stream<A> {
    /// A stream and the body that carries it. `over` is called when Mesos is
    /// to believe that the stream has ended, whoever ended it; twice, if it
    /// has been [orphaned](Self::orphan).
    pub(crate) fn open(
        encoding: Encoding,
        muted: bool,
        over: impl Fn(Self) + Send + Sync + 'static,
    ) -> (Self, Events<A>) {
        Self::with_id(uuid::Uuid::new_v4().to_string(), encoding, muted, over)
    }

    /// The same, under the id that somebody else gave it.
    pub(crate) fn with_id(
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

    /// What tells it from others; a master's is its `Mesos-Stream-Id`.
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

    /// How its events are encoded.
    pub fn encoding(&self) -> Encoding {
        self.0.encoding
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.0.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an event in one chunk.
    pub fn send(&self, event: A::Event) {
        tracing::trace!(stream = %self.0.id, ?event, "sending");
        self.send_record(self.0.encoding.encode(&event));
    }

    /// Sends an event cut into several chunks: after `first` bytes of the
    /// framed record, after `first + second`, and so on. Cuts beyond its end
    /// are none.
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

    /// Sends anything as a record, with its length before it.
    pub fn send_record(&self, record: impl AsRef<[u8]>) {
        self.send_bytes(frame(record.as_ref()));
    }

    /// Sends bytes in one chunk as they are, whether RecordIO or not.
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

    /// From now on no chunk is longer than this, so that records come in
    /// pieces.
    ///
    /// # Panics
    /// If it is 0.
    pub fn limit_chunks(&self, most: usize) {
        assert!(most > 0, "a chunk of no bytes is the end of a stream");
        self.out().max_chunk = Some(most);
    }

    /// From now on nothing is sent, and nothing is lost: [`uncork`](Self::uncork)
    /// sends it in one chunk.
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

    /// Sends no more heartbeats.
    pub fn stop_heartbeats(&self) {
        self.out().heartbeats = false;
    }

    /// From now on nothing is sent, and what should be is lost: the network
    /// that swallows it. The connection stays.
    pub fn mute(&self) {
        self.out().muted = true;
    }

    /// Ends [`mute`](Self::mute).
    pub fn unmute(&self) {
        self.out().muted = false;
    }

    /// Breaks the connection after so many more bytes of the stream, in the
    /// middle of a record or not.
    pub fn cut_after(&self, bytes: usize) {
        let mut out = self.out();
        if bytes == 0 {
            out.cut();
        } else {
            out.left = Some(bytes);
        }
    }

    /// Breaks the connection now, after what was sent.
    pub fn cut(&self) {
        self.out().cut();
    }

    /// Ends the response in order and leaves the connection open, as Mesos
    /// does it (src/http_proxy.cpp in libprocess).
    pub fn end(&self) {
        self.out().queue = None;
    }

    /// From now on Mesos believes that this stream is over, and its
    /// connection stays: what the other side has is a stream of which nobody
    /// knows any more.
    pub fn orphan(&self) {
        self.mute();
        self.0.orphaned.send_replace(true);
        (self.0.over)(self.clone());
    }

    /// Waits until Mesos has no more use for it. Cancel safe.
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

    /// Whether neither side has ended it.
    pub fn is_open(&self) -> bool {
        self.out().queue.is_some() && !*self.0.closed.borrow()
    }

    /// Waits until the stream is over: the other side has closed it, or our
    /// own [`end`](Self::end) or [`cut`](Self::cut) is done. Cancel safe.
    pub async fn closed(&self) {
        let mut closed = self.0.closed.subscribe();
        // The sender lives in self.
        let _ = closed.wait_for(|closed| *closed).await;
    }
}

impl Out {
    /// One chunk, as far as the connection still carries it.
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
    /// Whose it is; empty if the subscription was refused.
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

/// The body of a SUBSCRIBE's response. Dropped when the connection is over,
/// whoever ended it.
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
                // An error now would drop what is still to be written; waiting
                // once makes the connection write it first.
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
