//! `mesos status`: the cluster on one screen.

use std::collections::BTreeMap;

use mesos::v1::master::response::{GetAgents, GetFrameworks, GetMaster, GetTasks};
use mesos::v1::{Resource, TimeInfo};
use serde_json::json;

use super::agent::known;
use super::framework::state;
use crate::context::Context;
use crate::error::Error;
use crate::output::{Fields, age, resource_table, scalar};

/// The answers of the master that the screen needs.
struct Answers {
    address: String,
    version: String,
    master: GetMaster,
    agents: GetAgents,
    frameworks: GetFrameworks,
    tasks: GetTasks,
}

pub(super) async fn run(context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    // Alone, so that the first failure of a wrong address is the only one.
    let version = master.get_version().await?.version;
    let (leader, agents, frameworks, tasks) = tokio::try_join!(
        master.get_master(),
        master.get_agents(),
        master.get_frameworks(),
        master.get_tasks(),
    )?;
    let answers = Answers {
        address: context.cluster()?.master()?.to_string(),
        version,
        master: leader,
        agents,
        frameworks,
        tasks,
    };
    let leader = answers.leader();
    context
        .out
        .object(&answers.json(), &leader, || answers.describe(context))
}

impl Answers {
    /// Host and port of the leader.
    fn leader(&self) -> String {
        let info = self.master.master_info.as_ref();
        let address = info.and_then(|info| {
            let address = info.address.as_ref();
            let host = info.hostname.clone();
            let host = host.or_else(|| address.and_then(|a| a.hostname.clone()));
            let host = host.or_else(|| address.and_then(|a| a.ip.clone()))?;
            Some(format!("{host}:{}", info.port))
        });
        address.unwrap_or_else(|| "unknown".to_owned())
    }

    fn agent_states(&self) -> BTreeMap<String, usize> {
        count(known(&self.agents).map(|agent| agent.state().text().to_owned()))
    }

    fn framework_states(&self) -> BTreeMap<String, usize> {
        count(
            self.frameworks
                .frameworks
                .iter()
                .map(|f| state(f).text().to_owned()),
        )
    }

    fn task_states(&self) -> BTreeMap<String, usize> {
        let name = |state: &str| state.trim_start_matches("TASK_").to_ascii_lowercase();
        count(
            self.tasks
                .tasks
                .iter()
                .map(|task| name(task.state().as_str_name())),
        )
    }

    /// All resources of the agents: total, in use and offered.
    fn resources(&self) -> [(&'static str, Vec<Resource>); 3] {
        let agents = &self.agents.agents;
        let total = agents
            .iter()
            .flat_map(|agent| agent.total_resources.clone());
        let used = agents
            .iter()
            .flat_map(|agent| agent.allocated_resources.clone());
        let offered = agents
            .iter()
            .flat_map(|agent| agent.offered_resources.clone());
        [
            ("TOTAL", total.collect()),
            ("USED", used.collect()),
            ("OFFERED", offered.collect()),
        ]
    }

    fn json(&self) -> serde_json::Value {
        let resources: serde_json::Map<_, _> = self
            .resources()
            .into_iter()
            .map(|(title, resources)| {
                let amount = |name| (name, scalar(&resources, name));
                let amounts = BTreeMap::from(["cpus", "mem", "disk", "gpus"].map(amount));
                (title.to_ascii_lowercase(), json!(amounts))
            })
            .collect();
        json!({
            "address": self.address,
            "leader": self.master.master_info,
            "version": self.version,
            "start_time": self.master.start_time,
            "elected_time": self.master.elected_time,
            "agents": self.agent_states(),
            "frameworks": self.framework_states(),
            "tasks": self.task_states(),
            "resources": resources,
        })
    }

    fn describe(&self, context: &Context) -> String {
        let mut fields = Fields::new();
        fields.add("Masters", self.address.as_str());
        fields.add("Leader", self.leader());
        let id = self
            .master
            .master_info
            .as_ref()
            .map(|info| info.id.as_str());
        fields.add("Leader id", id.unwrap_or_default());
        fields.add("Version", self.version.as_str());
        let since = |seconds: Option<f64>| {
            let nanoseconds = (seconds? * 1e9) as i64;
            Some(age(Some(&TimeInfo { nanoseconds })))
        };
        fields.add("Started", ago(since(self.master.start_time)));
        fields.add("Elected", ago(since(self.master.elected_time)));
        fields.add("Agents", counts(&self.agent_states()));
        fields.add("Frameworks", counts(&self.framework_states()));
        fields.add("Tasks", counts(&self.task_states()));
        let resources = self.resources();
        let parts = [0, 1, 2].map(|part| (resources[part].0, resources[part].1.as_slice()));
        format!(
            "{}\n{}",
            fields.render(),
            context.out.section(&resource_table(parts))
        )
    }
}

fn ago(age: Option<String>) -> String {
    age.map(|age| format!("{age} ago")).unwrap_or_default()
}

fn count(states: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for state in states {
        *counts.entry(state).or_default() += 1;
    }
    counts
}

/// The sum, and the numbers of each state: `3 (2 active, 1 drained)`.
fn counts(states: &BTreeMap<String, usize>) -> String {
    let sum: usize = states.values().sum();
    if sum == 0 {
        return "0".to_owned();
    }
    let parts: Vec<_> = states
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    format!("{sum} ({})", parts.join(", "))
}
