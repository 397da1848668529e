//! Sessions with ZooKeeper, one after the other, and reading the leader within each.
//!
//! The intervals and the retryable errors are those of src/zookeeper/group.cpp.

use std::time::Duration;

use mesos_core::address::Ensemble;
use mesos_core::{Error, ErrorKind, Master, error_chain};
use mesos_zookeeper::{client, masters};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use zookeeper_client::{self as zk, Client, SessionState};

use super::{Detection, endpoint};
use crate::transport::patience::timeout;

/// The minimum interval between the starts of two sessions.
const BETWEEN_SESSIONS: Duration = Duration::from_secs(1);

/// The delay after a failed read. It doubles with each failure in a row.
const RETRY: Duration = Duration::from_secs(2);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// The masters' nodes, and the receiver of what they say.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) ensemble: Ensemble,
    pub(super) settings: Master,
    pub(super) detected: watch::Sender<Detection>,
}

/// Completes when the nodes have to be read again.
type Changed = zk::OneshotWatcher;

impl Group {
    /// Runs forever. Dropping the future closes the session.
    pub(super) async fn run(self) {
        loop {
            let next = Instant::now() + BETWEEN_SESSIONS;
            let end = match self.connect().await {
                Ok(client) => {
                    tracing::debug!(zookeeper = %self.ensemble, "session established");
                    let limit = client.session_timeout();
                    let states = client.state_watcher();
                    tokio::select! {
                        end = self.session_end(states, client.state(), limit) => end,
                        end = self.follow(&client) => end,
                    }
                }
                Err(error) => error,
            };
            self.publish(Err(end));
            sleep_until(next).await;
        }
    }

    async fn connect(&self) -> Result<Client, Error> {
        let servers = self.ensemble.servers();
        client::connector(&self.ensemble, self.settings.session_timeout())
            .connect(servers)
            .await
            .map_err(|error| match error {
                zk::Error::AuthFailed => self.unauthorized(),
                error => self
                    .unknown(format!("cannot connect to ZooKeeper at {servers}"))
                    .with_source(error),
            })
    }

    /// Waits until the session ends, or has to be considered ended.
    ///
    /// ZooKeeper reports an expired session only to clients that are connected to it, which may
    /// happen much later. So this method measures the time without a connection.
    async fn session_end(
        &self,
        mut states: zk::StateWatcher,
        mut state: SessionState,
        limit: Duration,
    ) -> Error {
        let why = loop {
            state = match state {
                SessionState::Disconnected => match timeout(limit, states.changed()).await {
                    Ok(state) => state,
                    Err(_) => break format!("has been unreachable for {limit:?}"),
                },
                SessionState::AuthFailed => return self.unauthorized(),
                state if state.is_terminated() => break "ended our session".to_owned(),
                _ => states.changed().await,
            };
        };
        self.unknown(format!("{} {why}", self.ensemble))
    }

    /// Reads the leader after each change, until the session ends.
    async fn follow(&self, client: &Client) -> Error {
        let mut states = client.state_watcher();
        let mut pause = RETRY;
        loop {
            match self.read(client).await {
                Ok((detection, changed)) => {
                    pause = RETRY;
                    self.publish(detection);
                    tokio::select! {
                        _ = changed.changed() => {}
                        () = reconnected(&mut states) => {}
                    }
                }
                Err(error) => {
                    use zk::Error::{AuthFailed, ClientClosed, NoAuth, SessionExpired};
                    match error {
                        SessionExpired | AuthFailed | ClientClosed => {
                            let ended = format!("{} ended our session", self.ensemble);
                            return self.unknown(ended).with_source(error);
                        }
                        NoAuth => self.publish(Err(self.unauthorized())),
                        error => {
                            tracing::debug!(zookeeper = %self.ensemble, %error, "reading failed");
                        }
                    }
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = reconnected(&mut states) => {}
                    }
                    pause = (pause * 2).min(RETRY_MAX);
                }
            }
        }
    }

    /// Reads the current leader, and starts to watch for a change.
    async fn read(&self, client: &Client) -> Result<(Detection, Changed), zk::Error> {
        let path = self.ensemble.path();
        let nobody = |why: String| Err(Error::new(ErrorKind::NotLeader, why));
        let (nodes, changed) = loop {
            match client.get_and_watch_children(path).await {
                Ok((nodes, _, changed)) => break (nodes, changed),
                Err(zk::Error::NoNode) => {}
                Err(error) => return Err(error),
            }
            if let (None, changed) = client.check_and_watch_stat(path).await? {
                let at = &self.ensemble;
                let why = format!("no master has registered at {at}: the path does not exist");
                return Ok((nobody(why), changed));
            }
        };
        let Some(leader) = masters::leading(&nodes) else {
            let why = format!("no master is registered at {}", self.ensemble);
            return Ok((nobody(why), changed));
        };
        let node = leader.node;
        let detection = match client.get_data(&format!("{path}/{node}")).await {
            Ok((data, _)) => endpoint(&leader, &data, &self.settings).map(|leader| vec![leader]),
            // The watch reports this change.
            Err(zk::Error::NoNode) => nobody(format!("the leading master's node {node} is gone")),
            Err(error) => return Err(error),
        };
        Ok((detection, changed))
    }

    fn publish(&self, detection: Detection) {
        self.detected.send_if_modified(|known| {
            if let (Ok(known), Ok(now)) = (&*known, &detection)
                && known == now
            {
                return false;
            }
            match &detection {
                Ok(masters) => {
                    let leader = masters.first().map(ToString::to_string);
                    tracing::info!(zookeeper = %self.ensemble, leader, "leading master detected");
                }
                Err(error) => {
                    tracing::warn!(zookeeper = %self.ensemble, error = %error_chain(error), "no leader");
                }
            }
            *known = detection;
            true
        });
    }

    fn unknown(&self, why: String) -> Error {
        Error::new(
            ErrorKind::NotLeader,
            format!("the leader is unknown: {why}"),
        )
    }

    fn unauthorized(&self) -> Error {
        let why = client::denied(&self.ensemble, "cannot be read");
        Error::new(ErrorKind::Unauthorized, why)
    }
}

/// Waits for the end of a disconnection. Changes during the disconnection were missed, and reads
/// may have failed.
async fn reconnected(states: &mut zk::StateWatcher) {
    loop {
        if states.changed().await == SessionState::SyncConnected {
            return;
        }
    }
}
