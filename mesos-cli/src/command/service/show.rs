//! `mesos service status|list|inspect`.

use anstyle::Style;

use super::Name;
use super::api::{Details, Instance, Scheduler, Service};
use super::client::{Client, path_of};
use crate::context::Context;
use crate::error::Error;
use crate::output::{BAD, Cell, Column, Fields, GOOD, Table, WARN, or_dash};

pub(super) async fn scheduler(client: &Client, context: &Context) -> Result<(), Error> {
    let scheduler = client.scheduler().await?;
    context.out.object(&scheduler, &scheduler.framework, || {
        let mut fields = Fields::new();
        fields.add("Framework", scheduler.framework.as_str());
        fields.add("Id", scheduler.framework_id.clone().unwrap_or_default());
        fields.add("Master", scheduler.master.as_str());
        fields.add("Connection", scheduler.connection.as_str());
        let trouble = scheduler.trouble.clone().unwrap_or_default();
        fields.add("Trouble", Cell::styled(trouble, BAD));
        fields.add("Page", scheduler.status_page.clone().unwrap_or_default());
        fields.add("Directory", scheduler.directory.as_str());
        fields.add("Process", scheduler.pid.to_string());
        fields.render()
    })
}

/// What `mesos service run` prints when the scheduler runs.
pub(super) fn started(scheduler: &Scheduler, context: &Context) -> Result<(), Error> {
    context.out.object(scheduler, &scheduler.framework, || {
        let mut text = match &scheduler.framework_id {
            Some(id) => format!("the scheduler runs as framework {id}\n"),
            None => "the scheduler runs, and waits for Mesos\n".to_owned(),
        };
        if let Some(page) = &scheduler.status_page {
            text.push_str(&format!("the status page is at {page}\n"));
        }
        text.push_str(&format!("its state is in {}\n", scheduler.directory));
        text
    })
}

pub(super) async fn list(client: &Client, context: &Context) -> Result<(), Error> {
    let services = client.services().await?;
    let mut table = Table::new([
        Column::text("NAME"),
        Column::number("READY"),
        Column::number("GENERATION").wide(),
        Column::text("STATE"),
    ]);
    for service in &services {
        let cells: [Cell; 4] = [
            service.name.as_str().into(),
            format!("{}/{}", service.ready, service.wanted).into(),
            service.generation.to_string().into(),
            Cell::styled(&service.state, style(service)),
        ];
        table.row(&service.name, cells);
    }
    context.out.list(&services, &table)
}

pub(super) async fn inspect(args: &Name, client: &Client, context: &Context) -> Result<(), Error> {
    let name = client.find(&args.service).await?.name;
    let details: Details = client.get(&path_of(&name, "")).await?;
    context.out.object(&details, &name, || {
        let service = &details.service;
        let mut fields = Fields::new();
        fields.add("Name", name.as_str());
        fields.add("State", Cell::styled(&service.state, style(service)));
        fields.add("Ready", format!("{} of {}", service.ready, service.wanted));
        fields.add("Generation", service.generation.to_string());
        let mut text = fields.render();
        section(
            &mut text,
            "Instances",
            &instances(&service.instances),
            context,
        );
        let mut events = Table::new([
            Column::text("TIME"),
            Column::text("INSTANCE"),
            Column::text("EVENT"),
        ]);
        for event in &details.events {
            events.row(
                &event.instance,
                [&event.at, &event.instance, &event.what].map(Clone::clone),
            );
        }
        section(&mut text, "Last events", &events, context);
        if let Some(report) = details.reports.first() {
            text.push_str(&format!("\nNot placed: {}", crate::output::line(report)));
        }
        text
    })
}

fn section(text: &mut String, title: &str, table: &Table, context: &Context) {
    if table.is_empty() {
        return;
    }
    text.push_str(&format!("\n{title}:\n"));
    text.push_str(&context.out.section(table));
}

fn instances(instances: &[Instance]) -> Table {
    let mut table = Table::new([
        Column::number("NUMBER"),
        Column::text("STATE"),
        Column::text("AGENT"),
        Column::number("GENERATION"),
        Column::number("ENDS"),
        Column::text("TASK"),
        Column::text("LAST END"),
    ]);
    for one in instances {
        let style = match one.state.as_str() {
            "ready" => GOOD,
            "unhealthy" | "unreachable" | "replaced" | "delayed" => WARN,
            _ => Style::new(),
        };
        let cells: [Cell; 7] = [
            one.number.to_string().into(),
            Cell::styled(&one.state, style),
            or_dash(one.hostname.clone().unwrap_or_default()).into(),
            one.generation.to_string().into(),
            one.ends.to_string().into(),
            or_dash(one.tasks.join(", ")).into(),
            or_dash(one.last_end.clone().unwrap_or_default()).into(),
        ];
        table.row(one.number.to_string(), cells);
    }
    table
}

fn style(service: &Service) -> Style {
    let failed = |update: &super::api::Update| update.failure.is_some();
    if service.is_ready {
        GOOD
    } else if service.crash_loop || service.update.as_ref().is_some_and(failed) {
        BAD
    } else {
        WARN
    }
}
