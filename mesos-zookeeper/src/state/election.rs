//! Which of several processes leads: the one whose node was created first.

use std::time::Duration;

use mesos_core::address::Ensemble;
use mesos_core::store::Standby;
use tokio::time::sleep;
use zookeeper_client::{self as zk, Client};

use crate::client;
use crate::store::RETRY;

/// The folder of the members. A key never has this folder, because `%el` is not the code of a byte.
const MEMBERS: &str = "%election";

/// The begin of the names of members. ZooKeeper appends a number of ten digits.
const MEMBER: &str = "member-";

/// A process that leads or waits. Its node exists as long as its session.
#[derive(Clone)]
pub(super) struct Member {
    client: Client,
    folder: String,
    name: String,
}

impl Member {
    /// Adds this process to the members. `text` is what others read about it.
    pub(super) async fn join(
        ensemble: &Ensemble,
        session_timeout: Duration,
        text: &str,
    ) -> Result<Self, zk::Error> {
        let connector = client::connector(ensemble, session_timeout).with_fail_eagerly();
        let client = connector.connect(ensemble.servers()).await?;
        let folder = format!("{}/{MEMBERS}", ensemble.path());
        client.mkdir(&folder, &client::persistent(ensemble)).await?;
        let options = client::ephemeral_sequential(ensemble);
        let path = format!("{folder}/{MEMBER}");
        // Without an answer, the node may exist. The session ends with the client, and the node
        // with the session.
        let (_, number) = client.create(&path, text.as_bytes(), &options).await?;
        Ok(Self {
            client,
            folder,
            name: format!("{MEMBER}{number}"),
        })
    }

    /// The path of the node.
    pub(super) fn node(&self) -> String {
        format!("{}/{}", self.folder, self.name)
    }

    /// Waits until this process is the first member. `waits` receives the text of each process that
    /// leads meanwhile.
    pub(super) async fn first(&self, waits: &Standby) -> Result<(), zk::Error> {
        let mut shown = None;
        loop {
            let listed = self.client.list_and_watch_children(&self.folder).await;
            let (mut members, watcher) = listed?;
            members.retain(|name| name.starts_with(MEMBER));
            members.sort_unstable();
            if !members.contains(&self.name) {
                return Err(zk::Error::SessionExpired);
            }
            let leader = members.swap_remove(0);
            if leader == self.name {
                return Ok(());
            }
            if shown.as_ref() != Some(&leader) {
                let path = format!("{}/{leader}", self.folder);
                match self.client.get_data(&path).await {
                    Ok((text, _)) => waits(&String::from_utf8_lossy(&text)),
                    Err(zk::Error::NoNode) => continue,
                    Err(error) => return Err(error),
                }
                shown = Some(leader);
            }
            watcher.changed().await;
        }
    }

    /// Waits until this process is not a member any more, and returns why.
    pub(super) async fn left(&self) -> String {
        loop {
            match self.client.check_and_watch_stat(&self.node()).await {
                Ok((Some(_), watcher)) => drop(watcher.changed().await),
                Ok((None, _)) => return format!("the node {} was removed", self.node()),
                Err(zk::Error::ConnectionLoss) => sleep(RETRY).await,
                Err(error) => return error.to_string(),
            }
        }
    }

    /// Removes this process from the members.
    pub(super) async fn leave(&self) -> Result<(), zk::Error> {
        self.client.delete(&self.node(), None).await
    }
}
