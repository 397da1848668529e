//! Agents: registration, loss and return.

use std::collections::BTreeMap;
use std::time::SystemTime;

use mesos_core::resources::Resources;
use mesos_proto::v1::task_status::{Reason, Source};
use mesos_proto::v1::{AgentId, FrameworkId, TaskState, TaskStatus, TimeInfo};

use super::super::agent::Agent;
use super::Cluster;
use super::records::Task;
use crate::events;

pub(super) struct AgentState {
    pub(super) agent: Agent,
    /// The agent's resources, with later reservations and volumes.
    pub(super) total: Resources,
    /// The resources that tasks of all frameworks use.
    pub(super) used: Resources,
    /// False while the connection is lost and the master has not given the agent up.
    pub(super) connected: bool,
    pub(super) unreachable_since: Option<TimeInfo>,
}

impl AgentState {
    fn new(agent: Agent) -> Self {
        Self {
            total: agent.resources.clone(),
            used: Resources::new(),
            agent,
            connected: true,
            unreachable_since: None,
        }
    }
}

impl Cluster {
    /// The agents that are registered and connected.
    pub(crate) fn agent_ids(&self) -> Vec<AgentId> {
        let agents = self.agents.values();
        let connected = agents.filter(|state| state.connected);
        connected.map(|state| state.agent.id.clone()).collect()
    }

    pub(crate) fn add_agent(&mut self, agent: Agent) {
        let id = agent.id.value.clone();
        self.agents.insert(id, AgentState::new(agent));
        self.request_allocation();
    }

    /// Sets whether the agent is connected. Without a connection its offers are rescinded, its
    /// tasks stay as they are, and acknowledgements and kills do not reach it.
    pub(crate) fn set_agent_connected(&mut self, agent_id: &AgentId, connected: bool) {
        let Some(state) = self.agents.get_mut(agent_id.as_str()) else {
            return;
        };
        state.connected = connected;
        if connected {
            self.resume(agent_id);
        } else {
            self.rescind_offers_of(agent_id);
        }
        self.request_allocation();
    }

    /// The agent has not responded for too long: `_markUnreachable`.
    pub(crate) fn make_agent_unreachable(&mut self, agent_id: &AgentId) {
        let Some(mut state) = self.agents.remove(agent_id.as_str()) else {
            // After a failover the master does not know the tasks of the agent.
            if let Some(mut state) = self.recovered.remove(agent_id.as_str()) {
                state.unreachable_since = Some(self.time_info());
                self.unreachable.insert(agent_id.value.clone(), state);
                self.failure_to_all(agent_id);
            }
            return;
        };
        let since = self.time_info();
        state.unreachable_since = Some(since);
        state.used = Resources::new();
        self.unreachable.insert(agent_id.value.clone(), state);
        self.move_tasks(agent_id, |partition_aware| {
            let state = match partition_aware {
                true => TaskState::TaskUnreachable,
                false => TaskState::TaskLost,
            };
            let mut status = TaskStatus::new("", state)
                .with_reason(Reason::AgentRemoved)
                .with_message("Agent is unreachable");
            status.unreachable_time = Some(since);
            status
        });
        self.rescind_offers_of(agent_id);
        self.failure_to_all(agent_id);
    }

    /// An operator has marked the agent gone.
    pub(crate) fn mark_agent_gone(&mut self, agent_id: &AgentId) {
        let known = self.agents.remove(agent_id.as_str()).is_some();
        self.recovered.remove(agent_id.as_str());
        self.unreachable.remove(agent_id.as_str());
        self.gone.insert(agent_id.value.clone());
        if !known {
            // The master reports nothing about its tasks: MESOS-9739.
            return;
        }
        self.move_tasks(agent_id, |partition_aware| match partition_aware {
            true => TaskStatus::new("", TaskState::TaskGoneByOperator)
                .with_reason(Reason::AgentRemovedByOperator)
                .with_message("Agent has been marked gone"),
            false => TaskStatus::new("", TaskState::TaskLost)
                .with_reason(Reason::AgentRemoved)
                .with_message("Agent has been marked gone"),
        });
        for framework in self.frameworks.values_mut() {
            // No task can return from this agent.
            framework
                .lost_tasks
                .retain(|_, task| task.agent_id != *agent_id);
        }
        self.rescind_offers_of(agent_id);
        self.failure_to_all(agent_id);
    }

    /// An agent that was unreachable, or that a new master knows only from the registry, returns
    /// with its tasks.
    pub(crate) fn return_agent(&mut self, agent_id: &AgentId) {
        let found = self
            .unreachable
            .remove(agent_id.as_str())
            .or_else(|| self.recovered.remove(agent_id.as_str()));
        let Some(mut state) = found else {
            return;
        };
        state.connected = true;
        let was_unreachable = state.unreachable_since.take().is_some();
        state.used = Resources::new();
        self.agents.insert(agent_id.value.clone(), state);
        let now = self.nature.now();
        let mut updates: Vec<(FrameworkId, TaskStatus)> = Vec::new();
        for framework in self.frameworks.values_mut() {
            let framework_id = framework.id();
            let (back, still_lost): (BTreeMap<_, _>, BTreeMap<_, _>) =
                std::mem::take(&mut framework.lost_tasks)
                    .into_iter()
                    .partition(|(_, task)| task.agent_id == *agent_id);
            framework.lost_tasks = still_lost;
            for (id, task) in back {
                if was_unreachable {
                    let status = TaskStatus {
                        state: task.state,
                        ..by_master(&task, now)
                    }
                    .with_reason(Reason::AgentReregistered)
                    .with_message("Unreachable agent has reregistered");
                    updates.push((framework_id.clone(), status));
                }
                framework.tasks.insert(id, task);
            }
        }
        let tasks: Vec<_> = self
            .frameworks
            .values()
            .flat_map(|framework| framework.tasks.values())
            .filter(|task| task.agent_id == *agent_id && !task.is_over())
            .map(|task| task.resources.clone())
            .collect();
        if let Some(state) = self.agents.get_mut(agent_id.as_str()) {
            for resources in &tasks {
                state.used += resources;
            }
        }
        for (framework_id, status) in updates {
            self.send(&framework_id, events::update(status));
        }
        self.resume(agent_id);
        self.request_allocation();
    }

    /// A new master takes over, which knows only the agents in the registry. Frameworks and tasks
    /// become known through their agents.
    pub(crate) fn fail_over(&mut self, master_id: String) {
        self.info.id = master_id;
        self.completed.clear();
        self.offers.clear();
        self.inverse_offers.clear();
        self.frameworks_so_far = 0;
        self.offers_so_far = 0;
        let mut agents = std::mem::take(&mut self.agents);
        self.recovered.append(&mut agents);
        self.frameworks.retain(|_, framework| {
            if let Some(stream) = framework.stream.take() {
                stream.cut();
            }
            framework.filters.clear();
            framework.suppressed.clear();
            framework.recovered = true;
            // No timeout of the earlier leader applies.
            framework.absence = 0;
            let mut tasks = std::mem::take(&mut framework.tasks);
            framework.lost_tasks.append(&mut tasks);
            !framework.lost_tasks.is_empty()
        });
    }

    /// Removes the tasks of a lost agent from the live tasks and reports them, as the master does:
    /// best effort, without a uuid, only to connected frameworks.
    fn move_tasks(&mut self, agent_id: &AgentId, status: impl Fn(bool) -> TaskStatus) {
        let now = self.nature.now();
        let mut updates = Vec::new();
        for framework in self.frameworks.values_mut() {
            let framework_id = framework.id();
            let template = status(framework.partition_aware());
            let (lost, live): (BTreeMap<_, _>, BTreeMap<_, _>) =
                std::mem::take(&mut framework.tasks)
                    .into_iter()
                    .partition(|(_, task)| task.agent_id == *agent_id);
            framework.tasks = live;
            for (id, task) in lost {
                if !task.is_over() {
                    let status = TaskStatus {
                        state: template.state,
                        reason: template.reason,
                        message: template.message.clone(),
                        unreachable_time: template.unreachable_time,
                        ..by_master(&task, now)
                    };
                    updates.push((framework_id.clone(), status));
                }
                framework.lost_tasks.insert(id, task);
            }
        }
        for (framework_id, status) in updates {
            self.send(&framework_id, events::update(status));
        }
    }

    fn time_info(&self) -> TimeInfo {
        let since = self.nature.now().duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or_default();
        TimeInfo {
            nanoseconds: i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        }
    }

    fn failure_to_all(&self, agent_id: &AgentId) {
        for framework in self.frameworks.values() {
            if let Some(stream) = &framework.stream {
                stream.send(events::agent_failure(agent_id));
            }
        }
    }
}

/// The fields of every status that the master creates.
fn by_master(task: &Task, now: SystemTime) -> TaskStatus {
    let mut status = TaskStatus::new(&task.info.task_id, TaskState::TaskStaging).with_time(now);
    status.source = Some(Source::Master as i32);
    status.agent_id = Some(task.agent_id.clone());
    status
}
