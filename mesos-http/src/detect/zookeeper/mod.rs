//! The leader as ZooKeeper has it (feature `zookeeper`).
//!
//! # What masters write there
//! Each master that could lead has an ephemeral node under the path in `--zk`,
//! named by a label and a number that ZooKeeper counts up; the smallest number
//! leads. When a master dies or loses its session, its node goes, and the next
//! one leads.
//!
//! | node | its data | written by |
//! |---|---|---|
//! | `json.info_0000000012` | `MasterInfo` in JSON | Mesos since 0.24 |
//! | `info_0000000012` | `MasterInfo` in protobuf | Mesos before it |
//! | `0000000012` | `master@10.0.0.1:5050` | Mesos before that |
//!
//! Other nodes are passed over if they do not end in a number, like the
//! `log_replicas` of the masters' registry. The number counts whatever is before
//! it, as in Mesos (`GroupProcess::cache` in src/zookeeper/group.cpp): a foreign
//! node that has the smallest one keeps Mesos' own masters from leading, so
//! here no leader is known then, and the error names the node.
//!
//! Of a `MasterInfo` counts its `address`, where it lacks one its `pid`, and
//! where it lacks that its `ip` with its `port`. The IP address is used rather
//! than the host name, as Mesos' own library does.
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

mod info;
mod members;
mod session;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mesos_core::{Error, ErrorKind};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zookeeper_client::Connector;

use self::session::Group;
use super::master::{Ensemble, Settings};
use super::{Detection, Detector};

/// What connects to `ensemble` with its credentials.
pub(crate) fn connector(ensemble: &Ensemble, session_timeout: Duration) -> Connector {
    let connector = zookeeper_client::Client::connector().with_session_timeout(session_timeout);
    match &ensemble.credentials {
        Some(credentials) => connector.with_auth("digest", credentials.as_bytes()),
        None => connector,
    }
}

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

/// What is made of these nodes, if one of them leads and has this `data`.
#[cfg(any(test, fuzzing))]
pub(crate) fn leader(nodes: &[String], data: &[u8]) -> Option<mesos_core::Result<crate::Endpoint>> {
    let (node, format) = members::leading(nodes)?;
    Some(info::endpoint(node, format, data, &Settings::default()))
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
