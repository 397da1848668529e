//! One session with ZooKeeper after the other, and the reading within each.
//!
//! The times and what is retried are those of src/zookeeper/group.cpp.

use std::time::Duration;

use mesos_core::{Error, ErrorKind, error_chain};
use mesos_zookeeper::{Ensemble, masters};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use zookeeper_client::{self as zk, Client, SessionState};

use super::super::settings::Settings;
use super::{Detection, endpoint};

/// At most once in this time a session is begun.
const BETWEEN_SESSIONS: Duration = Duration::from_secs(1);

/// The wait after a failure to read, doubling from the one to the other.
const RETRY: Duration = Duration::from_secs(2);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// The masters' nodes, and who wants to know of them.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) ensemble: Ensemble,
    pub(super) settings: Settings,
    pub(super) news: watch::Sender<Detection>,
}

/// Something to wait for before looking again.
type Changed = zk::OneshotWatcher;

impl Group {
    /// Never ends; dropping the future closes the session.
    pub(super) async fn run(self) {
        loop {
            let next = Instant::now() + BETWEEN_SESSIONS;
            let end = match self.connect().await {
                Ok(client) => {
                    tracing::debug!(zookeeper = %self.ensemble, "session established");
                    let limit = client.session_timeout();
                    let states = client.state_watcher();
                    tokio::select! {
                        end = self.lost(states, client.state(), limit) => end,
                        end = self.read(&client) => end,
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
        self.ensemble
            .connector(self.settings.session_timeout)
            .connect(servers)
            .await
            .map_err(|error| match error {
                zk::Error::AuthFailed => self.unauthorized(),
                error => Error::new(
                    ErrorKind::NotLeader,
                    format!("the leader is unknown: no ZooKeeper at {servers} can be reached"),
                )
                .with_source(error),
            })
    }

    /// Waits until the session is over, or is to be taken for it.
    ///
    /// ZooKeeper tells of an expired session only those who reach it, which can
    /// be much later. So who does not reach it keeps the time.
    async fn lost(
        &self,
        mut states: zk::StateWatcher,
        mut state: SessionState,
        limit: Duration,
    ) -> Error {
        let why = loop {
            state = match state {
                SessionState::Disconnected => match timeout(limit, states.changed()).await {
                    Ok(state) => state,
                    Err(_) => break format!("cannot be reached since {limit:?}"),
                },
                SessionState::AuthFailed => return self.unauthorized(),
                state if state.is_terminated() => break "has ended our session".to_owned(),
                _ => states.changed().await,
            };
        };
        let at = &self.ensemble;
        Error::new(
            ErrorKind::NotLeader,
            format!("the leader is unknown: {at} {why}"),
        )
    }

    /// Reads who leads, again and again, until the session is over.
    async fn read(&self, client: &Client) -> Error {
        let mut states = client.state_watcher();
        let mut pause = RETRY;
        loop {
            match self.look(client).await {
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
                            let at = &self.ensemble;
                            let message = format!("the leader is unknown: {at} ended our session");
                            return Error::new(ErrorKind::NotLeader, message).with_source(error);
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

    /// Reads who leads now, and begins to watch for a change of it.
    async fn look(&self, client: &Client) -> Result<(Detection, Changed), zk::Error> {
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
                let why = format!("no master was ever at {at}: there is no such path");
                return Ok((nobody(why), changed));
            }
        };
        let Some(leader) = masters::leading(&nodes) else {
            let why = format!("there is no master at {} now", self.ensemble);
            return Ok((nobody(why), changed));
        };
        let node = leader.node;
        let detection = match client.get_data(&format!("{path}/{node}")).await {
            Ok((data, _)) => endpoint(&leader, &data, &self.settings).map(|leader| vec![leader]),
            // The watch already knows.
            Err(zk::Error::NoNode) => nobody(format!("the leading master at {node} is gone")),
            Err(error) => return Err(error),
        };
        Ok((detection, changed))
    }

    fn publish(&self, detection: Detection) {
        self.news.send_if_modified(|known| {
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

    fn unauthorized(&self) -> Error {
        let why = self.ensemble.denied("may not be read");
        Error::new(ErrorKind::Unauthorized, why)
    }
}

/// Waits for the end of a disconnection: what was missed in it, and what failed
/// because of it, is read then.
async fn reconnected(states: &mut zk::StateWatcher) {
    loop {
        if states.changed().await == SessionState::SyncConnected {
            return;
        }
    }
}
