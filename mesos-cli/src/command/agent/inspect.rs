//! `mesos agent inspect`.

use mesos::v1::Resource;
use mesos::v1::master::response::GetTasks;

use super::list::attributes;
use super::{Known, find};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Fields, resource_table, task_table, utc_time};

pub(super) async fn run(wanted: &str, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let (agents, tasks) = tokio::try_join!(master.get_agents(), master.get_tasks())?;
    let agent = find(wanted, &agents)?;
    let describe = || describe(agent, &tasks, context);
    match agent {
        Known::Registered(message) => context.out.object(message, agent.id(), describe),
        Known::Recovered(message) => context.out.object(message, agent.id(), describe),
    }
}

fn describe(agent: Known<'_>, tasks: &GetTasks, context: &Context) -> String {
    let info = agent.info();
    let mut fields = Fields::new();
    fields.add("Id", agent.id());
    fields.add("Host", info.hostname.as_str());
    fields.add("State", agent.state());
    if let Some(region) = info.domain.as_ref().and_then(|d| d.fault_domain.as_ref()) {
        fields.add("Region", region.region.name.as_str());
        fields.add("Zone", region.zone.name.as_str());
    }
    fields.add("Attributes", attributes(&info.attributes));
    let Known::Registered(agent) = agent else {
        return fields.render();
    };
    fields.add("Address", agent.pid.as_deref().unwrap_or_default());
    fields.add("Version", agent.version.as_str());
    fields.add("Registered", utc_time(agent.registered_time.as_ref()));
    fields.add("Reregistered", utc_time(agent.reregistered_time.as_ref()));
    let capabilities = agent.capabilities.iter();
    let names: Vec<_> = capabilities.map(|c| c.r#type().as_str_name()).collect();
    fields.add("Capabilities", names.join(", "));
    let mut text = fields.render();
    let parts: [(&'static str, &[Resource]); 3] = [
        ("TOTAL", &agent.total_resources),
        ("USED", &agent.allocated_resources),
        ("OFFERED", &agent.offered_resources),
    ];
    text.push('\n');
    text.push_str(&context.out.section(&resource_table(parts)));
    let tasks = tasks.tasks.iter();
    let table = task_table(tasks.filter(|task| Some(&task.agent_id) == info.id.as_ref()));
    if !table.is_empty() {
        text.push('\n');
        text.push_str(&context.out.section(&table));
    }
    text
}
