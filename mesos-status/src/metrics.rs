//! Metrics for Prometheus.

use std::sync::atomic::AtomicU64;

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mesos_core::scheduler::SessionState;
use mesos_framework::JobFilter;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::page::State;

/// The version of the format that `encode` writes.
const KIND: (HeaderName, &str) = (
    header::CONTENT_TYPE,
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
);

type ByState = Family<[(&'static str, String); 1], Gauge<u64, AtomicU64>>;

pub(crate) async fn render(state: State) -> Response {
    let runner = &state.runner;
    let health = runner.health();
    let mut filter = JobFilter::default();
    filter.limit = 0;
    let jobs = runner.jobs(filter).await;

    let mut registry = Registry::with_prefix_and_labels(
        "mesos_framework",
        [(
            "framework".into(),
            runner.framework_name().to_owned().into(),
        )]
        .into_iter(),
    );
    let subscribed = health.state == SessionState::Subscribed;
    let writable = runner.state_failure().borrow().is_none();
    for (name, help, value) in [
        (
            "subscribed",
            "1 while the framework is subscribed",
            u64::from(subscribed),
        ),
        (
            "state_writable",
            "1 while the state can be written",
            u64::from(writable),
        ),
        (
            "offers_held",
            "Offers that wait for a task",
            runner.held_offers().len() as u64,
        ),
    ] {
        registry.register(name, help, ConstGauge::new(value));
    }
    if let Ok(jobs) = jobs {
        let live = ByState::default();
        for (state, count) in jobs.counts.by_state() {
            let label = [("state", state.as_str().to_owned())];
            live.get_or_create(&label).set(count as u64);
        }
        registry.register("jobs", "Jobs that have not ended", live);
        let finished = ConstCounter::new(jobs.counts.finished);
        let failed = ConstCounter::new(jobs.counts.failed);
        registry.register(
            "jobs_finished",
            "Jobs that ended well since the start",
            finished,
        );
        registry.register(
            "jobs_failed",
            "Jobs that ended otherwise since the start",
            failed,
        );
    }
    let mut text = String::new();
    if let Err(error) = encode(&mut text, &registry) {
        let message = format!("cannot encode the metrics: {error}\n");
        return (StatusCode::INTERNAL_SERVER_ERROR, message).into_response();
    }
    if let Some(more) = &state.metrics {
        // The text of an exporter has lines of its own, and the end belongs behind the last line.
        let end = "# EOF\n";
        let own = text.strip_suffix(end).unwrap_or(&text).to_owned();
        let more = more();
        let more = more.strip_suffix(end).unwrap_or(&more);
        text = format!(
            "{own}{more}{}{end}",
            if more.is_empty() || more.ends_with('\n') {
                ""
            } else {
                "\n"
            }
        );
    }
    ([KIND], text).into_response()
}
