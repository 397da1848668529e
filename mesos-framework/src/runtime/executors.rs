//! The executors that were launched. Mesos accepts another task for an executor that runs only with
//! the same `ExecutorInfo`, with the resources that the executor was launched with. An executor can
//! outlive all its tasks and the scheduler, so its `ExecutorInfo` is stored.

use std::collections::BTreeMap;

use bytes::Bytes;
use mesos_core::BoxError;
use mesos_core::store::Change;
use mesos_proto::v1::{ExecutorInfo, TaskInfo};
use prost::Message;

/// The beginning of the keys: `live/executor/AGENT/ID`.
const LIVE_EXECUTOR: &str = "live/executor/";

#[derive(Debug, Default)]
pub(crate) struct Executors(BTreeMap<String, (String, ExecutorInfo)>);

fn key(agent: &str, executor: &str) -> String {
    format!("{LIVE_EXECUTOR}{agent}/{executor}")
}

impl Executors {
    /// The executors among the entries of a state.
    ///
    /// # Errors
    /// An entry cannot be read.
    pub(crate) fn recover(entries: &[(String, Bytes)]) -> Result<Self, BoxError> {
        let mut all = BTreeMap::new();
        for (key, value) in entries {
            let Some(rest) = key.strip_prefix(LIVE_EXECUTOR) else {
                continue;
            };
            let agent = rest.split('/').next().unwrap_or_default().to_owned();
            let info = ExecutorInfo::decode(value.clone())
                .map_err(|error| format!("cannot read the entry {key:?} of the state: {error}"))?;
            all.insert(key.clone(), (agent, info));
        }
        Ok(Self(all))
    }

    /// A task is launched. Returns the change to store if its executor is new.
    pub(super) fn launched(&mut self, task: &TaskInfo) -> Option<Change> {
        let (agent, info) = (task.agent_id.as_str(), task.executor.as_ref()?);
        let key = key(agent, info.executor_id.as_str());
        if self.0.get(&key).is_some_and(|(_, known)| known == info) {
            return None;
        }
        self.0.insert(key.clone(), (agent.to_owned(), info.clone()));
        Some(Change::put(key, info.encode_to_vec()))
    }

    /// An executor has ended.
    pub(super) fn ended(&mut self, agent: &str, executor: &str) -> Option<Change> {
        let key = key(agent, executor);
        self.0.remove(&key).map(|_| Change::remove(key))
    }

    /// The executor with this id on this agent, as it was launched.
    pub(super) fn get(&self, agent: &str, executor: &str) -> Option<&ExecutorInfo> {
        self.0.get(&key(agent, executor)).map(|(_, info)| info)
    }

    /// All executors, as the placement needs them.
    pub(super) fn all(&self) -> Vec<(String, ExecutorInfo)> {
        self.0.values().cloned().collect()
    }
}
