//! The events of one subscription: a task that reads the response, splits it into events, and
//! checks that the peer does not fall silent.
//!
//! A stream that has ended stays ended; the caller subscribes again.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::{EventStream, Incoming};
use mesos_core::{Error, ErrorKind, Result};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::transport::exchange::Body;
use crate::transport::patience::{Patience, within};
use crate::transport::settings::Settings;
use crate::wire::api::HttpApi;
use crate::wire::codec::Codec;
use crate::wire::offers_chunks::OffersChunks;
use crate::wire::recordio::{Decoder, FrameError};
use crate::wire::undecoded::Undecoded;

/// The consumer's end. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Events<A: HttpApi> {
    queue: mpsc::Receiver<Result<Batch<A>>>,
    /// The events that are delivered now.
    batch: Option<Batch<A>>,
    /// The number of events in the queue.
    queued: Arc<AtomicUsize>,
    /// The chunks of the event that is delivered now.
    chunks: Option<OffersChunks>,
    codec: Codec,
    undecoded: Undecoded,
    /// The name of an event, for messages.
    what: String,
    reader: JoinHandle<()>,
    ended: Option<Error>,
}

/// Events that arrived together. They count as queued until all of them were delivered.
#[derive(Debug)]
struct Batch<A: HttpApi> {
    items: VecDeque<Item<A>>,
    _room: [OwnedSemaphorePermit; 2],
}

/// An event of the queue.
#[derive(Debug)]
enum Item<A: HttpApi> {
    Event(Box<A::Event>, Bytes),
    /// A large event, offers or an update, which the consumer decodes.
    Undecoded(Bytes),
}

/// Records of at least this size, in bytes, are decoded by the consumer, which also frees the
/// decoded event. An event of a hundred offers has two thousand allocations. To allocate them on one
/// processor and free them on another costs more than decoding on two processors saves
/// (docs/performance.md).
const LARGE: usize = 8 << 10;

/// The records of one batch have at most this size together, in bytes. A larger record passes alone.
const BATCH: usize = 64 << 10;

/// A batch has at most this part of the events that the queue has room for, so that the reader fills
/// one batch while the consumer handles another one.
const BATCHES: usize = 4;

/// The unit in which the queue counts bytes.
const UNIT: usize = 1 << 10;

/// The most units that a semaphore of tokio can have on every platform.
const MAX_UNITS: u32 = u32::MAX >> 3;

/// The reader's end.
pub(crate) struct Reader {
    pub(crate) body: Body,
    /// Receives the reason if a call shows that the subscription is dead.
    pub(crate) fatal_error: Option<oneshot::Receiver<Error>>,
    pub(crate) source: Source,
}

/// Where events come from.
pub(crate) struct Source {
    /// The peer, for messages.
    pub(crate) peer: String,
    /// The name of an event, for messages.
    pub(crate) what: String,
    pub(crate) settings: Settings,
}

/// The consumer was dropped.
struct Gone;

impl<A: HttpApi> Events<A> {
    /// Starts the reader. When the stream ends, or the consumer's end is dropped, the connection is
    /// closed and `open` is dropped.
    pub(crate) fn start(reader: Reader, open: watch::Sender<()>) -> Self {
        // A batch has at least one event. One more place is for the reason of the end.
        let (sender, queue) = mpsc::channel(reader.source.settings.event_queue.saturating_add(1));
        let (codec, what) = (reader.source.settings.codec, reader.source.what.clone());
        let queued = Arc::new(AtomicUsize::new(0));
        let batches = Batches::new(sender, Arc::clone(&queued), &reader.source.settings);
        let reader = tokio::spawn(async move {
            let sender = batches.queue.clone();
            let end = reader.run::<A>(batches).await;
            // From here on no call is made, even before the consumer receives the reason.
            drop(open);
            if let Err(error) = end {
                tracing::debug!(%error, "event stream ended");
                // After the events that arrived before it.
                let _ = sender.send(Err(error)).await;
            }
        });
        Self {
            queue,
            batch: None,
            queued,
            chunks: None,
            codec,
            undecoded: Undecoded::new(codec),
            what,
            reader,
            ended: None,
        }
    }

    /// The next event of the present batch, whose offers may be `encoded`.
    fn take(&mut self, encoded: bool) -> Option<Result<Incoming<A>>> {
        loop {
            if let Some(chunk) = self.chunks.as_mut().and_then(Iterator::next) {
                return Some(self.decode(chunk, encoded));
            }
            self.chunks = None;
            match self.batch.as_mut()?.items.pop_front() {
                Some(Item::Event(event, record)) => {
                    return Some(Ok(Incoming::Event(event, record)));
                }
                Some(Item::Undecoded(record)) => {
                    // JSON is not split: a user who needs little memory uses protobuf.
                    if self.codec == Codec::Protobuf {
                        self.chunks = A::chunks(&record);
                    }
                    if self.chunks.is_none() {
                        return Some(self.decode(record, encoded));
                    }
                }
                // Frees the room in the queue.
                None => self.batch = None,
            }
        }
    }

    /// What the queue has returned becomes the present batch.
    fn received(&mut self, batch: Option<Result<Batch<A>>>) -> Result<()> {
        let ended = || {
            let text = "the task that reads the events has ended; was its tokio runtime shut down?";
            Error::new(ErrorKind::Backend, text)
        };
        let batch = batch.unwrap_or_else(|| Err(ended()))?;
        self.queued.fetch_sub(batch.items.len(), Ordering::Relaxed);
        self.batch = Some(batch);
        Ok(())
    }

    /// The next event, whose offers may be `encoded`.
    async fn read(&mut self, encoded: bool) -> Result<Incoming<A>> {
        loop {
            if let Some(next) = self.take(encoded) {
                return next;
            }
            let batch = self.queue.recv().await;
            self.received(batch)?;
        }
    }

    /// The next event if it has arrived.
    fn read_ready(&mut self) -> Option<Result<Incoming<A>>> {
        loop {
            if let Some(next) = self.take(true) {
                return Some(next);
            }
            let batch = match self.queue.try_recv() {
                Ok(batch) => Some(batch),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => None,
            };
            if let Err(error) = self.received(batch) {
                return Some(Err(error));
            }
        }
    }

    fn decode(&mut self, record: Bytes, encoded: bool) -> Result<Incoming<A>> {
        if encoded && A::HAS_OFFERS && Undecoded::may_read(self.codec, &record) {
            if let Some(update) = self.undecoded.update(&record) {
                return Ok(Incoming::Update(update));
            }
            if let Some(offers) = self.undecoded.offers(&record) {
                return Ok(Incoming::Offers(offers));
            }
        }
        let event = self.codec.decode_boxed(record.clone(), &self.what)?;
        Ok(Incoming::Event(event, record))
    }

    async fn next_or_end(&mut self, encoded: bool) -> Result<Incoming<A>> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        let next = self.read(encoded).await;
        self.check(&next);
        next
    }

    /// Ends the stream after an error.
    fn check(&mut self, next: &Result<Incoming<A>>) {
        if let Err(error) = next {
            self.ended = Some(error.clone());
            // A decoding error occurs here, so the reader has to be stopped.
            self.reader.abort();
        }
    }
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

    fn next_ready(&mut self) -> Option<Result<Incoming<A>>> {
        if let Some(error) = &self.ended {
            return Some(Err(error.clone()));
        }
        let next = self.read_ready()?;
        self.check(&next);
        Some(next)
    }

    fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
            + self.batch.as_ref().map_or(0, |batch| batch.items.len())
            + self.chunks.as_ref().map_or(0, OffersChunks::len)
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

/// Puts events into the queue, several at a time.
struct Batches<A: HttpApi> {
    queue: mpsc::Sender<Result<Batch<A>>>,
    queued: Arc<AtomicUsize>,
    items: VecDeque<Item<A>>,
    /// The size of the records of these items, in bytes.
    size: usize,
    /// The most items of a batch.
    most: usize,
    /// The room in the queue, in events and in units of bytes.
    room: [Arc<Semaphore>; 2],
    /// All units of the queue.
    units: u32,
}

impl<A: HttpApi> Batches<A> {
    fn new(
        queue: mpsc::Sender<Result<Batch<A>>>,
        queued: Arc<AtomicUsize>,
        settings: &Settings,
    ) -> Self {
        let permits = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).min(MAX_UNITS);
        let units = permits(settings.event_queue_bytes.div_ceil(UNIT).max(1));
        let events = permits(settings.event_queue);
        Self {
            queue,
            queued,
            items: VecDeque::new(),
            size: 0,
            most: (events as usize / BATCHES).max(1),
            room: [events, units].map(|count| Arc::new(Semaphore::new(count as usize))),
            units,
        }
    }

    /// Adds an event with a record of this size. Waits while the queue has no room. Returns
    /// [`Gone`] if the consumer was dropped.
    async fn add(&mut self, item: Item<A>, size: usize) -> Result<(), Gone> {
        if self.size + size > BATCH || self.items.len() >= self.most {
            self.flush().await?;
        }
        self.items.push_back(item);
        self.size += size;
        Ok(())
    }

    /// Puts the added events into the queue.
    async fn flush(&mut self) -> Result<(), Gone> {
        if self.items.is_empty() {
            return Ok(());
        }
        let units = u32::try_from(self.size.div_ceil(UNIT)).unwrap_or(self.units);
        // A record that is larger than the queue passes alone.
        let wanted = [self.items.len() as u32, units.clamp(1, self.units)];
        let [events, bytes] =
            [0, 1].map(|index| Arc::clone(&self.room[index]).acquire_many_owned(wanted[index]));
        let room = async { Some([events.await.ok()?, bytes.await.ok()?]) };
        // The consumer frees the room, unless it is gone. The semaphores are never closed.
        let room = tokio::select! {
            biased;
            room = room => room,
            () = self.queue.closed() => None,
        };
        let _room = room.ok_or(Gone)?;
        let items = std::mem::take(&mut self.items);
        self.size = 0;
        self.queued.fetch_add(items.len(), Ordering::Relaxed);
        let sent = self.queue.send(Ok(Batch { items, _room })).await;
        sent.map_err(|_| Gone)
    }
}

impl Reader {
    /// Reads until the stream ends (the error) or the consumer is dropped.
    async fn run<A: HttpApi>(mut self, mut batches: Batches<A>) -> Result<Gone> {
        let mut decoder = Decoder::new(self.source.settings.max_record_size);
        // The heartbeat interval that the peer announced. Before that, a master's first event has
        // the time limit of a response. An agent announces no interval.
        let mut interval: Option<Duration> = None;
        let mut patience = Patience::new(self.source.settings.response_timeout);
        loop {
            let limit = match interval {
                Some(interval) => {
                    Some(interval.saturating_mul(self.source.settings.missed_heartbeats))
                }
                None => A::STREAM_ID.then_some(self.source.settings.response_timeout),
            };
            // Only the time spent waiting for bytes counts: a slow consumer fills the queue, and does
            // not make the peer silent.
            let body = &mut self.body;
            let data = poll_fn(|context| body.poll_data(context, |piece| decoder.push(piece)));
            let data = async {
                match limit {
                    None => Ok(data.await),
                    Some(limit) => {
                        patience.set_limit(limit);
                        patience.reset();
                        within(&mut patience, data).await.map_err(|_| limit)
                    }
                }
            };
            let data = tokio::select! {
                biased;
                error = fatal_error(&mut self.fatal_error) => return Err(error),
                data = data => data,
            };
            match data {
                Err(limit) => return Err(self.source.silent(limit, interval)),
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => return Err(self.source.closed(&decoder)),
                Ok(Err(source)) => return Err(self.source.broken(source)),
            }
            let read = self
                .source
                .records(&mut decoder, &mut interval, &mut batches)
                .await;
            // Events before an error are delivered.
            if let (Ok(Err(Gone)), _) | (_, Err(Gone)) = (&read, batches.flush().await) {
                return Ok(Gone);
            }
            let _ = read?;
        }
    }
}

impl Source {
    /// Decodes the complete records, and adds their events to `batches`.
    async fn records<A: HttpApi>(
        &self,
        decoder: &mut Decoder,
        interval: &mut Option<Duration>,
        batches: &mut Batches<A>,
    ) -> Result<Result<(), Gone>> {
        let codec = self.settings.codec;
        while let Some(record) = decoder.next_record().map_err(|e| self.invalid(e))? {
            let size = record.len();
            if size == 0 {
                continue;
            }
            // The first event announces the interval.
            let encoded = A::HAS_OFFERS && Undecoded::may_read(codec, &record);
            let item = if interval.is_some() && (encoded || size >= LARGE) {
                Item::Undecoded(record)
            } else {
                let event = codec.decode_boxed(record.clone(), &self.what)?;
                *interval = A::heartbeat(&event).or(*interval);
                Item::Event(event, record)
            };
            if let Err(Gone) = batches.add(item, size).await {
                return Ok(Err(Gone));
            }
        }
        Ok(Ok(()))
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

    fn broken(&self, source: io::Error) -> Error {
        let message = format!("the event stream from {} broke", self.peer);
        Error::new(ErrorKind::Transport, message).with_source(source)
    }

    fn invalid(&self, source: FrameError) -> Error {
        let message = format!("cannot read the event stream from {}", self.peer);
        Error::new(ErrorKind::Protocol, message).with_source(source)
    }
}
