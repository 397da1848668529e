//! What each agent offers.
//!
//! All agents of a cluster are in one process and read the same variable `MESOS_RESOURCES`. The
//! ports are one machine's, though: agents that offer the same ports would hand one port out twice.
//! So by default the variable names a pipe, from which the cluster process gives each agent its own
//! text (`bin/mesos-local/resources.rs`).

use std::path::Path;

/// The ports of all agents together; Mesos' own default.
const PORTS: std::ops::Range<usize> = 31_000..32_001;

/// The resources of a cluster's agents, in the syntax of Mesos' flag `--resources`.
#[derive(Clone, Debug)]
pub(super) enum Resources {
    /// CPUs, memory and disk, and an equal share of the ports.
    Default,
    /// The same text for each agent.
    Given(String),
}

impl Resources {
    /// The value of `MESOS_RESOURCES`, and the texts for the pipe at `pipe` if it names that.
    pub(super) fn variable(self, agents: usize, pipe: &Path) -> (String, Vec<String>) {
        match self {
            Self::Given(text) => (text, Vec::new()),
            Self::Default if agents < 2 => (of_agent(0, 1), Vec::new()),
            Self::Default => (
                format!("file://{}", pipe.display()),
                (0..agents).map(|number| of_agent(number, agents)).collect(),
            ),
        }
    }
}

/// What one of several agents offers, counted from 0.
fn of_agent(number: usize, agents: usize) -> String {
    let begin = |number| PORTS.start + number * PORTS.len() / agents;
    format!(
        "cpus:4;mem:2048;disk:4096;ports:[{}-{}]",
        begin(number),
        begin(number + 1) - 1
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_agent_offers_all_ports_without_a_pipe() {
        let (variable, texts) = Resources::Default.variable(1, Path::new("/p"));
        assert_eq!(variable, "cpus:4;mem:2048;disk:4096;ports:[31000-32000]");
        assert!(texts.is_empty());
    }

    #[test]
    fn several_agents_share_the_ports_without_a_gap_or_an_overlap() {
        let (variable, texts) = Resources::Default.variable(3, Path::new("/p"));
        assert_eq!(variable, "file:///p");
        let ports = |text: &str| text.split("ports:").nth(1).map(str::to_owned);
        let ports: Vec<_> = texts.iter().filter_map(|text| ports(text)).collect();
        assert_eq!(ports, ["[31000-31332]", "[31333-31666]", "[31667-32000]"]);
    }

    #[test]
    fn explicit_resources_are_the_same_for_all_agents() {
        let given = Resources::Given("cpus:1;ports:[1-2]".into());
        let (variable, texts) = given.variable(3, Path::new("/p"));
        assert_eq!(variable, "cpus:1;ports:[1-2]");
        assert!(texts.is_empty());
    }
}
