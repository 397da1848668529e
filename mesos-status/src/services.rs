//! How services appear on the page and in its JSON.

use mesos_framework::{ServiceStatus, UpdateStatus};

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
}

impl Service {
    pub(crate) fn new(status: &ServiceStatus) -> Self {
        let instances = status.instances.iter().map(|one| Instance {
            number: one.number,
            state: one.state.as_str(),
            hostname: one
                .agent
                .as_ref()
                .map_or_else(String::new, |agent| agent.hostname.clone()),
            last_end: one.last_end.clone().unwrap_or_default(),
        });
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
