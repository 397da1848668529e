//! `mesos status`: the cluster on one screen.

mod masters;

use std::collections::BTreeMap;

use mesos::v1::master::response::{GetAgents, GetFrameworks, GetMaster, GetTasks};
use mesos::v1::{Resource, TimeInfo};
use serde_json::json;

use self::masters::{Other, others};
use super::agent::known;
use super::doctor::authority;
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
    /// The masters that do not lead, or why they are not known.
    others: Result<Vec<Other>, String>,
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
    let configured = context.cluster()?.settings.master.clone();
    let configured = configured.unwrap_or_default();
    let others = others(&configured, &addresses(&leader)).await;
    let answers = Answers {
        others,
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

/// The forms of `HOST:PORT` of a leader, the preferred one first.
fn addresses(leader: &GetMaster) -> Vec<String> {
    let Some(info) = &leader.master_info else {
        return Vec::new();
    };
    let address = info.address.as_ref();
    let hosts = [
        info.hostname.clone(),
        address.and_then(|address| address.hostname.clone()),
        address.and_then(|address| address.ip.clone()),
    ];
    let hosts = hosts.into_iter().flatten();
    hosts.map(|host| authority(&host, info.port)).collect()
}

impl Answers {
    /// Host and port of the leader.
    fn leader(&self) -> String {
        let first = addresses(&self.master).into_iter().next();
        first.unwrap_or_else(|| "unknown".to_owned())
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
            "other_masters": self.others.as_ref().unwrap_or(&Vec::new()),
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
        match &self.others {
            Ok(others) => {
                let others: Vec<_> = others.iter().map(Other::text).collect();
                fields.add("Others", others.join(", "));
            }
            Err(error) => fields.add("Others", format!("not known: {error}")),
        }
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
