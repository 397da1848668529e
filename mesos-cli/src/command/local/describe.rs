//! `mesos local status`, and what `mesos local up` prints.

use std::sync::Arc;

use mesos::operator::MasterClient;
use serde::Serialize;

use super::state::{Running, running};
use crate::context::Context;
use crate::error::{Code, Error};
use crate::output::Fields;

/// What `mesos local status` shows.
#[derive(Debug, Serialize)]
struct Status {
    #[serde(flatten)]
    running: Running,
    version: String,
    active_agents: usize,
}

pub(super) async fn run(context: &Context) -> Result<(), Error> {
    let Some(running) = running()? else {
        return Err(Error::new(
            Code::NotFound,
            "a local Mesos is not running or has not started yet",
        )
        .hint("`mesos local up` starts one"));
    };
    let master = MasterClient::from(Arc::new(running.cluster()?.client()?));
    let (version, agents) = tokio::try_join!(master.get_version(), master.get_agents())?;
    let active = agents.agents.iter().filter(|agent| agent.active);
    let status = Status {
        version: version.version,
        active_agents: active.count(),
        running,
    };
    let running = &status.running;
    context.out.object(&status, &running.master, || {
        let mut fields = Fields::new();
        fields.add("Master", running.master.as_str());
        fields.add("Version", status.version.as_str());
        let number = status.active_agents;
        fields.add(
            "Agents",
            format!("{number} of {} active", running.agents.len()),
        );
        for (number, agent) in running.agents.iter().enumerate() {
            fields.add(format!("Agent {}", number + 1), agent.as_str());
        }
        if let Some(address) = &running.zookeeper {
            fields.add("ZooKeeper", address.as_str());
        }
        if let Some(authority) = &running.authority {
            fields.add("CA", authority.display().to_string());
        }
        fields.add("Files", running.work_dir.display().to_string());
        fields.add("Process", running.pid.to_string());
        fields.render()
    })
}

/// Prints what a user needs to know about a cluster that is up.
pub(super) fn up(running: &Running, detached: bool, context: &Context) -> Result<(), Error> {
    context.out.object(running, &running.master, || {
        let mut text = format!("Mesos is up at {}\n", running.master);
        for (number, agent) in running.agents.iter().enumerate() {
            text.push_str(&format!("agent {} is {agent}\n", number + 1));
        }
        if let Some(address) = &running.zookeeper {
            text.push_str(&format!("the master is registered at {address}\n"));
        }
        let files = running.work_dir.display();
        text.push_str(&format!("the log and all other files are in {files}\n"));
        let trust = match &running.authority {
            Some(authority) => format!("MESOS_CA_FILE={} ", authority.display()),
            None => String::new(),
        };
        text.push_str(&format!(
            "try:  {trust}mesos --master {} agent list\n",
            running.master
        ));
        text.push_str(if detached {
            "`mesos local down` stops the cluster and its tasks\n"
        } else {
            "Ctrl-C stops the cluster and its tasks\n"
        });
        text
    })
}
