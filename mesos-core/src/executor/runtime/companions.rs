//! Tasks that run beside the event loop for the time of one subscription.

use std::sync::Arc;

use mesos_proto::v1::executor::event::Type;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{HEARTBEAT_INTERVAL, Handle};
use crate::backend::{Calls, EventStream, ExecutorApi, Incoming};
use crate::error::Result;

/// The number of events that are read ahead.
const AHEAD: usize = 64;

/// The tasks, which end when this is dropped, and the events that they read.
#[derive(Debug)]
pub(super) struct Companions {
    tasks: JoinSet<()>,
    events: mpsc::Receiver<Result<Incoming<ExecutorApi>>>,
}

impl Companions {
    pub(super) fn start(
        handle: &Handle,
        events: Box<dyn EventStream<ExecutorApi>>,
        calls: &Arc<dyn Calls<ExecutorApi>>,
    ) -> Self {
        let (sender, received) = mpsc::channel(AHEAD);
        let mut tasks = JoinSet::new();
        tasks.spawn(read(Arc::clone(handle), events, sender));
        tasks.spawn(beat(Arc::clone(handle), Arc::clone(calls)));
        Self {
            tasks,
            events: received,
        }
    }

    /// Ends the tasks, and drops the event stream.
    pub(super) async fn end(mut self) {
        self.tasks.shutdown().await;
    }

    /// The next event. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Incoming<ExecutorApi>> {
        match self.events.recv().await {
            Some(next) => next,
            // The loop has received the error that ended the stream.
            None => std::future::pending().await,
        }
    }
}

/// Reads events ahead. So a SHUTDOWN is noticed even while the event loop or a handler waits for
/// a disk that hangs.
async fn read(
    handle: Handle,
    mut events: Box<dyn EventStream<ExecutorApi>>,
    sender: mpsc::Sender<Result<Incoming<ExecutorApi>>>,
) {
    loop {
        let next = events.next().await;
        if let Ok(Incoming::Event(event, _)) = &next
            && event.r#type == Some(Type::Shutdown.into())
        {
            handle.hurry(true);
        }
        let ended = next.is_err();
        if sender.send(next).await.is_err() || ended {
            return;
        }
    }
}

/// Sends heartbeats. Not in the event loop, because sending waits while the queue of calls is full.
async fn beat(handle: Handle, calls: Arc<dyn Calls<ExecutorApi>>) {
    loop {
        sleep(HEARTBEAT_INTERVAL).await;
        // If the heartbeat does not arrive, the connection reports it.
        if let Ok(answer) = calls.send(handle.caller.heartbeat()).await {
            drop(answer);
        }
    }
}
