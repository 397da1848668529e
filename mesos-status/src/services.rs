//! How services appear on the page and in its JSON.

use mesos_framework::{InstanceState, ServiceStatus};

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
            state: instance_state(one.state),
            hostname: one
                .agent
                .as_ref()
                .map_or_else(String::new, |agent| agent.hostname.clone()),
            last_end: one.last_end.clone().unwrap_or_default(),
        });
        let (state, class) = service_state(status);
        Self {
            name: status.name.clone(),
            ready: status.ready(),
            wanted: status.wanted,
            state,
            class,
            instances: instances.collect(),
        }
    }
}

/// What is not as it should be with a service, and the class of the style sheet.
pub(crate) fn service_state(status: &ServiceStatus) -> (String, &'static str) {
    let update = status.update.as_ref();
    if status.removing {
        ("is being removed".to_owned(), "killing")
    } else if let Some(failure) = update.and_then(|update| update.failure.as_ref()) {
        (format!("the update has failed: {failure}"), "failed")
    } else if let Some(update) = update {
        let what = if update.rollback {
            "rollback"
        } else {
            "update"
        };
        let how = if update.paused {
            "paused"
        } else {
            "in progress"
        };
        (format!("{what} {how}"), "delayed")
    } else if status.crash_loop {
        ("ends again and again".to_owned(), "failed")
    } else if status.is_ready() {
        match &status.rolled_back {
            Some(reason) => (
                format!("ready; the last update was rolled back: {reason}"),
                "delayed",
            ),
            None => ("ready".to_owned(), "running"),
        }
    } else {
        ("starting".to_owned(), "delayed")
    }
}

pub(crate) fn instance_state(state: InstanceState) -> &'static str {
    match state {
        InstanceState::Waiting => "waiting",
        InstanceState::Delayed => "delayed",
        InstanceState::Launched => "launched",
        InstanceState::Unhealthy => "unhealthy",
        InstanceState::Ready => "ready",
        InstanceState::Unreachable => "unreachable",
        InstanceState::Replaced => "replaced",
        InstanceState::Stopping => "stopping",
        _ => "unknown",
    }
}
