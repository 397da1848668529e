//! The state of a cluster, kept current from its events.

mod reflector;
mod refresh;
mod snapshot;

use std::sync::Arc;
use std::time::Duration;

use mesos_core::{Error, ErrorKind, Result};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::reflector::Reflector;
pub use self::snapshot::ClusterSnapshot;
use super::MasterClient;

/// The default interval between two requests for what Mesos does not report in events.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);

/// The state of a cluster, kept current in the background: its agents, frameworks, tasks and roles.
///
/// [`snapshot`](Self::snapshot) returns the present state at almost no cost, and
/// [`changed`](Self::changed) waits for the next state. Clones share the background task, which ends
/// when the last clone is dropped.
///
/// ```no_run
/// use mesos::operator::{ClusterState, MasterClient};
///
/// # async fn example(master: MasterClient) -> mesos::Result<()> {
/// let mut state = ClusterState::start(&master);
/// state.ready().await?;
/// loop {
///     let now = state.snapshot();
///     println!("{} tasks on {} agents", now.tasks().count(), now.agents().count());
///     state.changed().await?;
/// }
/// # }
/// ```
///
/// # How current the state is
/// | what | how |
/// |---|---|
/// | tasks that have not ended | events |
/// | new agents, agents that unregister, frameworks | events |
/// | agents that become unreachable or gone; resources, activity and drains of agents | GET_AGENTS |
/// | connected and active frameworks, and their resources | GET_FRAMEWORKS |
/// | roles | GET_ROLES |
///
/// The requests are made every 30 s ([`start_with`](Self::start_with)). GET_ROLES also follows each
/// change of a framework, and GET_AGENTS each task that ends because its agent is lost, within a
/// tenth of the interval.
///
/// After a lost connection the state stays as it was, and
/// [`is_current`](ClusterSnapshot::is_current) is false. The snapshot of the new subscription
/// replaces the state in one step, so no change is missing. A master that was elected a moment ago
/// knows only the agents that have registered again, and so does the state.
///
/// # Memory
/// Snapshots share all parts that did not change. A change copies the changed object and the path to
/// the object in a tree if a snapshot still has them: 5 kB with 100,000 tasks. Offers are not kept.
#[derive(Clone, Debug)]
pub struct ClusterState {
    snapshots: watch::Receiver<ClusterSnapshot>,
    _task: Arc<Task>,
}

/// Ends the background task with the last handle.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ClusterState {
    /// Starts to follow the cluster of `master`. Returns at once: the state is empty until
    /// [`ready`](Self::ready).
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(master: &MasterClient) -> Self {
        Self::start_with(master, REFRESH_INTERVAL)
    }

    /// As [`start`](Self::start), with another interval between two requests for what Mesos does not
    /// report in events (default: 30 s). A short interval is a load for the master of a large
    /// cluster: the answers have all agents and frameworks.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start_with(master: &MasterClient, refresh_interval: Duration) -> Self {
        let (sender, snapshots) = watch::channel(ClusterSnapshot::default());
        let reflector = Reflector::new(master, sender, refresh_interval);
        Self {
            snapshots,
            _task: Arc::new(Task(tokio::spawn(reflector.run()))),
        }
    }

    /// The present state. Cheap: it copies pointers to five trees.
    pub fn snapshot(&self) -> ClusterSnapshot {
        self.snapshots.borrow().clone()
    }

    /// Waits until the state is complete for the first time. Cancel safe.
    ///
    /// # Errors
    /// The reason why the state cannot be followed, such as wrong credentials. Also a failure that a
    /// wrong address usually causes ([`Error::is_configuration`]): then the attempts continue, and
    /// the method can be called again.
    pub async fn ready(&mut self) -> Result<()> {
        loop {
            {
                let now = self.snapshots.borrow_and_update();
                if now.is_complete() {
                    return Ok(());
                }
                match now.disconnected() {
                    Some(error) if error.is_configuration() => return Err(error.clone()),
                    _ => {}
                }
            }
            self.changed().await?;
        }
    }

    /// Waits for a state that this handle has not waited for yet. States in between are skipped.
    /// Cancel safe.
    ///
    /// # Errors
    /// The reason why the state is not followed any more, such as wrong credentials.
    pub async fn changed(&mut self) -> Result<()> {
        if self.snapshots.changed().await.is_ok() {
            return Ok(());
        }
        let last = self.snapshots.borrow();
        Err(last.disconnected().cloned().unwrap_or_else(|| {
            Error::new(
                ErrorKind::Closed,
                "the task that follows the cluster has ended; was its tokio runtime shut down?",
            )
        }))
    }
}
