//! Masters that libmesos finds in ZooKeeper: what its detector would end the process over
//! is looked for before it starts (feature `zookeeper`).
//!
//! libmesos tries again what may pass, and gives up for good (`EXIT` in `detected`,
//! src/sched/sched.cpp) when it may not make or read the masters' path
//! (src/zookeeper/group.cpp), and when the leading node cannot be read as a master's
//! (src/master/detector/zookeeper.cpp).

use std::time::Duration;

use mesos_core::{Error, ErrorKind, Result};
use mesos_zookeeper::{Ensemble, masters};
use tokio::net::lookup_host;
use tokio::time::timeout;
use zookeeper_client as zk;

/// How long looking may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The address as libmesos reads it (`URL::parse` in include/mesos/zookeeper/url.hpp).
///
/// # Errors
/// [`ErrorKind::Config`]: it is none, or none for libmesos.
pub(super) fn checked(address: &str) -> Result<String> {
    let ensemble = parsed(address)?;
    let wrong = |reason: &str| {
        let text = format!("libmesos cannot use the address {ensemble}: {reason}");
        Err(Error::new(ErrorKind::Config, text))
    };
    if ensemble.servers().contains('[') {
        return wrong("its ZooKeeper client knows no IPv6; write names or IPv4 addresses");
    }
    let (servers, path) = (ensemble.servers(), ensemble.path());
    match ensemble.credentials() {
        None => Ok(format!("zk://{servers}{path}")),
        // It ends the servers at the first slash, wherever that is.
        Some(credentials) if credentials.contains('/') => {
            wrong("what is before the @ has a / in it; choose another password")
        }
        Some(credentials) => Ok(format!("zk://{credentials}@{servers}{path}")),
    }
}

fn parsed(address: &str) -> Result<Ensemble> {
    Ensemble::parse(address, masters::ADVICE)
        .map_err(|error| Error::new(ErrorKind::Config, error.to_string()))
}

/// Looks whether libmesos would live with what is there now. Makes the masters' path where
/// there is none, as libmesos would do next.
///
/// Cancel safe.
///
/// # Errors
/// [`ErrorKind::Transport`]: the name of a server does not resolve.
/// [`ErrorKind::NotLeader`]: ZooKeeper does not answer, or a node leads that is no master's.
/// [`ErrorKind::Unauthorized`]: the path or the leading node may not be made or read.
/// [`ErrorKind::Decode`]: the leading node is not what a master writes.
pub(super) async fn check(address: &str) -> Result<()> {
    let ensemble = parsed(address)?;
    resolve(ensemble.servers()).await?;
    let silent = || {
        let text = format!("the leader is unknown: no ZooKeeper of {ensemble} answers");
        Error::new(ErrorKind::NotLeader, text)
    };
    match timeout(PATIENCE, look(&ensemble)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => Err(silent().with_source(error)),
        Err(_) => Err(silent()),
    }
}

/// libmesos tries a name that does not resolve for ten minutes, on the thread that calls
/// it, and then ends the process (src/zookeeper/zookeeper.cpp).
async fn resolve(servers: &str) -> Result<()> {
    for server in servers.split(',') {
        let found = lookup_host(server).await.map(drop);
        found.map_err(|cause| {
            let text = format!("the name of ZooKeeper's server {server} does not resolve");
            Error::new(ErrorKind::Transport, text).with_source(cause)
        })?;
    }
    Ok(())
}

/// The outer error is one that libmesos would try again after.
async fn look(ensemble: &Ensemble) -> Result<Result<()>, zk::Error> {
    let denied = |what| {
        Ok(Err(Error::new(
            ErrorKind::Unauthorized,
            ensemble.denied(what),
        )))
    };
    let connector = ensemble.connector(PATIENCE).with_fail_eagerly();
    let client = connector.connect(ensemble.servers()).await?;
    let path = ensemble.path();
    if client.check_stat(path).await?.is_none() {
        match client.mkdir(path, &ensemble.persistent()).await {
            Ok(()) => {}
            Err(zk::Error::NoAuth) => {
                return denied("is not there, and may not be made");
            }
            Err(error) => return Err(error),
        }
    }
    let nodes = match client.list_children(path).await {
        Ok(nodes) => nodes,
        Err(zk::Error::NoAuth) => return denied("may not be read"),
        Err(error) => return Err(error),
    };
    // Who comes later is libmesos' affair.
    let Some(leader) = masters::leading(&nodes) else {
        return Ok(Ok(()));
    };
    match client.get_data(&format!("{path}/{}", leader.node)).await {
        Ok((data, _)) => Ok(leader.address(&data).map(drop)),
        Err(zk::Error::NoNode) => Ok(Ok(())),
        Err(zk::Error::NoAuth) => denied("has a leading node that may not be read"),
        Err(error) => Err(error),
    }
}
