//! The events of one subscription: a task that reads the response, cuts it into
//! events and watches that it does not fall silent.
//!
//! What ends a stream ends it for good; subscribing again is for the caller.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming as Body;
use mesos_core::backend::{EventStream, Incoming};
use mesos_core::{Error, ErrorKind, Result};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::transport::connection::Connection;
use crate::transport::settings::Settings;
use crate::wire::api::HttpApi;
use crate::wire::codec::Codec;
use crate::wire::offers_chunks::OffersChunks;
use crate::wire::recordio::{Decoder, FrameError};

/// The consumer's end. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Events<A: HttpApi> {
    queue: mpsc::Receiver<Result<Read<A>>>,
    /// Of the event that is handed over now.
    chunks: Option<OffersChunks>,
    codec: Codec,
    /// What is decoded, for messages.
    what: String,
    reader: JoinHandle<()>,
    ended: Option<Error>,
}

/// What the reader found.
enum Read<A: HttpApi> {
    Event(Box<A::Event>, Bytes),
    /// To be decoded by the consumer.
    Large(Bytes),
}

/// Records of this many bytes are decoded by the consumer, in whose hands what
/// was decoded ends as well. An event of a hundred offers is two thousand pieces
/// of memory, and to allocate them on one processor and free them on another
/// costs more than to let two decode (docs/performance.md).
const LARGE: usize = 8 << 10;

/// The reader's end.
pub(crate) struct Reader {
    pub(crate) body: Body,
    /// Gets the reason if a call shows that the subscription is worth nothing.
    pub(crate) condemned: Option<oneshot::Receiver<Error>>,
    /// Who sends, for messages.
    pub(crate) peer: String,
    pub(crate) settings: Settings,
}

/// The consumer is gone, and nobody wants the events any more.
struct Gone;

impl<A: HttpApi> Events<A> {
    /// Starts to read. `connection` is closed and `over` dropped when the
    /// stream ends, by itself or because the consumer's end is dropped.
    pub(crate) fn start(reader: Reader, connection: Connection, over: watch::Sender<()>) -> Self {
        let (sender, queue) = mpsc::channel(reader.settings.event_queue);
        let (codec, what) = (reader.settings.codec, event_of(&reader.peer));
        let reader = tokio::spawn(async move {
            let end = reader.run::<A>(&sender).await;
            // No call is made any more, even before the consumer knows why.
            drop((connection, over));
            if let Err(error) = end {
                tracing::debug!(%error, "event stream ended");
                // Behind the events that came before it.
                let _ = sender.send(Err(error)).await;
            }
        });
        Self {
            queue,
            chunks: None,
            codec,
            what,
            reader,
            ended: None,
        }
    }

    async fn read(&mut self) -> Result<(Box<A::Event>, Bytes)> {
        loop {
            if let Some(chunk) = self.chunks.as_mut().and_then(Iterator::next) {
                return self.decode(chunk);
            }
            self.chunks = None;
            match self.queue.recv().await {
                Some(Ok(Read::Event(event, record))) => return Ok((event, record)),
                Some(Ok(Read::Large(record))) => {
                    // JSON is decoded as a whole: who wants little memory does not choose it.
                    if self.codec == Codec::Protobuf {
                        self.chunks = A::chunks(&record);
                    }
                    if self.chunks.is_none() {
                        return self.decode(record);
                    }
                }
                Some(Err(error)) => return Err(error),
                None => {
                    return Err(Error::new(
                        ErrorKind::Backend,
                        "the task that reads the events is gone; was its tokio runtime shut down?",
                    ));
                }
            }
        }
    }

    fn decode(&self, record: Bytes) -> Result<(Box<A::Event>, Bytes)> {
        let event = self.codec.decode_boxed(record.clone(), &self.what)?;
        Ok((event, record))
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
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        match self.read().await {
            Ok((event, record)) => Ok(Incoming::Event(event, record)),
            Err(error) => {
                self.ended = Some(error.clone());
                // If it was found here, the reader does not know yet.
                self.reader.abort();
                Err(error)
            }
        }
    }

    fn queued(&self) -> usize {
        self.queue.len() + self.chunks.as_ref().map_or(0, OffersChunks::len)
    }
}

/// Completes when a call showed that the subscription is worth nothing. Cancel
/// safe.
async fn verdict(condemned: &mut Option<oneshot::Receiver<Error>>) -> Error {
    if let Some(receiver) = condemned {
        match receiver.await {
            Ok(error) => return error,
            // Nobody makes calls any more.
            Err(_) => *condemned = None,
        }
    }
    std::future::pending().await
}

impl Reader {
    /// Reads until the stream ends, which is the error, or the consumer is gone.
    async fn run<A: HttpApi>(mut self, queue: &mpsc::Sender<Result<Read<A>>>) -> Result<Gone> {
        let mut decoder = Decoder::new(self.settings.max_record_size);
        // How often the peer said that it sends. A master that has not said so
        // owes an event as it owes an answer; an agent says nothing.
        let mut interval: Option<Duration> = None;
        let what = event_of(&self.peer);
        loop {
            let patience = match interval {
                Some(interval) => Some(interval.saturating_mul(self.settings.missed_heartbeats)),
                None => A::STREAM_ID.then_some(self.settings.response_timeout),
            };
            // The time runs only while we wait for bytes: a consumer that is
            // slow makes the queue full, not the peer silent.
            let frame = self.body.frame();
            let frame = async {
                match patience {
                    None => Ok(frame.await),
                    Some(limit) => timeout(limit, frame).await.map_err(|_| limit),
                }
            };
            let frame = tokio::select! {
                biased;
                error = verdict(&mut self.condemned) => return Err(error),
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
            while let Some(record) = decoder.next_record().map_err(|e| self.garbage(e))? {
                if record.is_empty() {
                    continue;
                }
                // What announces the interval is the first one.
                let read = if interval.is_some() && record.len() >= LARGE {
                    Read::Large(record)
                } else {
                    let event = self.settings.codec.decode_boxed(record.clone(), &what)?;
                    interval = A::heartbeat(&event).or(interval);
                    Read::Event(event, record)
                };
                if queue.send(Ok(read)).await.is_err() {
                    return Ok(Gone);
                }
            }
        }
    }

    fn silent(&self, limit: Duration, interval: Option<Duration>) -> Error {
        let times = self.settings.missed_heartbeats;
        let why = match interval {
            Some(_) => format!("{times} times its heartbeat interval"),
            None => "not even how often it sends heartbeats".to_owned(),
        };
        Error::new(
            ErrorKind::HeartbeatLost,
            format!("nothing came from {} for {limit:?}, {why}", self.peer),
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

    fn garbage(&self, source: FrameError) -> Error {
        let message = format!("the event stream from {} cannot be read", self.peer);
        Error::new(ErrorKind::Protocol, message).with_source(source)
    }
}
