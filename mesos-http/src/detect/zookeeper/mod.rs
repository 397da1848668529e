//! The leader according to ZooKeeper (feature `zookeeper`).
//!
//! [`mesos_zookeeper::masters`] decides which node leads, and parses its data. If the leading node
//! cannot be read, or was not written by a master, the error names the node and no leader is known.
//!
//! # Behavior
//! * The path need not exist yet, and it may be empty. The leader is unknown until a master
//!   appears. Nothing is ever written.
//! * The servers of the ensemble are tried in random order. Their names are resolved again for
//!   each connection.
//! * A short disconnection changes nothing. After a disconnection that is longer than the session
//!   timeout (as the ensemble limits it), or after an expired session, the leader counts as
//!   unknown. New sessions are then attempted until one succeeds.
//! * The session starts with the first subscription and lasts as long as the backend. Its task
//!   runs in the tokio runtime of that subscription. Sockets are opened through the `async-io`
//!   crate, which has its own thread.
//! * Missing or wrong credentials show when ZooKeeper refuses to read the path. The resulting error,
//!   of kind [`Unauthorized`](mesos_core::ErrorKind::Unauthorized), is the only one here that is
//!   not retryable.
//!
//! TLS and SASL for connections to ZooKeeper are not supported.

mod session;

use std::sync::Mutex;

use mesos_core::address::Ensemble;
use mesos_core::{Endpoint, Error, ErrorKind, Master, Result, Scheme};
use mesos_zookeeper::masters::Member;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::session::Group;
use super::{Detection, Detector};
use crate::lock::lock;

/// Watches the masters' nodes.
#[derive(Debug)]
pub(super) struct ZooKeeper {
    ensemble: Ensemble,
    /// Has the scheme and the prefix of the leader, and the session timeout.
    settings: Master,
    watching: Mutex<Option<Watching>>,
}

/// The task that holds the session, and its results.
#[derive(Debug)]
struct Watching {
    task: JoinHandle<()>,
    detected: watch::Receiver<Detection>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        // Closes the session, too.
        self.task.abort();
    }
}

impl ZooKeeper {
    pub(super) fn new(ensemble: Ensemble, settings: Master) -> Self {
        Self {
            ensemble,
            settings,
            watching: Mutex::default(),
        }
    }

    fn start(&self) -> Watching {
        let waiting = format!("{} has not reported a leader yet", self.ensemble);
        let (sender, detected) = watch::channel(Err(Error::new(ErrorKind::NotLeader, waiting)));
        let group = Group {
            ensemble: self.ensemble.clone(),
            settings: self.settings.clone(),
            detected: sender,
        };
        Watching {
            task: tokio::spawn(group.run()),
            detected,
        }
    }
}

/// The endpoint of the master that leads and has this `data` in its node.
fn endpoint(leader: &Member<'_>, data: &[u8], settings: &Master) -> Result<Endpoint> {
    let address = leader.address(data)?;
    let endpoint: Endpoint = address
        .parse()
        .map_err(|_| leader.unreadable("has an invalid host name"))?;
    let scheme = settings.scheme().unwrap_or(Scheme::Http);
    Ok(endpoint
        .with_scheme(scheme)
        .with_prefix(settings.prefix())?)
}

/// The result for these nodes if one of them leads and has this `data`.
#[cfg(any(test, fuzzing))]
pub(crate) fn leader(nodes: &[String], data: &[u8]) -> Option<Result<Endpoint>> {
    let leader = mesos_zookeeper::masters::leading(nodes)?;
    let settings = "zk://h:1/m".parse().expect("an address");
    Some(endpoint(&leader, data, &settings))
}

impl Detector for ZooKeeper {
    fn watch(&self) -> watch::Receiver<Detection> {
        let mut watching = lock(&self.watching);
        match &*watching {
            // Otherwise the runtime of an earlier subscription has shut down.
            Some(watching) if !watching.task.is_finished() => watching.detected.clone(),
            _ => watching.insert(self.start()).detected.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    #[test]
    fn the_leaders_scheme_and_prefix_come_from_the_settings() {
        let settings: Master = "zk://h:1/m".parse().expect("an address");
        let settings = settings.with_scheme(Scheme::Https).with_prefix("/mesos");
        let node = "0000000003".to_owned();
        let member = mesos_zookeeper::masters::leading(slice::from_ref(&node)).expect("a number");
        let found = endpoint(&member, b"master@10.0.0.1:5050", &settings);
        assert_eq!(
            found.expect("a pid").to_string(),
            "https://10.0.0.1:5050/mesos"
        );
    }

    #[test]
    fn an_invalid_host_name_is_an_error_that_names_the_node() {
        let data = br#"{"id":"m","ip":1,"port":1,"address":{"hostname":"a b","port":1}}"#;
        let error = leader(&["json.info_7".to_owned()], data).expect("a leader");
        assert_eq!(
            error.expect_err("not a name").to_string(),
            "the leading master's node json.info_7 in ZooKeeper has an invalid host name"
        );
    }
}
