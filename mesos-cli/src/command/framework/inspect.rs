//! `mesos framework inspect`.

use mesos::v1::master::response::GetTasks;
use mesos::v1::master::response::get_frameworks::Framework;

use super::{find_any, has_ended, id, roles, state};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Fields, resource_table, task_table, utc_time};

pub(super) async fn run(wanted: &str, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let (frameworks, tasks) = tokio::try_join!(master.get_frameworks(), master.get_tasks())?;
    let framework = find_any(wanted, &frameworks)?;
    context.out.object(framework, id(framework), || {
        describe(framework, &tasks, context)
    })
}

fn describe(framework: &Framework, tasks: &GetTasks, context: &Context) -> String {
    let info = &framework.framework_info;
    let mut fields = Fields::new();
    fields.add("Id", id(framework));
    fields.add("Name", info.name.as_str());
    fields.add("State", state(framework));
    fields.add("Roles", roles(framework).join(", "));
    fields.add("User", info.user.as_str());
    fields.add("Principal", info.principal.as_deref().unwrap_or_default());
    fields.add("Host", info.hostname.as_deref().unwrap_or_default());
    fields.add(
        "Web interface",
        info.webui_url.as_deref().unwrap_or_default(),
    );
    // The default of Mesos kills the tasks at the first lost connection.
    let failover = info.failover_timeout.unwrap_or_default();
    fields.add("Failover timeout", format!("{failover} s"));
    fields.add("Registered", utc_time(framework.registered_time.as_ref()));
    fields.add(
        "Reregistered",
        utc_time(framework.reregistered_time.as_ref()),
    );
    if has_ended(framework) {
        fields.add("Ended", utc_time(framework.unregistered_time.as_ref()));
    }
    let capabilities = info.capabilities.iter();
    let names: Vec<_> = capabilities.map(|c| c.r#type().as_str_name()).collect();
    fields.add("Capabilities", names.join(", "));
    fields.add("Offers", framework.offers.len().to_string());
    let mut text = fields.render();
    let used = &framework.allocated_resources;
    let offered = &framework.offered_resources;
    if !used.is_empty() || !offered.is_empty() {
        let table = resource_table([("USED", used.as_slice()), ("OFFERED", offered.as_slice())]);
        text.push('\n');
        text.push_str(&context.out.section(&table));
    }
    let tasks: Box<dyn Iterator<Item = _>> = match has_ended(framework) {
        true => Box::new(tasks.completed_tasks.iter()),
        false => Box::new(tasks.tasks.iter().chain(&tasks.unreachable_tasks)),
    };
    let table = task_table(tasks.filter(|task| Some(&task.framework_id) == info.id.as_ref()));
    if !table.is_empty() {
        text.push('\n');
        text.push_str(&context.out.section(&table));
    }
    text
}
