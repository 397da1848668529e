//! A store for a framework's id in ZooKeeper, for schedulers that may be restarted on another machine.
//!
//! The store does not elect one of several instances: in Mesos, the last instance that subscribes with
//! the id takes over from the others.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::BoxError;
use mesos_core::address::{AddressError, Ensemble};
use mesos_core::store::{Store, check_id};
use mesos_proto::v1::FrameworkId;
use thiserror::Error;
use tokio::time::sleep;
use zookeeper_client::{self as zk, Client};

use crate::budget::Budget;
use crate::client;

/// The requested session timeout. A session lasts as long as a call.
const SESSION: Duration = Duration::from_secs(10);

/// The delay after a failed attempt. It doubles up to the maximum.
pub(crate) const RETRY: Duration = Duration::from_millis(100);
pub(crate) const RETRY_MAX: Duration = Duration::from_secs(2);

/// Stores the id in a node of a ZooKeeper.
///
/// Parse it from an address like `zk://10.0.0.1:2181,10.0.0.2:2181/web-shop/id`
/// or, with credentials of ZooKeeper's scheme `digest`,
/// `zk://USER:PASSWORD@10.0.0.1:2181/web-shop/id`, see [`Ensemble`].
///
/// ```
/// use std::time::Duration;
/// use mesos::Framework;
/// use mesos::store::ZooKeeperStore;
///
/// let store: ZooKeeperStore = "zk://zk1:2181,zk2:2181/web-shop/framework-id".parse()?;
/// let framework = Framework::with_failover_timeout("web shop", Duration::from_secs(604_800)).store(store);
/// # let _ = framework;
/// # Ok::<(), mesos::AddressError>(())
/// ```
///
/// # Data
/// The node's data is the id. Without an id, the node is empty or does not exist. The first save
/// creates the node and its parents. With credentials, everybody can read the nodes and only these
/// credentials can change them, as Mesos' masters do (`EVERYONE_READ_CREATOR_ALL` in
/// src/zookeeper/authentication.cpp). Without credentials, everybody can do anything.
///
/// # Concurrent changes
/// A write takes effect only if the node has not changed since this store last read it. If two
/// instances of a scheduler start at once without a stored id, the second one to save receives
/// [`ZooKeeperStoreError::Changed`], which ends its driver. When it is restarted, it finds the id of
/// the first instance.
///
/// # When ZooKeeper is unavailable
/// Each call has its own session. An attempt that fails because of the connection or the session is
/// repeated until [`timeout`](Self::timeout). After a write whose result is unknown, the store reads
/// whether it took effect. A read sees every earlier write, whichever server it uses.
pub struct ZooKeeperStore {
    ensemble: Ensemble,
    timeout: Duration,
    seen: Mutex<Option<Seen>>,
}

/// The state of the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    id: Option<FrameworkId>,
    /// The version of the node's data, if the node exists.
    version: Option<i32>,
}

/// Why an operation of a [`ZooKeeperStore`] failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ZooKeeperStoreError {
    /// No server of the ensemble completed the operation in time.
    #[error(
        "cannot reach {at} within {timeout:?}; check that the servers run, are reachable from this \
         machine, and are more than half of the ensemble"
    )]
    Unreachable {
        /// The address, without credentials.
        at: String,
        /// The time limit.
        timeout: Duration,
        /// The error of the last attempt, if it completed.
        #[source]
        source: Option<BoxError>,
    },
    /// The node's access control list denies access.
    #[error(
        "access to {at} is denied {}; or change the access control list (setAcl)",
        if *.credentials {
            "with these credentials; use the credentials that created it"
        } else {
            "without credentials; write them as zk://USER:PASSWORD@HOST:PORT/PATH"
        }
    )]
    Denied {
        /// The address, without credentials.
        at: String,
        /// Whether the address has credentials.
        credentials: bool,
    },
    /// Another process wrote or removed the id since this store last read it.
    #[error(
        "another process changed the id at {at} from {} to {}; start the instances of a scheduler \
         one after the other, and use a separate path for each framework",
        shown(.before),
        shown(.now)
    )]
    Changed {
        /// The address, without credentials.
        at: String,
        /// The id that was read last.
        before: Option<FrameworkId>,
        /// The current id.
        now: Option<FrameworkId>,
    },
    /// The node's data is not an id.
    #[error(
        "{at} does not contain a framework id: it {wrong}; restore it, or remove it to start as a \
         new framework"
    )]
    Garbage {
        /// The address, without credentials.
        at: String,
        /// What is invalid.
        wrong: String,
    },
    /// ZooKeeper refused for another reason.
    #[error("{at} refused the operation")]
    Refused {
        /// The address, without credentials.
        at: String,
        /// The reason.
        #[source]
        source: BoxError,
    },
}

fn shown(id: &Option<FrameworkId>) -> String {
    id.as_ref().map_or("none".to_owned(), ToString::to_string)
}

impl ZooKeeperStore {
    /// The time limit for an operation, including retries (default: 60 s). The driver waits up to this
    /// long for its id before the first subscription. A pause of the process counts as at most one
    /// second, so that the operation can succeed after the pause. `Duration::MAX` means no limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        // Locked also after a panic: the value is only ever replaced as a whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Retries until success or the time limit.
    async fn retry(&self, task: Task<'_>) -> Result<Seen, ZooKeeperStoreError> {
        let mut budget = Budget::new(self.timeout);
        let mut pause = RETRY;
        let mut last = None;
        loop {
            match budget.run(self.attempt(&task)).await {
                Some(Ok(done)) => {
                    let done = done?;
                    *self.seen() = Some(done.clone());
                    return Ok(done);
                }
                Some(Err(error)) if is_transient(&error) => {
                    tracing::warn!(zookeeper = %self.ensemble, %error, "retrying");
                    last = Some(error);
                }
                Some(Err(error)) => return Err(refused(&self.ensemble, error)),
                None => return Err(unreachable(&self.ensemble, self.timeout, last)),
            }
            if budget.run(sleep(pause)).await.is_none() {
                return Err(unreachable(&self.ensemble, self.timeout, last));
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    /// One attempt. The inner error is final.
    async fn attempt(
        &self,
        task: &Task<'_>,
    ) -> Result<Result<Seen, ZooKeeperStoreError>, zk::Error> {
        let connector = client::connector(&self.ensemble, SESSION).with_fail_eagerly();
        let client = connector.connect(self.ensemble.servers()).await?;
        let wanted = match *task {
            Task::Load => return self.read(&client).await,
            Task::Write(wanted) => wanted,
        };
        let before = self.seen().clone();
        let mut before = match before {
            Some(before) => before,
            None => match self.read(&client).await? {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            },
        };
        loop {
            if before.id.as_ref() == wanted {
                return Ok(Ok(before));
            }
            match self.write(&client, wanted, before.version).await {
                Err(zk::Error::NodeExists | zk::Error::BadVersion | zk::Error::NoNode) => {}
                Err(error) => return Err(error),
                Ok(version) => {
                    return Ok(Ok(Seen {
                        id: wanted.cloned(),
                        version: Some(version),
                    }));
                }
            }
            let now = match self.read(&client).await? {
                Ok(now) => now,
                Err(error) => return Ok(Err(error)),
            };
            // An earlier attempt may have succeeded without an answer.
            if now.id != before.id && now.id.as_ref() != wanted {
                return Ok(Err(ZooKeeperStoreError::Changed {
                    at: self.ensemble.to_string(),
                    before: before.id,
                    now: now.id,
                }));
            }
            before = now;
        }
    }

    async fn read(&self, client: &Client) -> Result<Result<Seen, ZooKeeperStoreError>, zk::Error> {
        let path = self.ensemble.path();
        // This server may lag behind the one that received the write.
        client.sync(path).await?;
        let (data, stat) = match client.get_data(path).await {
            Ok(found) => found,
            Err(zk::Error::NoNode) => return Ok(Ok(Seen::default())),
            Err(error) => return Err(error),
        };
        Ok(parse(data)
            .map(|id| Seen {
                id,
                version: Some(stat.version),
            })
            .map_err(|wrong| ZooKeeperStoreError::Garbage {
                at: self.ensemble.to_string(),
                wrong,
            }))
    }

    /// Writes if the node has this version, or does not exist. Returns the new version.
    async fn write(
        &self,
        client: &Client,
        id: Option<&FrameworkId>,
        version: Option<i32>,
    ) -> Result<i32, zk::Error> {
        let path = self.ensemble.path();
        let data = id.map_or(&[][..], |id| id.value.as_bytes());
        if version.is_some() {
            return Ok(client.set_data(path, data, version).await?.version);
        }
        let options = client::persistent(&self.ensemble);
        if let Some((parent, _)) = path.rsplit_once('/')
            && !parent.is_empty()
        {
            client.mkdir(parent, &options).await?;
        }
        Ok(client.create(path, data, &options).await?.0.version)
    }
}

pub(crate) fn unreachable(
    ensemble: &Ensemble,
    timeout: Duration,
    last: Option<zk::Error>,
) -> ZooKeeperStoreError {
    ZooKeeperStoreError::Unreachable {
        at: ensemble.to_string(),
        timeout,
        source: last.map(Into::into),
    }
}

pub(crate) fn refused(ensemble: &Ensemble, error: zk::Error) -> ZooKeeperStoreError {
    let at = ensemble.to_string();
    match error {
        zk::Error::NoAuth | zk::Error::AuthFailed => ZooKeeperStoreError::Denied {
            at,
            credentials: ensemble.credentials().is_some(),
        },
        error => ZooKeeperStoreError::Refused {
            at,
            source: error.into(),
        },
    }
}

enum Task<'a> {
    Load,
    Write(Option<&'a FrameworkId>),
}

/// Whether another attempt, in another session, may succeed.
pub(crate) fn is_transient(error: &zk::Error) -> bool {
    use zk::Error::*;
    matches!(
        error,
        NoHosts
            | Timeout
            | ConnectionLoss
            | SessionExpired
            | SessionMoved
            | ClientClosed
            | NotReadOnly
            | Throttled
    )
}

fn parse(data: Vec<u8>) -> Result<Option<FrameworkId>, String> {
    if data.is_empty() {
        return Ok(None);
    }
    let text = String::from_utf8(data).map_err(|_| "is not UTF-8".to_owned())?;
    check_id(&text).map_err(|error| format!("is not an id ({error})"))?;
    Ok(Some(text.into()))
}

#[async_trait]
impl Store for ZooKeeperStore {
    async fn load(&self) -> Result<Option<FrameworkId>, BoxError> {
        Ok(self.retry(Task::Load).await?.id)
    }

    async fn save(&self, id: &FrameworkId) -> Result<(), BoxError> {
        self.retry(Task::Write(Some(id))).await?;
        Ok(())
    }

    async fn clear(&self) -> Result<(), BoxError> {
        self.retry(Task::Write(None)).await?;
        Ok(())
    }
}

/// The error says what is wrong with the address, and how to write it.
impl FromStr for ZooKeeperStore {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Ok(Self {
            ensemble: Ensemble::parse(text, "a path for the id", "/web-shop/framework-id")?,
            timeout: Duration::from_secs(60),
            seen: Mutex::default(),
        })
    }
}

/// Without credentials.
impl fmt::Debug for ZooKeeperStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZooKeeperStore")
            .field("ensemble", &self.ensemble)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
