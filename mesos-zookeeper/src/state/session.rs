//! One session with ZooKeeper, and the operations of one attempt.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use mesos_core::address::Ensemble;
use mesos_core::store::Change;
use zookeeper_client::{self as zk, Client, MultiWriteError, MultiWriteResult};

use super::path::{key_of, names_of};
use crate::client;

/// The requested session timeout.
const SESSION: Duration = Duration::from_secs(10);

/// How many requests are sent before the first answer is awaited.
const PIPELINED: usize = 256;

/// Any version of a node.
const ANY: i32 = -1;

/// What each commit writes to the node of the address, so that a commit without an answer can be
/// recognized.
pub(super) type CommitId = [u8; 16];

pub(super) fn new_commit() -> CommitId {
    uuid::Uuid::new_v4().into_bytes()
}

/// Why an attempt failed.
pub(super) enum Failed {
    /// The request failed.
    Request(zk::Error),
    /// Another process has committed.
    Changed,
    /// The node of this process in the election does not exist.
    NotLeading,
}

impl From<zk::Error> for Failed {
    fn from(error: zk::Error) -> Self {
        Self::Request(error)
    }
}

type Result<T, E = Failed> = std::result::Result<T, E>;

/// What one call of a state does.
pub(super) enum Task {
    /// The entries with this prefix.
    Load(String),
    /// The number of entries with this prefix.
    Count(String),
    /// The values of the entries with these keys.
    Get(Vec<String>),
    Commit {
        changes: Vec<Change>,
        id: CommitId,
        /// An earlier attempt may have succeeded without an answer.
        repeated: bool,
    },
    /// Makes all commits of other processes fail, as long as this node exists.
    Take { node: String, id: CommitId },
}

/// The result of a task.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) entries: Vec<(String, Bytes)>,
    pub(super) values: Vec<Option<Bytes>>,
    pub(super) count: u64,
}

/// The present session, and what outlives it.
#[derive(Default)]
pub(super) struct Session {
    client: Option<Client>,
    /// The version of the node of the address after the last commit that this process knows.
    version: Option<i32>,
    /// The node of this process in the election. Each commit checks that it exists.
    lead: Option<String>,
}

impl Session {
    /// One attempt.
    pub(super) async fn run(&mut self, ensemble: &Ensemble, task: &Task) -> Result<Answer> {
        let mut answer = Answer::default();
        match task {
            Task::Load(prefix) => answer.entries = self.load(ensemble, prefix).await?,
            Task::Count(prefix) => {
                let paths = self.paths(ensemble, prefix).await?;
                answer.count = paths.len() as u64;
            }
            Task::Get(keys) => answer.values = self.get_all(ensemble, keys).await?,
            Task::Commit {
                changes,
                id,
                repeated,
            } => self.commit(ensemble, changes, id, *repeated).await?,
            Task::Take { node, id } => self.take(ensemble, node, id).await?,
        }
        Ok(answer)
    }

    /// Ends the session. The next operation opens another.
    pub(super) fn close(&mut self) {
        self.client = None;
    }

    /// The client, which has seen all writes before this session.
    async fn client(&mut self, ensemble: &Ensemble) -> Result<Client> {
        let client = match &self.client {
            Some(client) => client.clone(),
            None => self.connect(ensemble).await?,
        };
        if self.version.is_none() {
            let stat = client.check_stat(ensemble.path()).await?;
            self.version = stat.map(|stat| stat.version);
        }
        Ok(client)
    }

    async fn connect(&mut self, ensemble: &Ensemble) -> Result<Client> {
        let connector = client::connector(ensemble, SESSION).with_fail_eagerly();
        let client = connector.connect(ensemble.servers()).await?;
        // This server may lag behind the one that received the last write.
        client.sync(ensemble.path()).await?;
        self.client = Some(client.clone());
        Ok(client)
    }

    async fn get_all(
        &mut self,
        ensemble: &Ensemble,
        keys: &[String],
    ) -> Result<Vec<Option<Bytes>>> {
        let paths: Vec<_> = keys.iter().map(|key| path(ensemble, key)).collect();
        let client = self.client(ensemble).await?;
        let mut values = Vec::with_capacity(keys.len());
        for part in paths.chunks(PIPELINED) {
            // A request is sent when its future is made.
            let requests: Vec<_> = part.iter().map(|path| client.get_data(path)).collect();
            for request in requests {
                values.push(match request.await {
                    Ok((data, _)) => Some(data.into()),
                    Err(zk::Error::NoNode) => None,
                    Err(error) => return Err(error.into()),
                });
            }
        }
        Ok(values)
    }

    async fn load(&mut self, ensemble: &Ensemble, prefix: &str) -> Result<Vec<(String, Bytes)>> {
        let paths: Vec<_> = self.paths(ensemble, prefix).await?.into_iter().collect();
        let client = self.client(ensemble).await?;
        let mut entries = Vec::new();
        for part in paths.chunks(PIPELINED) {
            // A request is sent when its future is made.
            let requests: Vec<_> = part.iter().map(|(_, path)| client.get_data(path)).collect();
            for ((key, _), request) in part.iter().zip(requests) {
                entries.push((key.clone(), request.await?.0.into()));
            }
        }
        Ok(entries)
    }

    /// The keys with this prefix, and their nodes.
    async fn paths(
        &mut self,
        ensemble: &Ensemble,
        prefix: &str,
    ) -> Result<BTreeMap<String, String>> {
        let client = self.client(ensemble).await?;
        let mut paths = BTreeMap::new();
        for folder in children(&client, ensemble.path()).await? {
            let Some(start) = key_of(&folder, super::path::EMPTY) else {
                continue;
            };
            if !start.starts_with(prefix) && !prefix.starts_with(&start) {
                continue;
            }
            let above = format!("{}/{folder}", ensemble.path());
            for leaf in children(&client, &above).await? {
                let key = key_of(&folder, &leaf).filter(|key| key.starts_with(prefix));
                paths.extend(key.map(|key| (key, format!("{above}/{leaf}"))));
            }
        }
        Ok(paths)
    }

    async fn commit(
        &mut self,
        ensemble: &Ensemble,
        changes: &[Change],
        id: &CommitId,
        repeated: bool,
    ) -> Result<()> {
        let base = ensemble.path();
        let client = self.client(ensemble).await?;
        if repeated && let Some(version) = committed(&client, base, id).await? {
            self.version = Some(version);
            return Ok(());
        }
        let options = client::persistent(ensemble);
        let version = match self.version {
            Some(version) => version,
            None => {
                client.mkdir(base, &options).await?;
                // Another process may have made the node and committed at the same moment.
                0
            }
        };
        let mut writer = client.new_multi_writer();
        writer.add_set_data(base, id, Some(version))?;
        if let Some(node) = &self.lead {
            writer.add_check_version(node, ANY)?;
        }
        // The last change of a key decides.
        let last: BTreeMap<&str, Option<&Bytes>> = changes
            .iter()
            .map(|change| (change.key.as_str(), change.value.as_ref()))
            .collect();
        let mut folders = BTreeSet::from_iter(children(&client, base).await?);
        let paths: Vec<String> = last.keys().map(|key| path(ensemble, key)).collect();
        let requests: Vec<_> = paths.iter().map(|path| client.check_stat(path)).collect();
        for (((key, value), path), request) in last.iter().zip(&paths).zip(requests) {
            match (request.await?, value) {
                (Some(_), Some(value)) => writer.add_set_data(path, value, None)?,
                (Some(_), None) => writer.add_delete(path, None)?,
                (None, Some(value)) => {
                    let (folder, _) = names_of(key);
                    let above = format!("{base}/{folder}");
                    if folders.insert(folder) {
                        writer.add_create(&above, &[], &options)?;
                    }
                    writer.add_create(path, value, &options)?;
                }
                (None, None) => {}
            }
        }
        match writer.commit().await {
            Ok(results) => {
                if let Some(MultiWriteResult::SetData { stat }) = results.first() {
                    self.version = Some(stat.version);
                }
                Ok(())
            }
            Err(MultiWriteError::OperationFailed {
                index: 0,
                source: zk::Error::BadVersion | zk::Error::NoNode,
            }) => Err(Failed::Changed),
            Err(MultiWriteError::OperationFailed {
                index: 1,
                source: zk::Error::NoNode,
            }) if self.lead.is_some() => Err(Failed::NotLeading),
            Err(error) => Err(zk::Error::from(error).into()),
        }
    }

    async fn take(&mut self, ensemble: &Ensemble, node: &str, id: &CommitId) -> Result<()> {
        let base = ensemble.path();
        let client = self.client(ensemble).await?;
        loop {
            client.sync(base).await?;
            let Some(stat) = client.check_stat(base).await? else {
                client.mkdir(base, &client::persistent(ensemble)).await?;
                continue;
            };
            let mut writer = client.new_multi_writer();
            writer.add_set_data(base, id, Some(stat.version))?;
            writer.add_check_version(node, ANY)?;
            match writer.commit().await {
                Ok(results) => {
                    if let Some(MultiWriteResult::SetData { stat }) = results.first() {
                        self.version = Some(stat.version);
                        self.lead = Some(node.to_owned());
                    }
                    return Ok(());
                }
                // The leader before has committed in between.
                Err(MultiWriteError::OperationFailed {
                    index: 0,
                    source: zk::Error::BadVersion,
                }) => {}
                Err(MultiWriteError::OperationFailed {
                    index: 1,
                    source: zk::Error::NoNode,
                }) => return Err(Failed::NotLeading),
                Err(error) => return Err(zk::Error::from(error).into()),
            }
        }
    }
}

/// The bytes of the paths of the two nodes of an entry.
pub(super) fn size_of_paths(ensemble: &Ensemble, key: &str) -> usize {
    let (folder, leaf) = names_of(key);
    2 * (ensemble.path().len() + 1 + folder.len()) + 1 + leaf.len()
}

fn path(ensemble: &Ensemble, key: &str) -> String {
    let (folder, leaf) = names_of(key);
    format!("{}/{folder}/{leaf}", ensemble.path())
}

async fn children(client: &Client, path: &str) -> Result<Vec<String>, zk::Error> {
    match client.list_children(path).await {
        Err(zk::Error::NoNode) => Ok(Vec::new()),
        children => children,
    }
}

/// The version of the node, if its data is the id of this commit.
async fn committed(client: &Client, base: &str, id: &CommitId) -> Result<Option<i32>, zk::Error> {
    match client.get_data(base).await {
        Ok((data, stat)) => Ok((data == id).then_some(stat.version)),
        Err(zk::Error::NoNode) => Ok(None),
        Err(error) => Err(error),
    }
}
