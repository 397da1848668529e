//! `mesos task inspect`.

use mesos::v1::{Task, TimeInfo};

use super::find::{find, state};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Column, Fields, Table, resource_table, utc_time};

pub(super) async fn run(wanted: &str, context: &Context) -> Result<(), Error> {
    let task = find(wanted, context).await?;
    let describe = || describe(&task, context);
    context.out.object(&task, task.task_id.as_str(), describe)
}

fn describe(task: &Task, context: &Context) -> String {
    let mut fields = Fields::new();
    fields.add("Id", task.task_id.as_str());
    fields.add("Name", task.name.as_str());
    fields.add("State", state(task));
    fields.add("Framework", task.framework_id.as_str());
    fields.add("Agent", task.agent_id.as_str());
    let executor = task.executor_id.as_ref();
    fields.add("Executor", executor.map_or("", |id| id.as_str()));
    fields.add("User", task.user.as_deref().unwrap_or_default());
    let mut statuses = task.statuses.iter().rev();
    let container = statuses.find_map(|status| status.container_status.as_ref());
    if let Some(container) = container {
        let id = container.container_id.as_ref();
        fields.add("Container", id.map(ToString::to_string).unwrap_or_default());
        let networks = container.network_infos.iter();
        let addresses: Vec<_> = networks
            .flat_map(|network| &network.ip_addresses)
            .filter_map(|address| address.ip_address.clone())
            .collect();
        fields.add("Addresses", addresses.join(", "));
    }
    let mut text = fields.render();
    text.push('\n');
    let resources = resource_table([("AMOUNT", task.resources.as_slice())]);
    text.push_str(&context.out.section(&resources));
    if !task.statuses.is_empty() {
        text.push('\n');
        text.push_str(&context.out.section(&updates(task)));
    }
    text
}

fn updates(task: &Task) -> Table {
    let mut table = Table::new([
        Column::text("UPDATE"),
        Column::text("TIME"),
        Column::text("SOURCE"),
        Column::text("REASON"),
        Column::text("MESSAGE"),
    ]);
    for status in &task.statuses {
        let time = status.timestamp.map(|seconds| TimeInfo {
            nanoseconds: (seconds * 1e9) as i64,
        });
        let reason = status.reason.and(Some(status.reason().as_str_name()));
        table.row(
            status.state().as_str_name(),
            [
                status.state().as_str_name().to_owned(),
                utc_time(time.as_ref()),
                status.source().as_str_name().to_owned(),
                reason.unwrap_or_default().to_owned(),
                status.message.clone().unwrap_or_default(),
            ],
        );
    }
    table
}
