//! The events of a cluster: a stream that subscribes again by itself.

mod event;
mod subscription;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use mesos_core::{BackoffPolicy, Error, ErrorKind, Result};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub use self::event::ClusterEvent;
use self::subscription::Subscription;
use super::caller::delay;
use super::{MasterClient, OperatorClient};

/// The events of a cluster, from [`MasterClient::watch`].
///
/// A [`Stream`], which can also be read with [`next`](Self::next). Dropping the value closes the
/// connection.
///
/// # Order
/// The first event is a [`Snapshot`](ClusterEvent::Snapshot), and the events after it are the
/// changes since the snapshot, without a gap. After a lost connection the stream has a
/// [`Disconnected`](ClusterEvent::Disconnected) and, once the watch is connected again, another
/// snapshot. Mesos does not repeat the events in between, so the new snapshot replaces everything
/// known.
///
/// # Connection
/// The watch follows the leader, and subscribes again when the leader changes, when the connection
/// breaks, and when nothing arrives for five heartbeat intervals (75 s). Between attempts it waits
/// with exponential backoff, 15 s at most. A leader change shortens the wait. The time in which the
/// program does not read events does not count as silence: the socket is then not read.
///
/// # Missing events
/// Mesos reports neither an agent that becomes unreachable or is marked gone, nor changes of an
/// agent's resources, nor a framework that disconnects (src/master/master.cpp).
/// [`ClusterState`](super::ClusterState) requests these.
///
/// # Errors
/// An error that another attempt cannot change, such as wrong credentials, is the last item.
#[derive(Debug)]
pub struct Watch {
    events: mpsc::Receiver<Result<ClusterEvent>>,
    task: JoinHandle<()>,
}

impl MasterClient {
    /// Follows the events of the cluster (SUBSCRIBE). Returns at once, and connects in the
    /// background: until the first snapshot, failures are
    /// [`Disconnected`](ClusterEvent::Disconnected) events.
    ///
    /// ```no_run
    /// use mesos::operator::{ClusterEvent, MasterClient};
    ///
    /// # async fn example(master: MasterClient) -> mesos::Result<()> {
    /// let mut events = master.watch();
    /// while let Some(event) = events.next().await {
    ///     match event? {
    ///         ClusterEvent::TaskAdded(task) => println!("new task {}", task.task_id),
    ///         ClusterEvent::Disconnected { error, .. } => eprintln!("{error:#}"),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The master closes the oldest stream if there are more than its flag
    /// `--max_operator_event_stream_subscribers` permits (1000).
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn watch(&self) -> Watch {
        let client = Arc::clone(&self.caller.client);
        let (sender, events) = mpsc::channel(client.settings().event_queue);
        let task = tokio::spawn(run(client, sender));
        Watch { events, task }
    }
}

impl Watch {
    /// The next event, or `None` after an error. Cancel safe.
    ///
    /// # Errors
    /// An error that another attempt cannot change. It ends the watch.
    pub async fn next(&mut self) -> Option<Result<ClusterEvent>> {
        poll_fn(|context| self.events.poll_recv(context)).await
    }

    /// An event that has arrived already.
    pub(super) fn try_next(&mut self) -> Option<Result<ClusterEvent>> {
        self.events.try_recv().ok()
    }
}

impl Stream for Watch {
    type Item = Result<ClusterEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_recv(context)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Subscribes until an error that another attempt cannot change, or until the receiver is dropped.
async fn run(client: Arc<OperatorClient>, events: mpsc::Sender<Result<ClusterEvent>>) {
    let policy = BackoffPolicy::default();
    let mut attempt = 0;
    loop {
        let start = Instant::now();
        let Err(error) = follow(&client, &events).await else {
            return;
        };
        if !error.is_retryable() {
            let _ = events.send(Err(error)).await;
            return;
        }
        // A snapshot costs the master much, so a subscription that ends early is a failure.
        if start.elapsed() > policy.max {
            attempt = 0;
        }
        let retry_after = delay(policy, attempt, fastrand::f64());
        attempt += 1;
        tracing::debug!(%error, ?retry_after, "the event stream of the cluster ended");
        let disconnected = ClusterEvent::Disconnected { error, retry_after };
        if events.send(Ok(disconnected)).await.is_err() {
            return;
        }
        tokio::select! {
            () = sleep(retry_after) => {}
            () = client.leader_changed() => {}
        }
    }
}

/// Passes on the events of one subscription until it ends. `Ok` if the receiver was dropped.
async fn follow(
    client: &OperatorClient,
    events: &mpsc::Sender<Result<ClusterEvent>>,
) -> Result<()> {
    let mut subscription = Subscription::open(client).await?;
    let mut first = true;
    loop {
        let event = subscription.next().await?;
        let is_snapshot = matches!(event, Some(ClusterEvent::Snapshot(_)));
        if first && event.is_some() && !is_snapshot {
            let message = format!(
                "the event stream of {} does not begin with SUBSCRIBED",
                subscription.peer()
            );
            return Err(Error::new(ErrorKind::Protocol, message));
        }
        first &= !is_snapshot;
        if let Some(event) = event
            && events.send(Ok(event)).await.is_err()
        {
            return Ok(());
        }
    }
}

/// The interval that masters announce (`DEFAULT_HEARTBEAT_INTERVAL` in src/master/constants.hpp).
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);
