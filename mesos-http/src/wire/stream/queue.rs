//! The events between the reader and the consumer, several at a time. The reader waits while there is
//! no room.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mesos_core::Result;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::lock::lock;
use crate::transport::settings::Settings;
use crate::wire::api::HttpApi;

/// Groups of events, and at last the reason of the end. The room in [`Batches`] limits the size.
#[derive(Debug)]
pub(super) struct Queue<A: HttpApi> {
    batches: Mutex<VecDeque<Result<Batch<A>>>>,
    /// The number of events in them.
    pub(super) events: AtomicUsize,
    /// The size of these events in bytes.
    bytes: AtomicUsize,
    /// Notifies when the size falls below [`AHEAD`].
    low: Notify,
}

/// Events that arrived together. They count as queued until all of them were delivered.
#[derive(Debug)]
pub(super) struct Batch<A: HttpApi> {
    pub(super) items: VecDeque<Item<A>>,
    /// The size of their records, in bytes.
    size: usize,
    _room: [OwnedSemaphorePermit; 2],
}

/// An event of the queue.
#[derive(Debug)]
pub(super) enum Item<A: HttpApi> {
    Event(Box<A::Event>, Bytes),
    /// A large event, offers or an update, which the consumer decodes.
    Undecoded(Bytes),
}

/// The records of one batch have at most this size together, in bytes. A larger record passes alone.
const BATCH: usize = 64 << 10;

/// A batch has at most this part of the events that the queue has room for, so that the reader fills
/// one batch while the consumer handles another one.
const BATCHES: usize = 4;

/// While the consumer takes events, this number of bytes is read ahead. More would be out of the
/// processor's cache when the consumer needs it.
const AHEAD: usize = 256 << 10;

/// After this time in which the consumer took no event, more is read, until the queue is full.
const IDLE: Duration = Duration::from_millis(20);

/// The unit in which the queue counts bytes.
const UNIT: usize = 1 << 10;

/// The most units that a semaphore of tokio can have on every platform.
const MAX_UNITS: u32 = u32::MAX >> 3;

/// Puts events into the queue, several at a time.
pub(super) struct Batches<A: HttpApi> {
    pub(super) queue: Arc<Queue<A>>,
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

impl<A: HttpApi> Queue<A> {
    pub(super) fn new() -> Self {
        Self {
            batches: Mutex::default(),
            events: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            low: Notify::new(),
        }
    }

    pub(super) fn push(&self, next: Result<Batch<A>>) {
        if let Ok(batch) = &next {
            self.events.fetch_add(batch.items.len(), Ordering::Relaxed);
            self.bytes.fetch_add(batch.size, Ordering::Relaxed);
        }
        lock(&self.batches).push_back(next);
    }

    pub(super) fn pop(&self) -> Option<Result<Batch<A>>> {
        let next = lock(&self.batches).pop_front()?;
        if let Ok(batch) = &next {
            self.events.fetch_sub(batch.items.len(), Ordering::Relaxed);
            let before = self.bytes.fetch_sub(batch.size, Ordering::Relaxed);
            if before >= AHEAD && before - batch.size < AHEAD {
                self.low.notify_one();
            }
        }
        Some(next)
    }

    /// Waits while the consumer has enough to do, but not for long.
    pub(super) async fn wanted(&self) {
        while self.bytes.load(Ordering::Relaxed) >= AHEAD {
            // A permit of an earlier fall may end the wait early.
            if timeout(IDLE, self.low.notified()).await.is_err() {
                return;
            }
        }
    }
}

impl<A: HttpApi> Batches<A> {
    pub(super) fn new(queue: Arc<Queue<A>>, settings: &Settings) -> Self {
        let permits = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).min(MAX_UNITS);
        let units = permits(settings.event_queue_bytes.div_ceil(UNIT).max(1));
        let events = permits(settings.event_queue);
        Self {
            queue,
            items: VecDeque::new(),
            size: 0,
            most: (events as usize / BATCHES).max(1),
            room: [events, units].map(|count| Arc::new(Semaphore::new(count as usize))),
            units,
        }
    }

    /// Adds an event with a record of this size. Waits while the queue has no room.
    pub(super) async fn add(&mut self, item: Item<A>, size: usize) {
        if self.size + size > BATCH || self.items.len() >= self.most {
            self.flush().await;
        }
        self.items.push_back(item);
        self.size += size;
    }

    /// Puts the added events into the queue.
    pub(super) async fn flush(&mut self) {
        if self.items.is_empty() {
            return;
        }
        let units = u32::try_from(self.size.div_ceil(UNIT)).unwrap_or(self.units);
        // A record that is larger than the queue passes alone.
        let wanted = [self.items.len() as u32, units.clamp(1, self.units)];
        let [events, bytes] =
            [0, 1].map(|index| Arc::clone(&self.room[index]).acquire_many_owned(wanted[index]));
        let (Ok(events), Ok(bytes)) = (events.await, bytes.await) else {
            // The semaphores are never closed.
            return;
        };
        self.queue.push(Ok(Batch {
            items: std::mem::take(&mut self.items),
            size: std::mem::take(&mut self.size),
            _room: [events, bytes],
        }));
    }
}
