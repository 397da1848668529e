//! What the view shows of a cluster. Pure: `Model` is made from the objects of a snapshot, and
//! `List` sorts, filters and selects.

mod agent;
mod event;
mod framework;
mod list;
mod role;
mod row;
mod task;
mod usage;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use mesos::operator::ClusterSnapshot;
use mesos::v1::master::response::get_agents::Agent;
use mesos::v1::master::response::get_frameworks::Framework;
use mesos::v1::{AgentInfo, Role, Task};

pub(super) use self::agent::AgentRow;
pub(super) use self::event::EventRow;
pub(super) use self::framework::FrameworkRow;
pub(super) use self::list::{List, Order, Pane};
pub(super) use self::role::RoleRow;
pub(super) use self::row::Cell;
pub(super) use self::task::TaskRow;
use self::usage::amounts;
pub(super) use self::usage::{NAMES, Share};
use crate::command::framework::id as framework_id;

/// The rows of all panes except the events.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) agents: Vec<AgentRow>,
    pub(super) tasks: Vec<TaskRow>,
    pub(super) frameworks: Vec<FrameworkRow>,
    pub(super) roles: Vec<RoleRow>,
    /// All agents together, one for each of the [`NAMES`].
    pub(super) totals: [Share; 4],
}

/// How the view sorts the rows of which there are many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Orders {
    pub(super) agents: Order,
    pub(super) tasks: Order,
}

/// The objects of a cluster.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) agents: Vec<Arc<Agent>>,
    pub(super) recovered: Vec<Arc<AgentInfo>>,
    pub(super) frameworks: Vec<Arc<Framework>>,
    pub(super) tasks: Vec<Arc<Task>>,
    pub(super) roles: Vec<Arc<Role>>,
}

impl From<&ClusterSnapshot> for Objects {
    fn from(snapshot: &ClusterSnapshot) -> Self {
        Self {
            agents: snapshot.agents().cloned().collect(),
            recovered: snapshot.recovered_agents().cloned().collect(),
            frameworks: snapshot.frameworks().cloned().collect(),
            tasks: snapshot.tasks().cloned().collect(),
            roles: snapshot.roles().cloned().collect(),
        }
    }
}

/// The tasks of an agent or a framework.
#[derive(Clone, Copy, Default)]
struct Sum {
    tasks: usize,
    amounts: [f64; 4],
}

impl Sum {
    fn add(&mut self, amounts: &[f64; 4]) {
        self.tasks += 1;
        for (sum, amount) in self.amounts.iter_mut().zip(amounts) {
            *sum += amount;
        }
    }
}

impl Model {
    pub(super) fn new(objects: &Objects) -> Self {
        let hosts: HashMap<&str, Arc<str>> = objects
            .agents
            .iter()
            .filter_map(|agent| {
                let id = agent.agent_info.id.as_ref()?;
                Some((id.as_str(), agent.agent_info.hostname.as_str().into()))
            })
            .collect();
        let names: HashMap<&str, Arc<str>> = objects
            .frameworks
            .iter()
            .map(|framework| {
                let name = framework.framework_info.name.as_str();
                (framework_id(framework), name.into())
            })
            .collect();
        let mut by_agent: HashMap<&str, Sum> = HashMap::new();
        let mut by_framework: HashMap<&str, Sum> = HashMap::new();
        let mut tasks = Vec::with_capacity(objects.tasks.len());
        for task in &objects.tasks {
            let amounts = amounts(&task.resources);
            let (agent, framework) = (task.agent_id.as_str(), task.framework_id.as_str());
            by_agent.entry(agent).or_default().add(&amounts);
            by_framework.entry(framework).or_default().add(&amounts);
            // The agent of an unreachable task is not among the agents.
            let name = |names: &HashMap<&str, Arc<str>>, id: &str| match names.get(id) {
                Some(name) => Arc::clone(name),
                None => Arc::from(id),
            };
            let (host, framework) = (name(&hosts, agent), name(&names, framework));
            tasks.push(TaskRow::new(task, amounts, host, framework));
        }
        let registered = objects.agents.iter().map(|agent| {
            let id = agent.agent_info.id.as_ref().map_or("", |id| id.as_str());
            let sum = by_agent.get(id).copied().unwrap_or_default();
            AgentRow::registered(agent, sum.amounts, sum.tasks)
        });
        let recovered = objects.recovered.iter();
        let agents: Vec<_> = registered
            .chain(recovered.map(|info| AgentRow::recovered(info)))
            .collect();
        let frameworks = objects.frameworks.iter().map(|framework| {
            let sum = by_framework.get(framework_id(framework));
            let sum = sum.copied().unwrap_or_default();
            FrameworkRow::new(framework, sum.amounts, sum.tasks)
        });
        let mut totals = [Share::default(); 4];
        for agent in &agents {
            for (total, share) in totals.iter_mut().zip(agent.shares) {
                total.add(share);
            }
        }
        Self {
            frameworks: frameworks.collect(),
            roles: objects
                .roles
                .iter()
                .map(|role| RoleRow::new(role))
                .collect(),
            agents,
            tasks,
            totals,
        }
    }

    /// Sorts the rows of which there are many.
    pub(super) fn sort(&mut self, orders: Orders) {
        orders.agents.sort(&mut self.agents);
        orders.tasks.sort(&mut self.tasks);
    }
}
