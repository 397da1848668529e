//! A store for a framework's id in ZooKeeper: for schedulers that may be started again on another machine.
//!
//! Which of several instances works is not decided here: Mesos lets the last
//! one that subscribes with the id take over from the others.

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
use tokio::time::{Instant, sleep, timeout_at};
use zookeeper_client::{self as zk, Client};

use crate::client;

/// The session timeout that is asked for; a session lasts as long as a call.
const SESSION: Duration = Duration::from_secs(10);

/// The wait after a failed attempt, doubling from the one to the other.
const RETRY: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// Keeps the id in a node of a ZooKeeper.
///
/// It is made from an address like `zk://10.0.0.1:2181,10.0.0.2:2181/web-shop/id`
/// or, with credentials of ZooKeeper's scheme `digest`,
/// `zk://USER:PASSWORD@10.0.0.1:2181/web-shop/id`, as [`Ensemble`] reads it.
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
/// # What it writes
/// The node's data is the id and nothing else; no id is an empty node or none.
/// The node and those above it are made at the first save. With credentials they
/// can be read by everybody and changed by these credentials alone, as Mesos'
/// masters have it (`EVERYONE_READ_CREATOR_ALL` in
/// src/zookeeper/authentication.cpp); without, everybody can do everything.
///
/// # Who else writes there
/// Each write happens only if the node still is as this store has last seen it.
/// Of two instances of a scheduler that start at once with no id stored, the
/// second one to save gets [`ZooKeeperStoreError::Changed`], which ends its
/// driver; started again, it finds the id of the first.
///
/// # When ZooKeeper is not there
/// Each call has a session of its own. What fails for want of a connection or of
/// the session is done again, for at most [`patience`](Self::patience); whether
/// a lost write had happened is looked up. Reading sees everything that was
/// written before it, whatever server it comes to.
pub struct ZooKeeperStore {
    ensemble: Ensemble,
    patience: Duration,
    seen: Mutex<Option<Seen>>,
}

/// What is in the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    id: Option<FrameworkId>,
    /// Of the node's data, if there is a node.
    version: Option<i32>,
}

/// What went wrong with a [`ZooKeeperStore`], and where.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ZooKeeperStoreError {
    /// No server of the ensemble did it in time.
    #[error(
        "{at} could not be asked within {patience:?}; check that its servers run, can be reached \
         from here, and are more than half of the ensemble"
    )]
    Unreachable {
        /// The address, without credentials.
        at: String,
        /// How long it was tried.
        patience: Duration,
        /// What came of the last attempt, if it came to an end.
        #[source]
        source: Option<BoxError>,
    },
    /// The node's access control list does not let us.
    #[error(
        "{at} may not be used {}; have its access control list changed (setAcl)",
        if *.credentials {
            "with these credentials; give those that it was made with"
        } else {
            "without credentials; give them as zk://USER:PASSWORD@HOST:PORT/PATH"
        }
    )]
    Denied {
        /// The address, without credentials.
        at: String,
        /// Whether there were any.
        credentials: bool,
    },
    /// Somebody else wrote or removed the id since it was last seen.
    #[error(
        "the id at {at} was changed by somebody else, from {} to {}; start one instance of a \
         scheduler after the other, and give each framework a path of its own",
        shown(.before),
        shown(.now)
    )]
    Changed {
        /// The address, without credentials.
        at: String,
        /// What was seen last.
        before: Option<FrameworkId>,
        /// What is there.
        now: Option<FrameworkId>,
    },
    /// The node is there and has not been written by this store.
    #[error(
        "{at} holds no framework id: it {wrong}; restore it, or remove it to start as a new \
         framework"
    )]
    Garbage {
        /// The address, without credentials.
        at: String,
        /// What is wrong with its data.
        wrong: String,
    },
    /// ZooKeeper refused for another reason.
    #[error("{at} refused")]
    Refused {
        /// The address, without credentials.
        at: String,
        /// Its reason.
        #[source]
        source: BoxError,
    },
}

fn shown(id: &Option<FrameworkId>) -> String {
    id.as_ref().map_or("none".to_owned(), ToString::to_string)
}

impl ZooKeeperStore {
    /// How long a call may take in all before it fails (default: 60 s). The
    /// driver waits as long for its id before it first subscribes.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries until it is done, or time is up.
    async fn insist(&self, task: Task<'_>) -> Result<Seen, ZooKeeperStoreError> {
        let deadline = Instant::now() + self.patience;
        let mut pause = RETRY;
        let mut last = None;
        loop {
            match timeout_at(deadline, self.attempt(&task)).await {
                Ok(Ok(done)) => {
                    let done = done?;
                    *self.seen() = Some(done.clone());
                    return Ok(done);
                }
                Ok(Err(error)) if passes(&error) => {
                    tracing::warn!(zookeeper = %self.ensemble, %error, "trying again");
                    last = Some(error);
                }
                Ok(Err(error)) => return Err(self.refused(error)),
                Err(_) => return Err(self.unreachable(last)),
            }
            if Instant::now() + pause >= deadline {
                return Err(self.unreachable(last));
            }
            sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    /// The inner error is final.
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
            // An earlier attempt of ours may have got through, unheard.
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
        // This server may lag behind the one that was written to.
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

    /// Writes where there is this version, or no node; returns the new version.
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

    fn unreachable(&self, last: Option<zk::Error>) -> ZooKeeperStoreError {
        ZooKeeperStoreError::Unreachable {
            at: self.ensemble.to_string(),
            patience: self.patience,
            source: last.map(Into::into),
        }
    }

    fn refused(&self, error: zk::Error) -> ZooKeeperStoreError {
        let at = self.ensemble.to_string();
        match error {
            zk::Error::NoAuth | zk::Error::AuthFailed => ZooKeeperStoreError::Denied {
                at,
                credentials: self.ensemble.credentials().is_some(),
            },
            error => ZooKeeperStoreError::Refused {
                at,
                source: error.into(),
            },
        }
    }
}

enum Task<'a> {
    Load,
    Write(Option<&'a FrameworkId>),
}

/// Whether another attempt, in another session, may do better.
fn passes(error: &zk::Error) -> bool {
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
    check_id(&text).map_err(|error| format!("is no id ({error})"))?;
    Ok(Some(text.into()))
}

#[async_trait]
impl Store for ZooKeeperStore {
    async fn load(&self) -> Result<Option<FrameworkId>, BoxError> {
        Ok(self.insist(Task::Load).await?.id)
    }

    async fn save(&self, id: &FrameworkId) -> Result<(), BoxError> {
        self.insist(Task::Write(Some(id))).await?;
        Ok(())
    }

    async fn clear(&self) -> Result<(), BoxError> {
        self.insist(Task::Write(None)).await?;
        Ok(())
    }
}

/// # Errors
/// What is wrong with an address, and how to write it.
impl FromStr for ZooKeeperStore {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Ok(Self {
            ensemble: Ensemble::parse(text, "a path for the id", "/web-shop/framework-id")?,
            patience: Duration::from_secs(60),
            seen: Mutex::default(),
        })
    }
}

/// Without credentials.
impl fmt::Debug for ZooKeeperStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZooKeeperStore")
            .field("ensemble", &self.ensemble)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
