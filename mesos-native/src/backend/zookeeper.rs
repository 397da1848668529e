//! Checks ZooKeeper before libmesos connects to it, because libmesos ends the process on data that
//! it cannot use (feature `zookeeper`).
//!
//! libmesos retries temporary errors. It ends the process (`EXIT` in `detected`,
//! src/sched/sched.cpp) if it is not authorized to create or read the masters' path
//! (src/zookeeper/group.cpp), or if it cannot parse the leading node
//! (src/master/detector/zookeeper.cpp).

use std::time::Duration;

use mesos_core::address::Ensemble;
use mesos_core::{Error, ErrorKind, Result};
use mesos_zookeeper::{client, masters};
use tokio::time::timeout;
use zeroize::Zeroizing;
use zookeeper_client as zk;

use super::connection::resolve;

/// The time limit of a check.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether libmesos can parse the address (`URL::parse` in include/mesos/zookeeper/url.hpp).
///
/// # Errors
/// The reason why libmesos cannot use the address, and what to change.
pub(super) fn usable(ensemble: &Ensemble) -> Result<(), &'static str> {
    if ensemble.servers().contains('[') {
        return Err(
            "its ZooKeeper client does not support IPv6; write host names or IPv4 addresses",
        );
    }
    // libmesos takes the first slash for the end of the servers.
    if ensemble
        .credentials()
        .is_some_and(|pair| pair.contains('/'))
    {
        return Err(
            "it cannot parse a user or password that contains '/'; choose another password",
        );
    }
    Ok(())
}

/// The address for libmesos, with the credentials.
pub(super) fn url(ensemble: &Ensemble) -> Zeroizing<String> {
    let (servers, path) = (ensemble.servers(), ensemble.path());
    Zeroizing::new(match ensemble.credentials() {
        None => format!("zk://{servers}{path}"),
        Some(credentials) => {
            // In one allocation: a string that grows leaves copies behind.
            ["zk://", credentials, "@", servers, path].concat()
        }
    })
}

/// Checks that libmesos can use the current data in ZooKeeper. Creates the masters' path if it does
/// not exist, as libmesos would do next.
///
/// Cancel safe.
///
/// # Errors
/// [`ErrorKind::Transport`]: the name of a server does not resolve. [`ErrorKind::Backend`]: the
/// system does not start a thread for this.
/// [`ErrorKind::NotLeader`]: ZooKeeper does not answer, or the leading node is not a master's.
/// [`ErrorKind::Unauthorized`]: the client is not authorized to create or read the path or the
/// leading node.
/// [`ErrorKind::Decode`]: the leading node does not contain a master's description.
pub(super) async fn check(ensemble: &Ensemble) -> Result<()> {
    let no_answer = || {
        let text = format!("the leader is unknown: no ZooKeeper server of {ensemble} answers");
        Error::new(ErrorKind::NotLeader, text)
    };
    let checking = async {
        resolve_servers(ensemble.servers()).await?;
        match probe_ensemble(ensemble).await {
            Ok(Probe::Usable) => Ok(()),
            Ok(Probe::Unusable(error)) => Err(error),
            Err(error) => Err(no_answer().with_source(error)),
        }
    };
    timeout(TIMEOUT, checking)
        .await
        .unwrap_or_else(|_| Err(no_answer()))
}

/// Resolves the names of all servers. libmesos would retry a name that does not resolve for ten
/// minutes, blocking its caller, and then end the process (src/zookeeper/zookeeper.cpp).
async fn resolve_servers(servers: &str) -> Result<()> {
    for server in servers.split(',') {
        resolve(server).await.map_err(|cause| {
            let text = format!("cannot use the ZooKeeper server {server}");
            Error::new(cause.kind(), text).with_source(cause)
        })?;
    }
    Ok(())
}

/// What libmesos would do with the data in ZooKeeper.
enum Probe {
    /// libmesos finds a leader, or waits for one.
    Usable,
    /// libmesos ends the process for this reason.
    Unusable(Error),
}

/// Reads what libmesos would read.
///
/// # Errors
/// Errors after which libmesos would retry.
async fn probe_ensemble(ensemble: &Ensemble) -> Result<Probe, zk::Error> {
    let denied = |what| {
        let error = Error::new(ErrorKind::Unauthorized, client::denied(ensemble, what));
        Ok(Probe::Unusable(error))
    };
    let connector = client::connector(ensemble, TIMEOUT).with_fail_eagerly();
    let session = connector.connect(ensemble.servers()).await?;
    let path = ensemble.path();
    if session.check_stat(path).await?.is_none() {
        match session.mkdir(path, &client::persistent(ensemble)).await {
            Ok(()) => {}
            Err(zk::Error::NoAuth) => {
                return denied("does not exist and cannot be created");
            }
            Err(error) => return Err(error),
        }
    }
    let nodes = match session.list_children(path).await {
        Ok(nodes) => nodes,
        Err(zk::Error::NoAuth) => return denied("cannot be read"),
        Err(error) => return Err(error),
    };
    // A later leader cannot be checked here.
    let Some(leader) = masters::leading(&nodes) else {
        return Ok(Probe::Usable);
    };
    match session.get_data(&format!("{path}/{}", leader.node)).await {
        Ok((data, _)) => Ok(match leader.address(&data) {
            Ok(_) => Probe::Usable,
            Err(error) => Probe::Unusable(error),
        }),
        Err(zk::Error::NoNode) => Ok(Probe::Usable),
        Err(zk::Error::NoAuth) => denied("has a leading node that cannot be read"),
        Err(error) => Err(error),
    }
}
