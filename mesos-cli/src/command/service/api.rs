//! The objects that the scheduler and its clients exchange, which are also the output as JSON.

use mesos::framework::{InstanceStatus, ServiceDetails, ServiceSpec, ServiceStatus, TimelineEvent};
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error};

/// The scheduler.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Scheduler {
    pub(super) pid: u32,
    pub(super) framework: String,
    pub(super) framework_id: Option<String>,
    pub(super) master: String,
    /// The state of the connection to Mesos.
    pub(super) connection: String,
    /// What keeps the scheduler from working.
    pub(super) trouble: Option<String>,
    pub(super) status_page: Option<String>,
    pub(super) directory: String,
}

/// A service.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) ready: usize,
    pub(super) wanted: u32,
    /// In a few words, for people.
    pub(super) state: String,
    /// Whether everything is as it should be.
    pub(super) is_ready: bool,
    pub(super) generation: u32,
    pub(super) update: Option<Update>,
    pub(super) rolled_back: Option<String>,
    pub(super) crash_loop: bool,
    pub(super) removing: bool,
    pub(super) instances: Vec<Instance>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Update {
    pub(super) rollback: bool,
    pub(super) paused: bool,
    pub(super) failure: Option<String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Instance {
    pub(super) number: u32,
    pub(super) generation: u32,
    pub(super) state: String,
    pub(super) agent_id: Option<String>,
    pub(super) hostname: Option<String>,
    pub(super) tasks: Vec<String>,
    pub(super) ends: u32,
    pub(super) early_ends: u32,
    pub(super) last_end: Option<String>,
}

/// A service with all that is known about it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Details {
    #[serde(flatten)]
    pub(super) service: Service,
    pub(super) spec: ServiceSpec,
    /// Why an instance is not placed, the newest first.
    pub(super) reports: Vec<String>,
    /// What happened lately, the newest first.
    pub(super) events: Vec<Event>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Event {
    pub(super) at: String,
    pub(super) instance: String,
    pub(super) what: String,
}

/// The result of an update.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Updated {
    pub(super) services: Vec<Service>,
    /// What is unusual in the specifications.
    pub(super) warnings: Vec<String>,
}

/// A number of instances.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Number {
    pub(super) instances: u32,
}

/// The files of a task that can be read.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Output {
    /// Only the last lines.
    pub(super) tail: Option<usize>,
    pub(super) follow: bool,
}

/// An error of the scheduler.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Failure {
    pub(super) code: u8,
    pub(super) error: String,
    pub(super) hint: Option<String>,
}

/// How many events a description has.
const EVENTS: usize = 10;

impl From<&ServiceStatus> for Service {
    fn from(status: &ServiceStatus) -> Self {
        Self {
            name: status.name.clone(),
            ready: status.ready(),
            wanted: status.wanted,
            state: status.summary(),
            is_ready: status.is_ready(),
            generation: status.generation,
            update: status.update.as_ref().map(|update| Update {
                rollback: update.rollback,
                paused: update.paused,
                failure: update.failure.clone(),
            }),
            rolled_back: status.rolled_back.clone(),
            crash_loop: status.crash_loop,
            removing: status.removing,
            instances: status.instances.iter().map(Instance::from).collect(),
        }
    }
}

impl From<&InstanceStatus> for Instance {
    fn from(status: &InstanceStatus) -> Self {
        let agent = status.agent.as_ref();
        Self {
            number: status.number,
            generation: status.generation,
            state: status.state.to_string(),
            agent_id: agent.map(|agent| agent.id.clone()),
            hostname: agent.map(|agent| agent.hostname.clone()),
            tasks: status.task_ids.clone(),
            ends: status.ends,
            early_ends: status.early_ends,
            last_end: status.last_end.clone(),
        }
    }
}

impl Details {
    pub(super) fn new(details: ServiceDetails, events: Vec<TimelineEvent>) -> Self {
        let name = &details.status.name;
        let of_service = |event: &TimelineEvent| {
            let rest = event.job.strip_prefix(name.as_str());
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let events = events.into_iter().filter(of_service).take(EVENTS);
        Self {
            service: Service::from(&details.status),
            reports: details.reports.iter().map(ToString::to_string).collect(),
            events: events
                .map(|event| Event {
                    at: humantime::format_rfc3339_seconds(event.at).to_string(),
                    instance: event.job.to_string(),
                    what: event.what.to_string(),
                })
                .collect(),
            spec: details.spec,
        }
    }
}

impl Failure {
    pub(super) fn new(error: Error) -> Self {
        match error {
            Error::Failed {
                code,
                message,
                hint,
            } => Self {
                code: code as u8,
                error: message,
                hint,
            },
            Error::ClosedPipe | Error::Exit(_) => Self {
                code: Code::Failure as u8,
                error: String::new(),
                hint: None,
            },
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let codes = [
            Code::Usage,
            Code::NotFound,
            Code::Unreachable,
            Code::Unauthorized,
        ];
        let code = codes.into_iter().find(|code| *code as u8 == failure.code);
        let error = Self::new(code.unwrap_or(Code::Failure), failure.error);
        match failure.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
