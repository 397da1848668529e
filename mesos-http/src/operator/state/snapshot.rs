//! The state of a cluster at one moment, and how events change it. Pure.

use std::collections::HashSet;
use std::sync::Arc;

use mesos_core::Error;
use mesos_proto::v1::master::event::TaskUpdated;
use mesos_proto::v1::master::response::GetState;
use mesos_proto::v1::master::response::get_agents::Agent;
use mesos_proto::v1::master::response::get_frameworks::Framework;
use mesos_proto::v1::{
    AgentId, AgentInfo, FrameworkId, FrameworkInfo, Role, Task, TaskId, TaskState,
};
use rpds::HashTrieMapSync as Map;

use super::refresh::Refreshed;
use crate::operator::ClusterEvent;

/// The state of a cluster at one moment, from [`ClusterState`](super::ClusterState). It does not
/// change. Cheap to clone.
///
/// Iterators have no order.
#[derive(Clone, Debug, Default)]
pub struct ClusterSnapshot {
    revision: u64,
    /// Whether a snapshot of the master has arrived since the last loss of the connection.
    connected: bool,
    /// Whether the roles were received once.
    has_roles: bool,
    disconnected: Option<Error>,
    agents: Map<AgentId, Arc<Agent>>,
    recovered: Map<AgentId, Arc<AgentInfo>>,
    frameworks: Map<FrameworkId, Arc<Framework>>,
    tasks: Map<FrameworkId, Map<TaskId, Arc<Task>>>,
    roles: Map<String, Arc<Role>>,
}

/// The ids of objects that events have changed.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) agents: HashSet<AgentId>,
    pub(super) frameworks: HashSet<FrameworkId>,
}

impl ClusterSnapshot {
    /// A number that grows with each change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether the connection to the leading master exists. Without it the state is the last one
    /// that is known.
    pub fn is_current(&self) -> bool {
        self.connected
    }

    /// Why the connection to the leading master does not exist; `None` if it exists, and before the
    /// first attempt.
    pub fn disconnected(&self) -> Option<&Error> {
        self.disconnected.as_ref()
    }

    /// The registered agents.
    pub fn agents(&self) -> impl Iterator<Item = &Arc<Agent>> {
        self.agents.values()
    }

    /// A registered agent.
    pub fn agent(&self, id: &AgentId) -> Option<&Arc<Agent>> {
        self.agents.get(id)
    }

    /// The agents that have not registered again since the election of the master.
    pub fn recovered_agents(&self) -> impl Iterator<Item = &Arc<AgentInfo>> {
        self.recovered.values()
    }

    /// The frameworks that have not ended, without their offers.
    pub fn frameworks(&self) -> impl Iterator<Item = &Arc<Framework>> {
        self.frameworks.values()
    }

    /// A framework that has not ended, without its offers.
    pub fn framework(&self, id: &FrameworkId) -> Option<&Arc<Framework>> {
        self.frameworks.get(id)
    }

    /// The tasks that have not ended, including unreachable ones.
    pub fn tasks(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.tasks.values().flat_map(|tasks| tasks.values())
    }

    /// The tasks of a framework that have not ended, including unreachable ones.
    pub fn tasks_of(&self, framework: &FrameworkId) -> impl Iterator<Item = &Arc<Task>> {
        let tasks = self.tasks.get(framework);
        tasks.into_iter().flat_map(|tasks| tasks.values())
    }

    /// A task that has not ended.
    pub fn task(&self, framework: &FrameworkId, task: &TaskId) -> Option<&Arc<Task>> {
        self.tasks.get(framework)?.get(task)
    }

    /// The roles in use.
    pub fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.roles.values()
    }

    /// A role in use.
    pub fn role(&self, name: &str) -> Option<&Arc<Role>> {
        self.roles.get(name)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.connected && self.has_roles
    }

    /// Records that the state changed.
    pub(super) fn advance(&mut self) {
        self.revision += 1;
    }

    pub(super) fn end(&mut self, error: Error) {
        (self.connected, self.disconnected) = (false, Some(error));
    }

    /// Applies an event, and records the changed agents and frameworks in `touched`.
    pub(super) fn apply(&mut self, event: ClusterEvent, touched: &mut Touched) {
        match event {
            ClusterEvent::Snapshot(state) => self.replace(*state),
            ClusterEvent::TaskAdded(task) => self.put_task(*task),
            ClusterEvent::TaskUpdated(update) => self.update_task(*update),
            ClusterEvent::AgentAdded(agent) => {
                if let Some(id) = agent.agent_info.id.clone() {
                    touched.agents.insert(id.clone());
                    self.recovered.remove_mut(&id);
                    self.agents.insert_mut(id, Arc::new(*agent));
                }
            }
            ClusterEvent::AgentRemoved(id) => {
                self.recovered.remove_mut(&id);
                self.agents.remove_mut(&id);
                touched.agents.insert(id);
            }
            ClusterEvent::FrameworkAdded(framework) | ClusterEvent::FrameworkUpdated(framework) => {
                if let Some(id) = framework.framework_info.id.clone() {
                    touched.frameworks.insert(id.clone());
                    self.put_framework(id, *framework);
                }
            }
            ClusterEvent::FrameworkRemoved(info) => self.remove_framework(&info, touched),
            ClusterEvent::Disconnected { error, .. } => self.end(error),
        }
    }

    /// Applies the answers to requests, except for objects that events have changed since: the
    /// answers may be older.
    pub(super) fn refresh(&mut self, refreshed: Refreshed, touched: &Touched) {
        if let Some(found) = refreshed.agents {
            let wanted = |id: &AgentId| !touched.agents.contains(id);
            let agents = found.agents.into_iter();
            merge(
                &mut self.agents,
                agents,
                |agent| agent.agent_info.id.clone(),
                wanted,
            );
            let recovered = found.recovered_agents.into_iter();
            merge(
                &mut self.recovered,
                recovered,
                |info| info.id.clone(),
                wanted,
            );
        }
        if let Some(found) = refreshed.frameworks {
            let wanted = |id: &FrameworkId| !touched.frameworks.contains(id);
            let frameworks = found.into_iter().map(without_offers);
            let id = |framework: &Framework| framework.framework_info.id.clone();
            merge(&mut self.frameworks, frameworks, id, wanted);
        }
        if let Some(roles) = refreshed.roles {
            self.has_roles = true;
            let name = |role: &Role| Some(role.name.clone());
            merge(&mut self.roles, roles.into_iter(), name, |_| true);
        }
    }

    fn replace(&mut self, state: GetState) {
        let agents = state.get_agents.unwrap_or_default();
        let agents_by_id = agents.agents.into_iter();
        self.agents = agents_by_id
            .filter_map(|agent| Some((agent.agent_info.id.clone()?, Arc::new(agent))))
            .collect();
        let recovered = agents.recovered_agents.into_iter();
        self.recovered = recovered
            .filter_map(|info| Some((info.id.clone()?, Arc::new(info))))
            .collect();
        let frameworks = state.get_frameworks.unwrap_or_default().frameworks;
        let frameworks = frameworks.into_iter().map(without_offers);
        self.frameworks = frameworks
            .filter_map(|found| Some((found.framework_info.id.clone()?, Arc::new(found))))
            .collect();
        let tasks = state.get_tasks.unwrap_or_default();
        self.tasks = Map::default();
        for task in tasks.tasks.into_iter().chain(tasks.unreachable_tasks) {
            self.put_task(task);
        }
        (self.connected, self.disconnected) = (true, None);
    }

    fn put_task(&mut self, task: Task) {
        if has_ended(task.state) {
            return;
        }
        let id = task.task_id.clone();
        match self.tasks.get_mut(&task.framework_id) {
            Some(tasks) => {
                tasks.insert_mut(id, Arc::new(task));
            }
            None => {
                let mut tasks = Map::default();
                let framework = task.framework_id.clone();
                tasks.insert_mut(id, Arc::new(task));
                self.tasks.insert_mut(framework, tasks);
            }
        }
    }

    /// As the master does (`updateTask` in src/master/master.cpp).
    fn update_task(&mut self, update: TaskUpdated) {
        let Some(tasks) = self.tasks.get_mut(&update.framework_id) else {
            return;
        };
        let mut status = update.status;
        if has_ended(update.state) {
            tasks.remove_mut(&status.task_id);
            if tasks.is_empty() {
                self.tasks.remove_mut(&update.framework_id);
            }
            return;
        }
        let Some(task) = tasks.get_mut(&status.task_id) else {
            return;
        };
        let task = Arc::make_mut(task);
        task.state = update.state;
        status.data = None;
        match task.statuses.last_mut() {
            Some(last) if last.state == status.state => *last = status,
            _ => task.statuses.push(status),
        }
    }

    /// Events have neither offers nor resources, so the resources stay as they were.
    fn put_framework(&mut self, id: FrameworkId, mut framework: Framework) {
        if let Some(known) = self.frameworks.get(&id) {
            framework
                .allocated_resources
                .clone_from(&known.allocated_resources);
            framework
                .offered_resources
                .clone_from(&known.offered_resources);
        }
        let framework = Arc::new(without_offers(framework));
        self.frameworks.insert_mut(id, framework);
    }

    fn remove_framework(&mut self, info: &FrameworkInfo, touched: &mut Touched) {
        if let Some(id) = &info.id {
            self.frameworks.remove_mut(id);
            self.tasks.remove_mut(id);
            touched.frameworks.insert(id.clone());
        }
    }
}

/// Makes `known` equal to `found`, for the keys that are wanted. Equal values stay shared.
fn merge<K, V>(
    known: &mut Map<K, Arc<V>>,
    found: impl Iterator<Item = V>,
    key: impl Fn(&V) -> Option<K>,
    wanted: impl Fn(&K) -> bool,
) where
    K: Clone + Eq + std::hash::Hash,
    V: PartialEq,
{
    let mut seen = HashSet::new();
    for value in found {
        let Some(key) = key(&value) else { continue };
        if wanted(&key) && known.get(&key).is_none_or(|old| **old != value) {
            known.insert_mut(key.clone(), Arc::new(value));
        }
        seen.insert(key);
    }
    let gone = |key: &&K| !seen.contains(*key) && wanted(key);
    let gone: Vec<K> = known.keys().filter(gone).cloned().collect();
    for key in gone {
        known.remove_mut(&key);
    }
}

fn without_offers(mut framework: Framework) -> Framework {
    framework.offers = Vec::new();
    framework.inverse_offers = Vec::new();
    framework
}

/// Whether a task in this state has ended (`isTerminalState` in src/common/protobuf_utils.cpp).
fn has_ended(state: i32) -> bool {
    matches!(
        TaskState::try_from(state),
        Ok(TaskState::TaskFinished
            | TaskState::TaskFailed
            | TaskState::TaskKilled
            | TaskState::TaskLost
            | TaskState::TaskError
            | TaskState::TaskDropped
            | TaskState::TaskGone
            | TaskState::TaskGoneByOperator)
    )
}

#[cfg(test)]
mod tests;
