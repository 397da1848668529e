//! The reading and writing of one subscription, in the task that handles its events.
//!
//! If reading events, handling them and writing calls were three tasks, they would wake each other
//! for each group of events. On a runtime with several threads this costs system calls. So the task
//! that waits for the next event runs the reader and the writer itself, both as futures of this
//! module. This is the *consumer*.
//!
//! A task of the runtime, the *standby*, runs the same futures while the consumer does something
//! else: while a handler waits, or after the consumer was dropped. The futures have one waker. It
//! wakes the consumer if the consumer waits for an event, and the standby otherwise. A handler that
//! does not wait returns before its thread can run the standby, which then finds nothing to do.
//!
//! If [`due`](State::due) is set, then somebody runs the futures now, or was woken to run them: the
//! consumer if it waits, the standby otherwise.

use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use tokio::runtime::Handle;

use crate::lock::lock;

/// The consumer's end.
pub(crate) struct Work(Arc<Shared>);

type Part = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Shared {
    state: Mutex<State>,
    parts: Mutex<Parts>,
    /// The runtime of the standby.
    runtime: Handle,
}

/// The futures, until they have ended.
struct Parts {
    reader: Option<Part>,
    writer: Option<Part>,
}

#[derive(Default)]
struct State {
    /// Something has happened for which the futures wait.
    due: bool,
    /// The futures are run now.
    running: bool,
    /// The consumer waits for an event.
    parked: bool,
    consumer: Option<Waker>,
    standby: Option<Waker>,
    /// The reader has to be dropped.
    stopped: bool,
    /// The runtime has dropped the standby, so both futures have to be dropped.
    shut_down: bool,
    reader_ended: bool,
    writer_ended: bool,
}

impl Work {
    /// Starts the standby. Needs a tokio runtime.
    pub(crate) fn start(
        reader: impl Future<Output = ()> + Send + 'static,
        writer: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                due: true,
                ..State::default()
            }),
            parts: Mutex::new(Parts {
                reader: Some(contained(reader)),
                writer: Some(contained(writer)),
            }),
            runtime: Handle::current(),
        });
        tokio::spawn(Standby(Arc::clone(&shared)));
        Self(shared)
    }

    /// Runs what is due, and returns what `take` finds. Waits while `take` finds nothing. The caller
    /// needs an [`Attention`] for this.
    pub(crate) fn poll<T>(
        &self,
        context: &mut Context<'_>,
        mut take: impl FnMut() -> Option<T>,
    ) -> Poll<T> {
        lock(&self.0.state).parked = false;
        self.0.run();
        if let Some(found) = take() {
            return Poll::Ready(found);
        }
        if self.park(context) {
            // The futures have woken themselves, so that other tasks run before.
            context.waker().wake_by_ref();
        }
        // The standby may have added something before the consumer was parked.
        match take() {
            Some(found) => Poll::Ready(found),
            None => Poll::Pending,
        }
    }

    /// The consumer waits from here on. Returns whether it has to continue at once.
    pub(crate) fn park(&self, context: &mut Context<'_>) -> bool {
        let mut state = lock(&self.0.state);
        state.parked = true;
        let former = replaced(&mut state.consumer, context.waker());
        let unattended = state.is_unattended();
        drop(state);
        drop(former);
        unattended
    }

    /// Keep this value while the consumer waits.
    pub(crate) fn attention(&self) -> Attention<'_> {
        Attention(&self.0)
    }

    /// Drops the reader.
    pub(crate) fn stop(&self) {
        let mut state = lock(&self.0.state);
        state.stopped = true;
        let running = state.running;
        drop(state);
        if !running {
            self.0.clear();
        }
    }

    /// Whether the reader has ended.
    pub(crate) fn has_ended(&self) -> bool {
        let state = lock(&self.0.state);
        state.reader_ended || state.shut_down
    }
}

/// A consumer that waits. Dropping it leaves the futures to the standby.
pub(crate) struct Attention<'a>(&'a Arc<Shared>);

impl Drop for Attention<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.parked = false;
        let standby = state.standby.clone().filter(|_| state.is_unattended());
        drop(state);
        wake(standby);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.stop();
    }
}

impl State {
    /// Whether the futures have to be run, and nobody does it now.
    fn is_unattended(&self) -> bool {
        self.due && !self.running
    }

    fn has_ended(&self) -> bool {
        self.reader_ended && self.writer_ended
    }
}

impl Shared {
    /// Runs the futures if they are due; whether they were.
    fn run(self: &Arc<Self>) -> bool {
        let mut state = lock(&self.state);
        if !state.is_unattended() {
            return false;
        }
        (state.due, state.running) = (false, true);
        drop(state);
        self.poll();
        true
    }

    fn poll(self: &Arc<Self>) {
        let waker = Waker::from(Arc::clone(self));
        let mut context = Context::from_waker(&waker);
        // The consumer may run on another runtime.
        let inside = self.runtime.enter();
        let mut parts = lock(&self.parts);
        // The peer continues as soon as the calls are written.
        let writer_ended = poll(&mut parts.writer, &mut context);
        let reader_ended = poll(&mut parts.reader, &mut context);
        drop((parts, inside));
        let mut state = lock(&self.state);
        state.running = false;
        (state.writer_ended, state.reader_ended) = (writer_ended, reader_ended);
        let standby = state.standby.clone().filter(|_| state.has_ended());
        let clear = state.stopped || state.shut_down;
        drop(state);
        wake(standby);
        if clear {
            self.clear();
        }
    }

    /// Drops the futures that nobody needs any more: the reader, and after the end of the runtime the
    /// writer. Dropping them may wake this waker.
    fn clear(&self) {
        let mut parts = lock(&self.parts);
        let mut state = lock(&self.state);
        if state.running {
            // Whoever runs the futures drops them afterwards.
            return;
        }
        let reader = parts.reader.take();
        state.reader_ended = true;
        let writer = match state.shut_down {
            true => parts.writer.take(),
            false => None,
        };
        let standby = state.standby.clone().filter(|_| state.has_ended());
        drop((state, parts));
        drop((reader, writer));
        wake(standby);
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        if std::mem::replace(&mut state.due, true) || state.running {
            return;
        }
        let waker = match state.parked {
            true => state.consumer.clone(),
            false => state.standby.clone(),
        };
        drop(state);
        wake(waker);
    }
}

/// The task of the runtime.
struct Standby(Arc<Shared>);

impl Future for Standby {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shared = &self.0;
        let former = replaced(&mut lock(&shared.state).standby, context.waker());
        drop(former);
        let parked = lock(&shared.state).parked;
        let ran = !parked && shared.run();
        let state = lock(&shared.state);
        // There may be an event, or more to do.
        let consumer = state.consumer.clone().filter(|_| state.parked && ran);
        let unattended = state.is_unattended() && !state.parked;
        let ended = state.has_ended();
        drop(state);
        wake(consumer);
        if ended {
            return Poll::Ready(());
        }
        if unattended {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.shut_down = true;
        let consumer = state.consumer.take();
        drop(state);
        self.0.clear();
        wake(consumer);
    }
}

/// A future that ends if it panics, as a task of tokio.
fn contained(future: impl Future<Output = ()> + Send + 'static) -> Part {
    Box::pin(async move {
        let mut future = pin!(future);
        poll_fn(|context| {
            // After a panic the future is dropped, so no code sees half of a change.
            let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
            polled.unwrap_or(Poll::Ready(()))
        })
        .await;
    })
}

/// Polls a future; whether it has ended.
fn poll(part: &mut Option<Part>, context: &mut Context<'_>) -> bool {
    if let Some(future) = part
        && future.as_mut().poll(context).is_ready()
    {
        *part = None;
    }
    part.is_none()
}

/// Stores a waker. Returns the former one, which has to be dropped without a lock: it may own a task.
fn replaced(slot: &mut Option<Waker>, waker: &Waker) -> Option<Waker> {
    match slot {
        Some(slot) if slot.will_wake(waker) => None,
        _ => slot.replace(waker.clone()),
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
