//! Services and their instances.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use mesos_core::{Error, ErrorKind};
use mesos_framework::{InstanceStatus, ServiceStatus, UpdateStatus};

use crate::html::{Frame, failed, output, page, plain_file};
use crate::logs::{Log, Owner};
use crate::page::State;

/// A service in a table.
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) ready: usize,
    pub(crate) wanted: u32,
    /// What is not as it should be, or `ready`.
    pub(crate) state: String,
    pub(crate) class: &'static str,
    pub(crate) instances: Vec<Instance>,
}

pub(crate) struct Instance {
    pub(crate) number: u32,
    pub(crate) state: &'static str,
    pub(crate) hostname: String,
    pub(crate) last_end: String,
    generation: u32,
    ends: u32,
    agent_id: String,
    tasks: String,
}

impl Instance {
    fn new(one: &InstanceStatus) -> Self {
        let agent = one.agent.as_ref();
        Self {
            number: one.number,
            state: one.state.as_str(),
            hostname: agent.map_or_else(String::new, |agent| agent.hostname.clone()),
            last_end: one.last_end.clone().unwrap_or_default(),
            generation: one.generation,
            ends: one.ends,
            agent_id: agent.map_or_else(String::new, |agent| agent.id.clone()),
            tasks: one.task_ids.join(", "),
        }
    }
}

#[derive(Template)]
#[template(path = "service.html")]
struct ServicePage {
    frame: Frame,
    service: Service,
    generation: u32,
    spec: String,
    reports: Vec<String>,
}

#[derive(Template)]
#[template(path = "instance.html")]
struct InstancePage {
    frame: Frame,
    service: String,
    one: Instance,
    logs: Vec<Log>,
    no_logs: Option<&'static str>,
}

impl Service {
    pub(crate) fn new(status: &ServiceStatus) -> Self {
        let instances = status.instances.iter().map(Instance::new);
        Self {
            name: status.name.clone(),
            ready: status.ready(),
            wanted: status.wanted,
            state: status.summary(),
            class: class(status),
            instances: instances.collect(),
        }
    }
}

/// The class of the style sheet for the state of a service.
fn class(status: &ServiceStatus) -> &'static str {
    let failed = |update: &UpdateStatus| update.failure.is_some();
    if status.removing {
        "killing"
    } else if let Some(update) = &status.update {
        if failed(update) { "failed" } else { "delayed" }
    } else if status.crash_loop {
        "failed"
    } else if status.is_ready() && status.rolled_back.is_none() {
        "running"
    } else {
        "delayed"
    }
}

pub(crate) async fn service(state: State, Path(name): Path<String>) -> Response {
    match state.runner.describe_service(name).await {
        Ok(details) => page(&ServicePage {
            frame: Frame::new(&state),
            service: Service::new(&details.status),
            generation: details.status.generation,
            spec: serde_json::to_string_pretty(&details.spec).unwrap_or_default(),
            reports: details.reports.iter().map(ToString::to_string).collect(),
        }),
        Err(error) => failed(&state, &error),
    }
}

pub(crate) async fn instance(state: State, Path((name, number)): Path<(String, u32)>) -> Response {
    let status = match state.runner.describe_service(name).await {
        Ok(details) => details.status,
        Err(error) => return failed(&state, &error),
    };
    let mut instances = status.instances.iter();
    let Some(one) = instances.find(|one| one.number == number) else {
        let message = format!(
            "the service {:?} does not have an instance {number} any more, or not yet",
            status.name
        );
        return failed(&state, &Error::new(ErrorKind::Config, message));
    };
    let (logs, no_logs) = output(&state, &owner(&status, one)).await;
    page(&InstancePage {
        frame: Frame::new(&state),
        one: Instance::new(one),
        service: status.name,
        logs,
        no_logs,
    })
}

/// The last part of a file of an instance, as plain text.
pub(crate) async fn log(
    state: State,
    Path((name, task, file)): Path<(String, String, String)>,
) -> Response {
    let status = match state.runner.describe_service(name).await {
        Ok(details) => details.status,
        Err(error) => return failed(&state, &error),
    };
    let mut instances = status.instances.iter();
    let of = match instances.find(|one| one.task_ids.contains(&task)) {
        Some(one) => owner(&status, one),
        None => Owner {
            name: format!("the service {:?}", status.name),
            tasks: Vec::new(),
            agent_id: None,
        },
    };
    plain_file(state, &of, &task, &file).await
}

fn owner<'a>(service: &ServiceStatus, one: &'a InstanceStatus) -> Owner<'a> {
    Owner {
        name: format!("the instance {} of {:?}", one.number, service.name),
        tasks: one.task_ids.iter().map(String::as_str).collect(),
        agent_id: one.agent.as_ref().map(|agent| agent.id.as_str()),
    }
}
