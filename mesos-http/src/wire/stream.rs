//! The events of one subscription: a future that reads the response, splits it into events, and
//! checks that the peer does not fall silent. The consumer of the events runs this future
//! (`crate::work`).
//!
//! A stream that has ended stays ended; the caller subscribes again.

mod queue;

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::{EventStream, Incoming};
use mesos_core::{Error, ErrorKind, Result};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{oneshot, watch};
use tokio::task::yield_now;

use self::queue::{Batch, Batches, Item, Queue};
use crate::transport::exchange::Body;
use crate::transport::patience::{Patience, within};
use crate::transport::settings::Settings;
use crate::wire::api::HttpApi;
use crate::wire::codec::Codec;
use crate::wire::offers_chunks::OffersChunks;
use crate::wire::recordio::{Decoder, FrameError};
use crate::wire::undecoded::Undecoded;
use crate::work::Work;

/// The consumer's end. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Events<A: HttpApi> {
    arrived: Arrived<A>,
    /// Reads events and makes calls.
    work: Work,
    /// The turn of the consumer ends after this number of bytes.
    turn: usize,
    /// Whether the turn has ended, and other tasks have not run yet.
    tired: bool,
    ended: Option<Error>,
}

/// The events that were read.
#[derive(Debug)]
struct Arrived<A: HttpApi> {
    queue: Arc<Queue<A>>,
    /// The events that are delivered now.
    batch: Option<Batch<A>>,
    /// The chunks of the event that is delivered now.
    chunks: Option<OffersChunks>,
    /// The size of the events that were delivered since the consumer waited, in bytes.
    delivered: usize,
    codec: Codec,
    undecoded: Undecoded,
    /// The name of an event, for messages.
    what: String,
}

/// Records of at least this size, in bytes, are decoded by the consumer, which also frees the
/// decoded event. An event of a hundred offers has two thousand allocations. To allocate them on one
/// processor and free them on another costs more than decoding on two processors saves
/// (docs/performance.md).
const LARGE: usize = 8 << 10;

/// After events of this size in bytes without a wait, other tasks get their turn.
const TURN: usize = 128 << 10;

/// The same if the runtime has several threads. The other threads run other tasks meanwhile, and to
/// let another task run would wake one of them.
const LONG_TURN: usize = 512 << 10;

/// A smaller event counts as this number of bytes.
const LEAST: usize = 512;

/// Reads events.
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

impl<A: HttpApi> Events<A> {
    /// Starts to read. When the stream ends, or this value is dropped, the connection is closed and
    /// `open` is dropped. `writer` runs together with the reader, until it ends by itself.
    pub(crate) fn start(
        reader: Reader,
        open: watch::Sender<()>,
        writer: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let queue = Arc::new(Queue::new());
        let batches = Batches::new(Arc::clone(&queue), &reader.source.settings);
        let arrived = Arrived {
            queue: Arc::clone(&queue),
            batch: None,
            chunks: None,
            delivered: 0,
            codec: reader.source.settings.codec,
            undecoded: Undecoded::new(reader.source.settings.codec),
            what: reader.source.what.clone(),
        };
        let reader = async move {
            let error = reader.run::<A>(batches).await;
            // From here on no call is made, even before the consumer receives the reason.
            drop(open);
            tracing::debug!(%error, "event stream ended");
            // After the events that arrived before it.
            queue.push(Err(error));
        };
        Self {
            arrived,
            work: Work::start(reader, writer),
            turn: match Handle::current().runtime_flavor() {
                RuntimeFlavor::CurrentThread => TURN,
                _ => LONG_TURN,
            },
            tired: false,
            ended: None,
        }
    }

    /// The next event, whose offers may be `encoded`.
    async fn read(&mut self, encoded: bool) -> Result<Incoming<A>> {
        let (work, arrived) = (&self.work, &mut self.arrived);
        let _attention = work.attention();
        if std::mem::take(&mut self.tired) || arrived.delivered >= self.turn {
            arrived.delivered = 0;
            poll_fn(|context| Poll::Ready(work.park(context))).await;
            yield_now().await;
        }
        poll_fn(|context| {
            let next = work.poll(context, || arrived.next(work, encoded));
            if next.is_pending() {
                arrived.delivered = 0;
            }
            next
        })
        .await
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
            self.work.stop();
        }
    }
}

impl<A: HttpApi> Arrived<A> {
    /// The next event, whose offers may be `encoded`, or the reason of the end. `None` if it has not
    /// arrived.
    fn next(&mut self, work: &Work, encoded: bool) -> Option<Result<Incoming<A>>> {
        loop {
            if let Some(next) = self.take(encoded) {
                return Some(next);
            }
            // In this order: the reader puts events into the queue before it ends.
            let ended = work.has_ended();
            match self.queue.pop() {
                Some(Ok(batch)) => self.batch = Some(batch),
                Some(Err(error)) => return Some(Err(error)),
                None if ended => {
                    let text = "the task that reads the events has ended; was its tokio runtime shut down?";
                    return Some(Err(Error::new(ErrorKind::Backend, text)));
                }
                None => return None,
            }
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
                    self.delivered += record.len().max(LEAST);
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

    fn decode(&mut self, record: Bytes, encoded: bool) -> Result<Incoming<A>> {
        self.delivered += record.len().max(LEAST);
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

    /// The number of events that have arrived.
    fn len(&self) -> usize {
        self.queue.events.load(Ordering::Relaxed)
            + self.batch.as_ref().map_or(0, |batch| batch.items.len())
            + self.chunks.as_ref().map_or(0, OffersChunks::len)
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
        if self.arrived.delivered >= self.turn {
            // Once: the caller usually calls `next`, which waits, but need not.
            self.arrived.delivered = 0;
            self.tired = true;
            return None;
        }
        let next = self.arrived.next(&self.work, true)?;
        self.check(&next);
        Some(next)
    }

    fn queued(&self) -> usize {
        self.arrived.len()
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
    /// Reads until the stream ends.
    async fn run<A: HttpApi>(mut self, mut batches: Batches<A>) -> Error {
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
            batches.queue.wanted().await;
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
                error = fatal_error(&mut self.fatal_error) => return error,
                data = data => data,
            };
            match data {
                Err(limit) => return self.source.silent(limit, interval),
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => return self.source.closed(&decoder),
                Ok(Err(source)) => return self.source.broken(source),
            }
            let read = self
                .source
                .records(&mut decoder, &mut interval, &mut batches)
                .await;
            // Events before an error are delivered.
            batches.flush().await;
            if let Err(error) = read {
                return error;
            }
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
    ) -> Result<()> {
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
            batches.add(item, size).await;
        }
        Ok(())
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
