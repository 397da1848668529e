//! The events of one subscription: a task that reads the response, splits it into events, and
//! checks that the peer does not fall silent.
//!
//! A stream that has ended stays ended; the caller subscribes again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming as Body;
use mesos_core::backend::{EventStream, Incoming};
use mesos_core::{Error, ErrorKind, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::transport::connection::Connection;
use crate::transport::patience::{Patience, within};
use crate::transport::settings::Settings;
use crate::wire::api::HttpApi;
use crate::wire::codec::Codec;
use crate::wire::offers_chunks::OffersChunks;
use crate::wire::recordio::{Decoder, FrameError};

/// The consumer's end. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Events<A: HttpApi> {
    queue: mpsc::Receiver<Result<(Item<A>, OwnedSemaphorePermit)>>,
    /// The room of the event that is delivered now.
    room: Option<OwnedSemaphorePermit>,
    /// The chunks of the event that is delivered now.
    chunks: Option<OffersChunks>,
    codec: Codec,
    /// The name of an event, for messages.
    what: String,
    reader: JoinHandle<()>,
    ended: Option<Error>,
}

/// An item of the queue.
enum Item<A: HttpApi> {
    Event(Box<A::Event>, Bytes),
    /// A large event or offers, which the consumer decodes.
    Undecoded(Bytes),
}

/// Records of at least this size, in bytes, are decoded by the consumer, which also frees the
/// decoded event. An event of a hundred offers has two thousand allocations. To allocate them on one
/// processor and free them on another costs more than decoding on two processors saves
/// (docs/performance.md).
const LARGE: usize = 8 << 10;

/// Records that are shorter than this many bytes are copied. Otherwise a status that a program keeps
/// would keep the buffer of hyper that it was read into: at least 8 KiB, and up to 400 KiB.
const COPIED: usize = 2 << 10;

/// The unit in which the queue counts bytes.
const UNIT: usize = 1 << 10;

/// The most units that a semaphore of tokio can have on every platform.
const MAX_UNITS: u32 = u32::MAX >> 3;

/// The reader's end.
pub(crate) struct Reader {
    pub(crate) body: Body,
    /// Receives the reason if a call shows that the subscription is dead.
    pub(crate) fatal_error: Option<oneshot::Receiver<Error>>,
    /// The peer, for messages.
    pub(crate) peer: String,
    pub(crate) settings: Settings,
}

/// The consumer was dropped.
struct Gone;

impl<A: HttpApi> Events<A> {
    /// Starts the reader. When the stream ends, or the consumer's end is dropped, `connection` is
    /// closed and `open` is dropped.
    pub(crate) fn start(reader: Reader, connection: Connection, open: watch::Sender<()>) -> Self {
        let (sender, queue) = mpsc::channel(reader.settings.event_queue);
        let (codec, what) = (reader.settings.codec, event_of(&reader.peer));
        let reader = tokio::spawn(async move {
            let end = reader.run::<A>(&sender).await;
            // From here on no call is made, even before the consumer receives the reason.
            drop((connection, open));
            if let Err(error) = end {
                tracing::debug!(%error, "event stream ended");
                // After the events that arrived before it.
                let _ = sender.send(Err(error)).await;
            }
        });
        Self {
            queue,
            room: None,
            chunks: None,
            codec,
            what,
            reader,
            ended: None,
        }
    }

    /// The next event, whose offers may be `encoded`.
    async fn read(&mut self, encoded: bool) -> Result<Incoming<A>> {
        loop {
            if let Some(chunk) = self.chunks.as_mut().and_then(Iterator::next) {
                return self.decode(chunk, encoded);
            }
            self.chunks = None;
            self.room = None;
            match self.queue.recv().await {
                Some(Ok((Item::Event(event, record), _))) => {
                    return Ok(Incoming::Event(event, record));
                }
                Some(Ok((Item::Undecoded(record), room))) => {
                    self.room = Some(room);
                    // JSON is decoded as a whole: a user who needs little memory uses protobuf.
                    if self.codec == Codec::Protobuf {
                        self.chunks = A::chunks(&record);
                    }
                    if self.chunks.is_none() {
                        return self.decode(record, encoded);
                    }
                }
                Some(Err(error)) => return Err(error),
                None => {
                    return Err(Error::new(
                        ErrorKind::Backend,
                        "the task that reads the events has ended; was its tokio runtime shut down?",
                    ));
                }
            }
        }
    }

    fn decode(&self, record: Bytes, encoded: bool) -> Result<Incoming<A>> {
        if encoded
            && self.codec == Codec::Protobuf
            && let Some(offers) = A::offers(&record)
        {
            return Ok(Incoming::Offers(offers));
        }
        let event = self.codec.decode_boxed(record.clone(), &self.what)?;
        Ok(Incoming::Event(event, record))
    }

    async fn next_or_end(&mut self, encoded: bool) -> Result<Incoming<A>> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        let next = self.read(encoded).await;
        if let Err(error) = &next {
            self.ended = Some(error.clone());
            // A decoding error occurs here, so the reader has to be stopped.
            self.reader.abort();
        }
        next
    }
}

fn event_of(peer: &str) -> String {
    format!("event from {peer}")
}

impl<A: HttpApi> Drop for Events<A> {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

#[async_trait]
impl<A: HttpApi> EventStream<A> for Events<A> {
    async fn next(&mut self) -> Result<Incoming<A>> {
        self.next_or_end(false).await
    }

    async fn next_encoded(&mut self) -> Result<Incoming<A>> {
        self.next_or_end(true).await
    }

    fn queued(&self) -> usize {
        self.queue.len() + self.chunks.as_ref().map_or(0, OffersChunks::len)
    }
}

/// Completes when a call showed that the subscription is dead. Cancel safe.
async fn fatal_error(receiver_slot: &mut Option<oneshot::Receiver<Error>>) -> Error {
    if let Some(receiver) = receiver_slot {
        match receiver.await {
            Ok(error) => return error,
            // No calls are made any more.
            Err(_) => *receiver_slot = None,
        }
    }
    std::future::pending().await
}

impl Reader {
    /// Reads until the stream ends (the error) or the consumer is dropped.
    async fn run<A: HttpApi>(
        mut self,
        queue: &mpsc::Sender<Result<(Item<A>, OwnedSemaphorePermit)>>,
    ) -> Result<Gone> {
        let mut decoder = Decoder::new(self.settings.max_record_size);
        // The heartbeat interval that the peer announced. Before that, a master's first event has
        // the time limit of a response. An agent announces no interval.
        let mut interval: Option<Duration> = None;
        let (codec, what) = (self.settings.codec, event_of(&self.peer));
        let units = self.settings.event_queue_bytes.div_ceil(UNIT).max(1);
        let units = u32::try_from(units).unwrap_or(u32::MAX).min(MAX_UNITS);
        let room = Arc::new(Semaphore::new(units as usize));
        let mut patience = Patience::new(self.settings.response_timeout);
        loop {
            let limit = match interval {
                Some(interval) => Some(interval.saturating_mul(self.settings.missed_heartbeats)),
                None => A::STREAM_ID.then_some(self.settings.response_timeout),
            };
            // Only the time spent waiting for bytes counts: a slow consumer fills the queue, and does
            // not make the peer silent.
            let frame = self.body.frame();
            let frame = async {
                match limit {
                    None => Ok(frame.await),
                    Some(limit) => {
                        patience.set_limit(limit);
                        patience.reset();
                        within(&mut patience, frame).await.map_err(|_| limit)
                    }
                }
            };
            let frame = tokio::select! {
                biased;
                error = fatal_error(&mut self.fatal_error) => return Err(error),
                frame = frame => frame,
            };
            let frame = match frame {
                Ok(frame) => frame,
                Err(limit) => return Err(self.silent(limit, interval)),
            };
            match frame {
                None => return Err(self.closed(&decoder)),
                Some(Err(source)) => return Err(self.broken(source)),
                Some(Ok(frame)) => {
                    if let Ok(chunk) = frame.into_data() {
                        decoder.push(chunk);
                    }
                }
            }
            while let Some(record) = decoder.next_record().map_err(|e| self.invalid(e))? {
                if record.is_empty() {
                    continue;
                }
                let size = u32::try_from(record.len().div_ceil(UNIT)).unwrap_or(units);
                // A record that is larger than the queue passes alone.
                let wanted = Arc::clone(&room).acquire_many_owned(size.clamp(1, units));
                // The consumer frees the room, unless it is gone.
                let room = tokio::select! {
                    room = wanted => room,
                    () = queue.closed() => return Ok(Gone),
                };
                // The semaphore is never closed.
                let Ok(room) = room else { return Ok(Gone) };
                let record = match record.len() {
                    ..COPIED => Bytes::copy_from_slice(&record),
                    COPIED.. => record,
                };
                // The first event announces the interval.
                let offers = codec == Codec::Protobuf && A::may_be_offers(&record);
                let item = if interval.is_some() && (offers || record.len() >= LARGE) {
                    Item::Undecoded(record)
                } else {
                    let event = codec.decode_boxed(record.clone(), &what)?;
                    interval = A::heartbeat(&event).or(interval);
                    Item::Event(event, record)
                };
                if queue.send(Ok((item, room))).await.is_err() {
                    return Ok(Gone);
                }
            }
        }
    }

    fn silent(&self, limit: Duration, interval: Option<Duration>) -> Error {
        let times = self.settings.missed_heartbeats;
        let why = match interval {
            Some(_) => format!("{times} times the heartbeat interval"),
            None => "not even the first event".to_owned(),
        };
        Error::new(
            ErrorKind::HeartbeatLost,
            format!("received nothing from {} for {limit:?} ({why})", self.peer),
        )
    }

    fn closed(&self, decoder: &Decoder) -> Error {
        let message = format!("{} ended the event stream", self.peer);
        let error = Error::new(ErrorKind::Transport, message);
        match decoder.finish() {
            Ok(()) => error,
            Err(cut) => error.with_source(cut),
        }
    }

    fn broken(&self, source: hyper::Error) -> Error {
        let message = format!("the event stream from {} broke", self.peer);
        Error::new(ErrorKind::Transport, message).with_source(source)
    }

    fn invalid(&self, source: FrameError) -> Error {
        let message = format!("cannot read the event stream from {}", self.peer);
        Error::new(ErrorKind::Protocol, message).with_source(source)
    }
}
