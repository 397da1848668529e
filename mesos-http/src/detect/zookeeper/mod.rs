//! The leader as ZooKeeper has it (feature `zookeeper`).
//!
//! Which node leads, and what is read of it, is in
//! [`mesos_zookeeper::masters`]. A node that cannot be read, or that leads and is
//! no master's, is an error that names it; then no leader is known.
//!
//! # What to expect
//! * The path need not be there yet, nor any node in it: the leader is unknown
//!   then, until one appears. Nothing is ever written.
//! * The servers of the ensemble are tried in random order, and their names
//!   resolved anew for each connection.
//! * A short disconnection changes nothing. After one that is longer than the
//!   session timeout, which the ensemble has the last word on, the leader counts
//!   as unknown; so does it after an expired session. Then a new session is
//!   made, as often as it takes.
//! * The session is made for the first subscription and lasts as long as the
//!   backend; its task runs in the tokio runtime of that subscription. It opens
//!   sockets through the `async-io` crate, which has a thread of its own.
//! * Missing and wrong credentials show when reading is refused. That, unlike
//!   all else, is an error that is not worth another attempt, of kind
//!   [`Unauthorized`](mesos_core::ErrorKind::Unauthorized).
//!
//! TLS and SASL towards ZooKeeper are not supported.

mod session;

use std::sync::{Mutex, PoisonError};

use mesos_core::{Error, ErrorKind, Result};
use mesos_zookeeper::Ensemble;
use mesos_zookeeper::masters::Member;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::session::Group;
use super::settings::Settings;
use super::{Detection, Detector};
use crate::endpoint::Endpoint;

/// Watches the masters' nodes.
#[derive(Debug)]
pub(super) struct ZooKeeper {
    ensemble: Ensemble,
    settings: Settings,
    watching: Mutex<Option<Watching>>,
}

/// The task that holds the session, and what it found out.
#[derive(Debug)]
struct Watching {
    task: JoinHandle<()>,
    news: watch::Receiver<Detection>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        // Closes the session, too.
        self.task.abort();
    }
}

impl ZooKeeper {
    pub(super) fn new(ensemble: Ensemble, settings: Settings) -> Self {
        Self {
            ensemble,
            settings,
            watching: Mutex::default(),
        }
    }

    fn start(&self) -> Watching {
        let looking = format!("{} has not answered yet who leads", self.ensemble);
        let (sender, news) = watch::channel(Err(Error::new(ErrorKind::NotLeader, looking)));
        let group = Group {
            ensemble: self.ensemble.clone(),
            settings: self.settings.clone(),
            news: sender,
        };
        Watching {
            task: tokio::spawn(group.run()),
            news,
        }
    }
}

/// Where the master is that leads and has this `data` in its node.
fn endpoint(leader: &Member<'_>, data: &[u8], settings: &Settings) -> Result<Endpoint> {
    let address = leader.address(data)?;
    let endpoint: Endpoint = address
        .parse()
        .map_err(|_| leader.unreadable("has a host name that is none"))?;
    Ok(endpoint
        .with_scheme(settings.scheme())
        .with_prefix(&settings.prefix))
}

/// What is made of these nodes, if one of them leads and has this `data`.
#[cfg(any(test, fuzzing))]
pub(crate) fn leader(nodes: &[String], data: &[u8]) -> Option<Result<Endpoint>> {
    let leader = mesos_zookeeper::masters::leading(nodes)?;
    Some(endpoint(&leader, data, &Settings::default()))
}

impl Detector for ZooKeeper {
    fn watch(&self) -> watch::Receiver<Detection> {
        let mut watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        match &*watching {
            // Otherwise the runtime of an earlier subscription is gone.
            Some(watching) if !watching.task.is_finished() => watching.news.clone(),
            _ => watching.insert(self.start()).news.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;
    use crate::endpoint::Scheme;

    #[test]
    fn scheme_and_prefix_are_those_of_the_settings() {
        let settings = Settings {
            scheme: Some(Scheme::Https),
            prefix: "/mesos".to_owned(),
            ..Default::default()
        };
        let node = "0000000003".to_owned();
        let member = mesos_zookeeper::masters::leading(slice::from_ref(&node)).expect("a number");
        let found = endpoint(&member, b"master@10.0.0.1:5050", &settings);
        assert_eq!(
            found.expect("a pid").to_string(),
            "https://10.0.0.1:5050/mesos"
        );
    }

    #[test]
    fn a_host_name_that_cannot_be_asked_is_an_error_that_names_the_node() {
        let data = br#"{"id":"m","ip":1,"port":1,"address":{"hostname":"a b","port":1}}"#;
        let error = leader(&["json.info_7".to_owned()], data).expect("a leader");
        assert_eq!(
            error.expect_err("no name").to_string(),
            "the leading master's node json.info_7 in ZooKeeper has a host name that is none"
        );
    }
}
