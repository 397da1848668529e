//! The masters that do not lead.

use std::time::Duration;

use mesos::Endpoint;
use mesos::address::Ensemble;
use mesos_zookeeper::client::connector;
use mesos_zookeeper::masters::in_order;
use serde::Serialize;
use tokio::time::timeout;

use crate::command::doctor::connect;

/// The time limit for the answers of ZooKeeper.
const PATIENCE: Duration = Duration::from_secs(5);

/// A master that does not lead.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Other {
    /// `HOST:PORT`.
    address: String,
    /// Why the master cannot be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Other {
    pub(super) fn text(&self) -> String {
        match &self.error {
            None => self.address.clone(),
            Some(error) => format!("{} (not reachable: {error})", self.address),
        }
    }
}

/// The masters beside the leader at one of `leader`, which has the forms `HOST:PORT`: those that are
/// registered in ZooKeeper, or those of a list of addresses.
///
/// # Errors
/// ZooKeeper cannot be read.
pub(super) async fn others(address: &str, leader: &[String]) -> Result<Vec<Other>, String> {
    match address.parse::<Ensemble>() {
        Ok(ensemble) if address.starts_with("zk://") => {
            match timeout(PATIENCE, registered(&ensemble)).await {
                Ok(found) => found,
                Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
            }
        }
        _ => Ok(listed(address, leader).await),
    }
}

/// The masters that are registered behind the leader.
async fn registered(ensemble: &Ensemble) -> Result<Vec<Other>, String> {
    let failed = |error: zookeeper_client::Error| error.to_string();
    let connector = connector(ensemble, PATIENCE);
    let client = connector
        .connect(ensemble.servers())
        .await
        .map_err(failed)?;
    let nodes = client
        .list_children(ensemble.path())
        .await
        .map_err(failed)?;
    let mut others = Vec::new();
    for member in in_order(&nodes).into_iter().skip(1) {
        let path = format!("{}/{}", ensemble.path(), member.node);
        let data = match client.get_data(&path).await {
            Ok((data, _)) => data,
            // The master has ended meanwhile.
            Err(zookeeper_client::Error::NoNode) => continue,
            Err(error) => return Err(failed(error)),
        };
        others.push(match member.address(&data) {
            Ok(address) => Other {
                address,
                error: None,
            },
            Err(error) => Other {
                address: member.node.to_owned(),
                error: Some(error.to_string()),
            },
        });
    }
    Ok(others)
}

/// The other addresses of a list.
async fn listed(addresses: &str, leader: &[String]) -> Vec<Other> {
    let mut others = Vec::new();
    if !addresses.contains(',') {
        return others;
    }
    for address in addresses.split(',') {
        let Ok(endpoint) = address.trim().parse::<Endpoint>() else {
            continue;
        };
        let address = endpoint.authority();
        if leader.contains(&address) {
            continue;
        }
        let error = match connect(&address).await {
            // Another name of the leader.
            Ok(stream)
                if stream
                    .peer_addr()
                    .is_ok_and(|peer| leader.contains(&peer.to_string())) =>
            {
                continue;
            }
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        others.push(Other { address, error });
    }
    others
}

#[cfg(test)]
#[path = "../../../../mesos-zookeeper/tests/it/server.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "this test uses a part of it"
)]
mod zookeeper_server;

#[cfg(test)]
mod tests {
    use mesos_zookeeper::client::{ephemeral_sequential, persistent};

    use super::zookeeper_server::ZooKeeper;
    use super::*;

    #[tokio::test]
    async fn the_masters_behind_the_leader_in_zookeeper_are_the_others() {
        let Some(server) = ZooKeeper::start().await else {
            return;
        };
        let address = format!("zk://{}/mesos", server.servers());
        let ensemble: Ensemble = address.parse().unwrap();
        let connector = connector(&ensemble, PATIENCE);
        let client = connector.connect(ensemble.servers()).await.unwrap();
        client
            .mkdir("/mesos", &persistent(&ensemble))
            .await
            .unwrap();
        for port in [5050, 5051, 5052] {
            let data = format!(
                r#"{{"id": "m", "ip": 0, "port": {port}, "address": {{"ip": "10.0.0.1", "port": {port}}}}}"#
            );
            let options = ephemeral_sequential(&ensemble);
            let node = client.create("/mesos/json.info_", data.as_bytes(), &options);
            node.await.unwrap();
        }
        let other = |address: &str| Other {
            address: address.to_owned(),
            error: None,
        };
        let expected = vec![other("10.0.0.1:5051"), other("10.0.0.1:5052")];
        assert_eq!(others(&address, &[]).await, Ok(expected));
        let missing = others(&format!("{address}/none"), &[]).await;
        assert!(missing.is_err(), "{missing:?}");
    }

    #[tokio::test]
    async fn one_address_has_no_other_masters() {
        assert_eq!(others("10.0.0.1:5050", &[]).await, Ok(Vec::new()));
    }
}
