//! The state of a framework in ZooKeeper, for schedulers of which another may take over.

mod error;
mod path;
mod session;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::BoxError;
use mesos_core::address::{AddressError, Ensemble};
use mesos_core::store::{Change, StateStore};
use tokio::sync::Mutex;
use tokio::time::sleep;

pub use self::error::ZooKeeperStateError;
use self::session::{Answer, Failed, Session, Task};
use crate::budget::Budget;
use crate::store::{RETRY, RETRY_MAX, is_transient, refused, unreachable};

/// What one request to ZooKeeper may contain (`jute.maxbuffer`, 0xfffff bytes by default), less the
/// request's own fields.
const LIMIT: usize = 1_000_000;

/// Keeps the state of a framework below a node of a ZooKeeper.
///
/// Parse it from an address like `zk://10.0.0.1:2181,10.0.0.2:2181/web-shop/state`
/// or, with credentials of ZooKeeper's scheme `digest`,
/// `zk://USER:PASSWORD@10.0.0.1:2181/web-shop/state`, see [`Ensemble`].
///
/// ```
/// use mesos::store::ZooKeeperState;
///
/// let state: ZooKeeperState = "zk://zk1:2181,zk2:2181/web-shop/state".parse()?;
/// # let _ = state;
/// # Ok::<(), mesos::AddressError>(())
/// ```
///
/// # Data
/// The entry `live/job/NAME` is the data of the node `live%2Fjob%2F/NAME` below the node of the address.
/// The first commit creates the nodes. The access control lists are those of
/// [`ZooKeeperStore`](crate::ZooKeeperStore).
///
/// # Limits
/// ZooKeeper accepts about 1 MB in one request. A commit is one request, so
/// [`commit_limit`](StateStore::commit_limit) bytes are possible for all keys and values of a commit.
/// More is [`ZooKeeperStateError::TooLarge`].
///
/// # One writer
/// Each commit replaces the data of the node of the address, and takes effect only if no other
/// process has committed since this value first used ZooKeeper. So a scheduler that was replaced
/// cannot commit: it receives [`ZooKeeperStateError::Changed`], forever.
///
/// # When ZooKeeper is unavailable
/// An attempt that fails because of the connection or the session is repeated until
/// [`timeout`](Self::timeout). After a commit whose result is unknown, this value reads whether it
/// took effect. A commit that ends with an error after that time may still take effect.
pub struct ZooKeeperState {
    ensemble: Ensemble,
    timeout: Duration,
    session: Mutex<Session>,
}

impl ZooKeeperState {
    /// The time limit for an operation, including retries (default: 60 s). A pause of the process
    /// counts as at most one second. `Duration::MAX` means no limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Repeats the task until success or the time limit. Tasks run one after the other.
    async fn run(&self, mut task: Task) -> Result<Answer, ZooKeeperStateError> {
        let mut budget = Budget::new(self.timeout);
        let mut pause = RETRY;
        let mut last = None;
        let mut session = self.session.lock().await;
        loop {
            let result = budget.run(session.run(&self.ensemble, &task)).await;
            match result {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(Failed::Changed)) => {
                    let at = self.ensemble.to_string();
                    return Err(ZooKeeperStateError::Changed { at });
                }
                Some(Err(Failed::Request(error))) if is_transient(&error) => {
                    tracing::warn!(zookeeper = %self.ensemble, %error, "retrying");
                    last = Some(error);
                }
                Some(Err(Failed::Request(error))) => {
                    session.close();
                    return Err(refused(&self.ensemble, error).into());
                }
                None => {
                    session.close();
                    return Err(unreachable(&self.ensemble, self.timeout, last).into());
                }
            }
            session.close();
            if let Task::Commit { repeated, .. } = &mut task {
                *repeated = true;
            }
            if budget.run(sleep(pause)).await.is_none() {
                return Err(unreachable(&self.ensemble, self.timeout, last).into());
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
    }
}

/// Refuses a commit that ZooKeeper would refuse by closing the connection.
fn check_size(changes: &[Change]) -> Result<(), ZooKeeperStateError> {
    let size = |change: &Change| change.key.len() + change.value.as_ref().map_or(0, Bytes::len);
    let total: usize = changes.iter().map(size).sum();
    if total <= LIMIT {
        return Ok(());
    }
    let largest = changes.iter().max_by_key(|change| size(change));
    Err(ZooKeeperStateError::TooLarge {
        size: total,
        limit: LIMIT,
        key: largest.map(|change| change.key.clone()).unwrap_or_default(),
    })
}

#[async_trait]
impl StateStore for ZooKeeperState {
    async fn load(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BoxError> {
        Ok(self.run(Task::Load(prefix.to_owned())).await?.entries)
    }

    async fn count(&self, prefix: &str) -> Result<u64, BoxError> {
        Ok(self.run(Task::Count(prefix.to_owned())).await?.count)
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, BoxError> {
        let answer = self.run(Task::Get(key.to_owned())).await?;
        Ok(answer.entries.into_iter().next().map(|(_, value)| value))
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError> {
        check_size(&changes)?;
        self.run(Task::Commit {
            changes,
            id: session::new_commit(),
            repeated: false,
        })
        .await?;
        Ok(())
    }

    fn commit_limit(&self) -> usize {
        LIMIT
    }
}

/// The error says what is wrong with the address, and how to write it.
impl FromStr for ZooKeeperState {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Ok(Self {
            ensemble: Ensemble::parse(text, "a path for the state", "/web-shop/state")?,
            timeout: Duration::from_secs(60),
            session: Mutex::default(),
        })
    }
}

/// Without credentials.
impl fmt::Debug for ZooKeeperState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZooKeeperState")
            .field("ensemble", &self.ensemble)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
