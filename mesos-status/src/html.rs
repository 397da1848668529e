//! The pages.

use std::time::{Duration, SystemTime};

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use mesos_core::Error;
use mesos_framework::{
    JobCounts, JobFilter, JobList, JobState, JobStatus, JobSummary, Outcome, Runner, TimelineEvent,
};

use crate::api::{EndedQuery, JobQuery, rfc3339, status_of};
use crate::logs::{FILES, Log, Owner};
use crate::page::{Shared, State};
use crate::probe::trouble;
use crate::services::Service;

/// How many waiting jobs with their reports, and how many events, the first page has.
const WAITING: usize = 5;
const EVENTS: usize = 20;

/// What all pages have.
pub(crate) struct Frame {
    pub(crate) base: String,
    /// The path of the first page.
    pub(crate) home: String,
    pub(crate) framework: String,
    pub(crate) framework_id: String,
    pub(crate) connection: String,
    pub(crate) trouble: Option<String>,
    /// For readers who wonder whether the page still changes.
    pub(crate) rendered: String,
}

impl Frame {
    pub(crate) fn new(state: &Shared) -> Self {
        let runner = &state.runner;
        Self {
            home: match state.base.as_str() {
                "" => "/".to_owned(),
                base => base.to_owned(),
            },
            base: state.base.clone(),
            framework: runner.framework_name().to_owned(),
            framework_id: runner
                .framework_id()
                .map_or_else(String::new, |id| id.value),
            connection: runner.health().state.to_string(),
            trouble: trouble(runner),
            rendered: rfc3339(SystemTime::now()),
        }
    }
}

/// A job with why it waits.
struct Waiting {
    name: String,
    report: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    counts: JobCounts,
    services: Vec<Service>,
    offers: usize,
    waiting: Vec<Waiting>,
    events: Vec<Event>,
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct Jobs {
    frame: Frame,
    query: JobQuery,
    states: Vec<JobState>,
    rows: Vec<Row>,
    /// The name after which the next page starts.
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "job.html")]
struct Job {
    frame: Frame,
    row: Row,
    outcome: Option<Ended>,
    spec: String,
    reports: Vec<String>,
    logs: Vec<Log>,
    /// Why no output is shown.
    no_logs: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "ended.html")]
struct EndedJobs {
    frame: Frame,
    state: String,
    rows: Vec<(String, Ended)>,
}

#[derive(Template)]
#[template(path = "offers.html")]
struct Offers {
    frame: Frame,
    offers: Vec<Offer>,
}

#[derive(Template)]
#[template(path = "events.html")]
struct Events {
    frame: Frame,
    events: Vec<Event>,
}

#[derive(Template)]
#[template(path = "driver.html")]
struct Driver {
    frame: Frame,
    health: mesos_core::scheduler::Health,
    last_event: Option<String>,
    transitions: Vec<Transition>,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem {
    frame: Frame,
    title: &'static str,
    message: String,
}

/// A job in a table.
struct Row {
    name: String,
    state: &'static str,
    failures: u32,
    started: String,
    agent_id: String,
    hostname: String,
    tasks: String,
}

impl Row {
    fn new(job: &JobSummary) -> Self {
        let agent = job.status.agent();
        let state = match &job.status {
            JobStatus::Ended(outcome) if outcome.is_success() => "finished",
            JobStatus::Ended(_) => "failed",
            other => other.state().as_str(),
        };
        Self {
            name: job.name.clone(),
            state,
            failures: job.failures,
            started: job.started.map_or_else(String::new, rfc3339),
            agent_id: agent.map_or_else(String::new, |agent| agent.id.clone()),
            hostname: agent.map_or_else(String::new, |agent| agent.hostname.clone()),
            tasks: job.tasks.join(", "),
        }
    }
}

struct Ended {
    class: &'static str,
    state: &'static str,
    reason: &'static str,
    message: String,
    exit_status: Option<i32>,
    attempts: u32,
    at: String,
    duration: Option<String>,
}

impl Ended {
    fn new(outcome: &Outcome) -> Self {
        Self {
            class: match outcome.is_success() {
                true => "finished",
                false => "failed",
            },
            state: outcome.state.as_str_name(),
            reason: outcome.reason.map_or("", |reason| reason.as_str_name()),
            message: outcome.message.clone(),
            exit_status: outcome.exit_status,
            attempts: outcome.attempts,
            at: rfc3339(outcome.ended),
            duration: outcome.duration().as_ref().map(seconds),
        }
    }
}

struct Event {
    at: String,
    job: String,
    /// The path of the page about it.
    page: String,
    what: String,
}

impl From<TimelineEvent> for Event {
    fn from(event: TimelineEvent) -> Self {
        // Instances of services have the name of the service, a slash and a number.
        let page = match event.job.split_once('/') {
            Some((service, _)) => format!("services/{service}"),
            None => format!("jobs/{}", event.job),
        };
        Self {
            at: rfc3339(event.at),
            job: event.job.to_string(),
            page,
            what: event.what.to_string(),
        }
    }
}

struct Offer {
    agent_id: String,
    hostname: String,
    role: String,
    resources: String,
    declined_in: String,
}

struct Transition {
    at: String,
    state: String,
    generation: u64,
    reason: String,
}

/// A duration in seconds, for people.
fn seconds(duration: &Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

pub(crate) fn page(page: &impl Template) -> Response {
    respond(StatusCode::OK, page)
}

fn respond(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "bug: cannot render a page");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn problem(state: &Shared, status: StatusCode, title: &'static str, message: String) -> Response {
    let frame = Frame::new(state);
    let problem = Problem {
        frame,
        title,
        message,
    };
    respond(status, &problem)
}

pub(crate) fn failed(state: &Shared, error: &Error) -> Response {
    let status = status_of(error);
    let title = match status {
        StatusCode::NOT_FOUND => "Not found",
        _ => "Not available",
    };
    problem(state, status, title, format!("{error:#}"))
}

pub(crate) async fn not_found(state: State) -> Response {
    let message = "this page does not exist".to_owned();
    problem(&state, StatusCode::NOT_FOUND, "Not found", message)
}

async fn first_waiting(runner: &Runner) -> Result<Vec<Waiting>, Error> {
    let mut filter = JobFilter::default();
    filter.state = Some(JobState::Waiting);
    filter.limit = WAITING;
    let mut waiting = Vec::new();
    for job in runner.jobs(filter).await?.jobs {
        let newest = runner.reports(&job.name).await?.into_iter().next();
        let report = newest.map_or_else(
            || "no offer was compared with this job yet".to_owned(),
            |report| report.to_string(),
        );
        // The page shows the name in front of the report.
        let prefix = format!("{}: ", job.name);
        waiting.push(Waiting {
            report: report.strip_prefix(&prefix).unwrap_or(&report).to_owned(),
            name: job.name,
        });
    }
    Ok(waiting)
}

pub(crate) async fn overview(state: State) -> Response {
    let runner = &state.runner;
    let mut filter = JobFilter::default();
    filter.limit = 0;
    let content = async {
        let list: JobList = runner.jobs(filter).await?;
        Ok((list, first_waiting(runner).await?, runner.services().await?))
    };
    let (list, waiting, services) = match content.await {
        Ok(content) => content,
        Err(error) => return failed(&state, &error),
    };
    let events = runner.timeline().into_iter().take(EVENTS);
    page(&Overview {
        frame: Frame::new(&state),
        counts: list.counts,
        services: services.iter().map(Service::new).collect(),
        offers: runner.held_offers().len(),
        waiting,
        events: events.map(Event::from).collect(),
    })
}

pub(crate) async fn jobs(state: State, Query(query): Query<JobQuery>) -> Response {
    let filter = match query.filter() {
        Ok(filter) => filter,
        Err(message) => return problem(&state, StatusCode::BAD_REQUEST, "Wrong filter", message),
    };
    match state.runner.jobs(filter).await {
        Ok(list) => page(&Jobs {
            frame: Frame::new(&state),
            query,
            states: list.counts.by_state().map(|(state, _)| state).to_vec(),
            next: list
                .jobs
                .last()
                .filter(|_| list.more)
                .map(|job| job.name.clone()),
            rows: list.jobs.iter().map(Row::new).collect(),
        }),
        Err(error) => failed(&state, &error),
    }
}

pub(crate) async fn job(state: State, Path(name): Path<String>) -> Response {
    let details = match state.runner.describe(name).await {
        Ok(details) => details,
        Err(error) => return failed(&state, &error),
    };
    let summary = &details.summary;
    let outcome = summary.status.outcome().map(Ended::new);
    let (logs, no_logs) = output(&state, &Owner::from(summary)).await;
    page(&Job {
        frame: Frame::new(&state),
        row: Row::new(summary),
        outcome,
        spec: serde_json::to_string_pretty(&details.spec).unwrap_or_default(),
        reports: details.reports.iter().map(ToString::to_string).collect(),
        logs,
        no_logs,
    })
}

/// The output of tasks, or why no output is shown.
pub(crate) async fn output(state: &Shared, of: &Owner<'_>) -> (Vec<Log>, Option<&'static str>) {
    match &state.logs {
        None => (
            Vec::new(),
            Some("This program does not show output of tasks."),
        ),
        Some(_) if of.agent_id.is_none() => (Vec::new(), Some("No task has started.")),
        Some(logs) => (logs.all(of).await, None),
    }
}

/// The last part of a file of a job, as plain text.
pub(crate) async fn log(
    state: State,
    Path((name, task, file)): Path<(String, String, String)>,
) -> Response {
    let details = match state.runner.describe(name).await {
        Ok(details) => details,
        Err(error) => return failed(&state, &error),
    };
    plain_file(state, &Owner::from(&details.summary), &task, &file).await
}

/// The last part of a file, as plain text.
pub(crate) async fn plain_file(state: State, of: &Owner<'_>, task: &str, file: &str) -> Response {
    let Some(logs) = &state.logs else {
        let message = "this program does not show output of tasks".to_owned();
        return problem(&state, StatusCode::NOT_FOUND, "Not found", message);
    };
    let Some(file) = FILES.into_iter().find(|known| *known == file) else {
        return not_found(state).await;
    };
    match logs.tail(of, task, file).await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response(),
        Err(error) => failed(&state, &error),
    }
}

pub(crate) async fn ended(state: State, Query(query): Query<EndedQuery>) -> Response {
    let jobs = match query.jobs(&state.runner) {
        Ok(jobs) => jobs,
        Err(message) => return problem(&state, StatusCode::BAD_REQUEST, "Wrong filter", message),
    };
    let rows = jobs.iter().map(|one| (one.name.clone(), Ended::new(one)));
    page(&EndedJobs {
        frame: Frame::new(&state),
        rows: rows.collect(),
        state: query.state,
    })
}

pub(crate) async fn offers(state: State) -> Response {
    let offers = state.runner.held_offers().into_iter().map(|offer| Offer {
        agent_id: offer.agent_id,
        hostname: offer.hostname,
        role: offer.role.unwrap_or_default(),
        resources: offer.resources,
        declined_in: seconds(&offer.expires_in),
    });
    page(&Offers {
        frame: Frame::new(&state),
        offers: offers.collect(),
    })
}

pub(crate) async fn events(state: State) -> Response {
    let events = state.runner.timeline().into_iter().map(Event::from);
    page(&Events {
        frame: Frame::new(&state),
        events: events.collect(),
    })
}

pub(crate) async fn driver(state: State) -> Response {
    let health = state.runner.health();
    let transitions = health.transitions.iter().rev().map(|one| Transition {
        at: rfc3339(one.at),
        state: one.state.to_string(),
        generation: one.generation,
        reason: one
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!("{reason:#}")),
    });
    page(&Driver {
        frame: Frame::new(&state),
        transitions: transitions.collect(),
        last_event: health.last_event.as_ref().map(seconds),
        health,
    })
}
