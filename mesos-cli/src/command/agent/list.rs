//! `mesos agent list`.

use mesos::v1::Attribute;

use super::{Known, known};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Cell, Column, Table, Usage, age, or_dash};

pub(super) async fn run(context: &Context) -> Result<(), Error> {
    let agents = context.master()?.get_agents().await?;
    let mut table = Table::new([
        Column::text("ID"),
        Column::text("HOST"),
        Column::text("STATE"),
        Column::number("CPUS"),
        Column::number("MEM"),
        Column::number("DISK"),
        Column::number("GPUS").wide(),
        Column::number("AGE"),
        Column::text("VERSION").wide(),
        Column::text("ADDRESS").wide(),
        Column::text("ATTRIBUTES").wide(),
    ]);
    for agent in known(&agents) {
        let info = agent.info();
        let (usage, time, version, address) = match agent {
            Known::Registered(agent) => {
                let (used, total) = (&agent.allocated_resources, &agent.total_resources);
                let usage = |name| Usage::of(name, used, total);
                let time = agent.registered_time.as_ref();
                (
                    ["cpus", "mem", "disk", "gpus"].map(usage),
                    time,
                    agent.version.as_str(),
                    agent.pid.as_deref().unwrap_or_default(),
                )
            }
            Known::Recovered(_) => (Default::default(), None, "", ""),
        };
        let [cpus, mem, disk, gpus] = usage;
        let cells: [Cell; 11] = [
            agent.id().into(),
            info.hostname.as_str().into(),
            agent.state(),
            cpus.count().into(),
            mem.size().into(),
            disk.size().into(),
            gpus.count().into(),
            age(time).into(),
            or_dash(version).into(),
            or_dash(address).into(),
            or_dash(attributes(&info.attributes)).into(),
        ];
        table.row(agent.id(), cells);
    }
    context.out.list(&agents, &table)
}

/// The attributes in the syntax of the agent's flag `--attributes`.
pub(super) fn attributes(attributes: &[Attribute]) -> String {
    let text = |attribute: &Attribute| {
        let value = if let Some(text) = &attribute.text {
            text.value.clone()
        } else if let Some(scalar) = &attribute.scalar {
            scalar.value.to_string()
        } else if let Some(ranges) = &attribute.ranges {
            let ranges = ranges.range.iter();
            let texts: Vec<_> = ranges.map(|r| format!("{}-{}", r.begin, r.end)).collect();
            format!("[{}]", texts.join(","))
        } else {
            let items = attribute.set.as_ref().map(|set| set.item.join(","));
            format!("{{{}}}", items.unwrap_or_default())
        };
        format!("{}:{value}", attribute.name)
    };
    attributes.iter().map(text).collect::<Vec<_>>().join(";")
}
