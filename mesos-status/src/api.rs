//! The content of the pages as JSON.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mesos_core::{Error, ErrorKind};
use mesos_framework::{JobFilter, JobSummary, Outcome, Runner};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::page::State;
use crate::probe::trouble;

/// The query of a list of jobs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct JobQuery {
    pub(crate) state: String,
    pub(crate) contains: String,
    pub(crate) after: String,
}

impl JobQuery {
    /// # Errors
    /// The state is not known.
    pub(crate) fn filter(&self) -> Result<JobFilter, String> {
        let mut filter = JobFilter::default();
        filter.state = match self.state.as_str() {
            "" => None,
            state => Some(state.parse()?),
        };
        filter.contains.clone_from(&self.contains);
        filter.after.clone_from(&self.after);
        Ok(filter)
    }
}

/// The query of a list of jobs that have ended.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EndedQuery {
    pub(crate) state: String,
}

impl EndedQuery {
    /// # Errors
    /// The state is not known.
    pub(crate) fn jobs(&self, runner: &Runner) -> Result<Vec<Arc<Outcome>>, String> {
        let success = match self.state.as_str() {
            "" => None,
            "finished" => Some(true),
            "failed" => Some(false),
            other => return Err(format!("{other:?} is neither finished nor failed")),
        };
        let mut jobs = runner.ended_jobs();
        jobs.retain(|one| success.is_none_or(|wanted| one.is_success() == wanted));
        Ok(jobs)
    }
}

/// A time as RFC 3339 in UTC, with milliseconds.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

#[derive(Serialize)]
struct Job<'a> {
    name: &'a str,
    state: &'static str,
    failures: u32,
    started: Option<String>,
    agent_id: Option<&'a str>,
    hostname: Option<&'a str>,
    tasks: &'a [String],
    /// Why the job is delayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Value>,
}

impl<'a> Job<'a> {
    fn new(job: &'a JobSummary) -> Self {
        let agent = job.status.agent();
        Self {
            name: &job.name,
            state: job.status.state().as_str(),
            failures: job.failures,
            started: job.started.map(rfc3339),
            agent_id: agent.map(|agent| agent.id.as_str()),
            hostname: agent.map(|agent| agent.hostname.as_str()),
            tasks: &job.tasks,
            failure: job.status.failure(),
            outcome: job.status.outcome().map(outcome),
        }
    }
}

fn outcome(outcome: &Outcome) -> Value {
    json!({
        "state": outcome.state.as_str_name(),
        "reason": outcome.reason.map(|reason| reason.as_str_name()),
        "message": outcome.message,
        "exit_status": outcome.exit_status,
        "attempts": outcome.attempts,
        "ended": rfc3339(outcome.ended),
    })
}

pub(crate) fn status_of(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::Config => StatusCode::NOT_FOUND,
        ErrorKind::Rejected => StatusCode::BAD_GATEWAY,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn failed(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

fn answer(content: Result<Value, Error>) -> Response {
    match content {
        Ok(content) => Json(content).into_response(),
        Err(error) => failed(status_of(&error), &format!("{error:#}")),
    }
}

pub(crate) async fn overview(state: State) -> Response {
    let runner = &state.runner;
    let mut filter = JobFilter::default();
    filter.limit = 0;
    answer(runner.jobs(filter).await.map(|list| {
        let by_state = list.counts.by_state().into_iter();
        let by_state = by_state.map(|(state, count)| (state.as_str().to_owned(), json!(count)));
        let health = runner.health();
        json!({
            "framework": runner.framework_name(),
            "framework_id": runner.framework_id().map(|id| id.value),
            "connection": health.state.to_string(),
            "trouble": trouble(runner),
            "jobs": serde_json::Map::from_iter(by_state),
            "finished": list.counts.finished,
            "failed": list.counts.failed,
            "offers_held": runner.held_offers().len(),
            "updates": {
                "received": health.updates.received,
                "handled": health.updates.handled,
                "failed": health.updates.failed,
                "acknowledged": health.updates.acknowledged,
            },
        })
    }))
}

pub(crate) async fn jobs(state: State, Query(query): Query<JobQuery>) -> Response {
    let filter = match query.filter() {
        Ok(filter) => filter,
        Err(message) => return failed(StatusCode::BAD_REQUEST, &message),
    };
    answer(state.runner.jobs(filter).await.map(|list| {
        let jobs: Vec<Job<'_>> = list.jobs.iter().map(Job::new).collect();
        json!({ "jobs": jobs, "more": list.more })
    }))
}

pub(crate) async fn ended(state: State, Query(query): Query<EndedQuery>) -> Response {
    match query.jobs(&state.runner) {
        Err(message) => failed(StatusCode::BAD_REQUEST, &message),
        Ok(jobs) => {
            let jobs = jobs.iter().map(|one| {
                let mut job = outcome(one);
                job["name"] = json!(one.name);
                job
            });
            Json(json!({ "jobs": jobs.collect::<Vec<_>>() })).into_response()
        }
    }
}

pub(crate) async fn job(state: State, Path(name): Path<String>) -> Response {
    answer(state.runner.describe(name).await.map(|details| {
        let reports = details.reports.iter().map(ToString::to_string);
        json!({
            "job": Job::new(&details.summary),
            "spec": details.spec,
            "reports": reports.collect::<Vec<_>>(),
        })
    }))
}

pub(crate) async fn services(state: State) -> Response {
    answer(state.runner.services().await.map(|services| {
        let services = services.iter().map(|service| {
            let instances = service.instances.iter().map(|one| {
                json!({
                    "number": one.number,
                    "generation": one.generation,
                    "state": one.state.as_str(),
                    "agent_id": one.agent.as_ref().map(|agent| &agent.id),
                    "hostname": one.agent.as_ref().map(|agent| &agent.hostname),
                    "tasks": one.task_ids,
                    "ends": one.ends,
                    "last_end": one.last_end,
                })
            });
            json!({
                "name": service.name,
                "wanted": service.wanted,
                "ready": service.ready(),
                "state": service.summary(),
                "generation": service.generation,
                "instances": instances.collect::<Vec<_>>(),
            })
        });
        json!({ "services": services.collect::<Vec<_>>() })
    }))
}

pub(crate) async fn offers(state: State) -> Response {
    let offers = state.runner.held_offers().into_iter().map(|offer| {
        json!({
            "id": offer.id,
            "agent_id": offer.agent_id,
            "hostname": offer.hostname,
            "role": offer.role,
            "resources": offer.resources,
            "expires_in_seconds": offer.expires_in.as_secs_f64(),
        })
    });
    Json(json!({ "offers": offers.collect::<Vec<_>>() })).into_response()
}

pub(crate) async fn events(state: State) -> Response {
    let events = state.runner.timeline().into_iter().map(|event| {
        json!({
            "at": rfc3339(event.at),
            "job": &*event.job,
            "what": event.what.to_string(),
        })
    });
    Json(json!({ "events": events.collect::<Vec<_>>() })).into_response()
}
