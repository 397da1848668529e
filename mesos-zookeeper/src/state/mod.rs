//! The state of a framework in ZooKeeper, for schedulers of which another may take over.

mod election;
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
use mesos_core::store::{Change, Standby, StateStore};
use tokio::sync::{Mutex, watch};
use tokio::time::sleep;

use self::election::Member;
pub use self::error::ZooKeeperStateError;
use self::session::{Answer, Failed, Session, Task};
use crate::budget::Budget;
use crate::store::{RETRY, RETRY_MAX, is_transient, refused, unreachable};

/// What one request to ZooKeeper may contain (`jute.maxbuffer`, 0xfffff bytes by default), less the
/// request's own fields.
const LIMIT: usize = 1_000_000;

/// How long the end of a leader waits for ZooKeeper.
const RELEASE: Duration = Duration::from_secs(5);

/// What an operation of a request has besides its path and data: the lengths of its fields, and an
/// access control list.
const OPERATION: usize = 80;

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
/// ZooKeeper accepts about 1 MB in one request, and a commit is one request. More than
/// [`commit_limit`](StateStore::commit_limit) is [`ZooKeeperStateError::TooLarge`]. Each change counts
/// as the bytes of its value, its paths, and 160 bytes more ([`size_of`](StateStore::size_of)).
///
/// # One writer
/// Each commit replaces the data of the node of the address, and takes effect only if no other
/// process has committed since this value first used ZooKeeper. So a scheduler that was replaced
/// cannot commit: it receives [`ZooKeeperStateError::Changed`], forever.
///
/// # Several schedulers
/// [`lead`](StateStore::lead), which a runner of the crate feature `framework` calls, elects one of
/// the processes with this address. Each process adds an ephemeral node to `%election` below the
/// node of the address, and the first one leads. It commits once before it reads, so that commits of
/// the leader before fail. Each later commit also checks that the node of the process exists.
///
/// The node of a process that is killed, paused or cut off exists for the
/// [session timeout](Self::session_timeout). After that, the next process leads.
///
/// # When ZooKeeper is unavailable
/// An attempt that fails because of the connection or the session is repeated until
/// [`timeout`](Self::timeout). After a commit whose result is unknown, this value reads whether it
/// took effect. A commit that ends with an error after that time may still take effect.
pub struct ZooKeeperState {
    ensemble: Ensemble,
    timeout: Duration,
    session_timeout: Duration,
    session: Mutex<Session>,
    /// This process, if it leads.
    lead: Mutex<Option<Member>>,
    /// Whether ZooKeeper has refused a commit, because another process leads.
    refused: watch::Sender<bool>,
}

impl ZooKeeperState {
    /// The time limit for an operation, including retries (default: 60 s). A pause of the process
    /// counts as at most one second. `Duration::MAX` means no limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a process that leads may be paused or cut off from ZooKeeper until another process
    /// leads (default: 10 s). ZooKeeper limits this to a range, by default 2 to 20 of its ticks.
    #[must_use]
    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.session_timeout = timeout;
        self
    }

    /// Adds this process to the election.
    async fn join(&self) -> Result<Member, ZooKeeperStateError> {
        let mut budget = Budget::new(self.timeout);
        let mut pause = RETRY;
        let mut last = None;
        let text = this_process();
        loop {
            let join = Member::join(&self.ensemble, self.session_timeout, &text);
            match budget.run(join).await {
                Some(Ok(member)) => return Ok(member),
                Some(Err(error)) if is_transient(&error) => {
                    tracing::warn!(zookeeper = %self.ensemble, %error, "retrying");
                    last = Some(error);
                }
                Some(Err(error)) => return Err(refused(&self.ensemble, error).into()),
                None => return Err(unreachable(&self.ensemble, self.timeout, last).into()),
            }
            if budget.run(sleep(pause)).await.is_none() {
                return Err(unreachable(&self.ensemble, self.timeout, last).into());
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    fn lost(&self, why: impl Into<String>) -> ZooKeeperStateError {
        ZooKeeperStateError::LeadLost {
            at: self.ensemble.to_string(),
            why: why.into(),
        }
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
                    self.refused.send_replace(true);
                    let at = self.ensemble.to_string();
                    return Err(ZooKeeperStateError::Changed { at });
                }
                Some(Err(Failed::NotLeading)) => {
                    self.refused.send_replace(true);
                    return Err(self.lost("its node in the election does not exist"));
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

    /// Refuses a commit that ZooKeeper would refuse by closing the connection.
    fn check_size(&self, changes: &[Change]) -> Result<(), ZooKeeperStateError> {
        let total: usize = changes.iter().map(|change| self.size_of(change)).sum();
        if total <= LIMIT {
            return Ok(());
        }
        let largest = changes.iter().max_by_key(|change| self.size_of(change));
        Err(ZooKeeperStateError::TooLarge {
            size: total,
            limit: LIMIT,
            key: largest.map(|change| change.key.clone()).unwrap_or_default(),
        })
    }
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
        let values = self.get_all(&[key.to_owned()]).await?;
        Ok(values.into_iter().next().flatten())
    }

    async fn get_all(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, BoxError> {
        Ok(self.run(Task::Get(keys.to_vec())).await?.values)
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError> {
        self.check_size(&changes)?;
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

    fn size_of(&self, change: &Change) -> usize {
        let value = change.value.as_ref().map_or(0, Bytes::len);
        session::size_of_paths(&self.ensemble, &change.key) + 2 * OPERATION + value
    }

    async fn lead(&self, standby: &Standby) -> Result<(), BoxError> {
        loop {
            let member = self.join().await?;
            match member.first(standby).await {
                Ok(()) => {}
                Err(error) if is_transient(&error) => {
                    tracing::warn!(zookeeper = %self.ensemble, %error, "waiting again");
                    sleep(RETRY).await;
                    continue;
                }
                Err(error) => {
                    let error = ZooKeeperStateError::from(refused(&self.ensemble, error));
                    return Err(error.into());
                }
            }
            let (node, id) = (member.node(), session::new_commit());
            match self.run(Task::Take { node, id }).await {
                Ok(_) => {
                    *self.lead.lock().await = Some(member);
                    self.refused.send_replace(false);
                    return Ok(());
                }
                // This process was paused for too long.
                Err(ZooKeeperStateError::LeadLost { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn lost_lead(&self) -> BoxError {
        let member = self.lead.lock().await.clone();
        let Some(member) = member else {
            return std::future::pending().await;
        };
        let mut refused = self.refused.subscribe();
        tokio::select! {
            why = member.left() => self.lost(why),
            // The sender is a part of this value.
            _ = refused.wait_for(|refused| *refused) => {
                self.lost("another process has taken over the state")
            }
        }
        .into()
    }

    async fn confirm_lead(&self) -> Result<bool, BoxError> {
        match self.commit(Vec::new()).await {
            Ok(()) => Ok(true),
            Err(error) => match error.downcast_ref() {
                Some(
                    ZooKeeperStateError::Changed { .. } | ZooKeeperStateError::LeadLost { .. },
                ) => Ok(false),
                _ => Err(error),
            },
        }
    }

    async fn release_lead(&self) {
        let Some(member) = self.lead.lock().await.take() else {
            return;
        };
        // Otherwise the node is removed at the end of the session.
        if let Some(Err(error)) = Budget::new(RELEASE).run(member.leave()).await {
            tracing::debug!(%error, "the node in the election was not removed");
        }
    }
}

/// What others read about this process while they wait.
fn this_process() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let host = host.unwrap_or_else(|_| "unknown host".to_owned());
    format!("{} (process {})", host.trim(), std::process::id())
}

/// The error says what is wrong with the address, and how to write it.
impl FromStr for ZooKeeperState {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Ok(Self {
            ensemble: Ensemble::parse(text, "a path for the state", "/web-shop/state")?,
            timeout: Duration::from_secs(60),
            session_timeout: Duration::from_secs(10),
            session: Mutex::default(),
            lead: Mutex::default(),
            refused: watch::Sender::new(false),
        })
    }
}

/// Without credentials.
impl fmt::Debug for ZooKeeperState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZooKeeperState")
            .field("ensemble", &self.ensemble)
            .field("timeout", &self.timeout)
            .field("session_timeout", &self.session_timeout)
            .finish_non_exhaustive()
    }
}
