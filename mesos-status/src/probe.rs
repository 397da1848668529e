//! Probes for supervisors and load balancers.

use axum::http::StatusCode;
use mesos_core::scheduler::SessionState;
use mesos_framework::Runner;

use crate::page::State;

/// What keeps the framework from working; `None` if it works.
pub(crate) fn trouble(runner: &Runner) -> Option<String> {
    let health = runner.health();
    if health.state != SessionState::Subscribed {
        let reason = health.transitions.iter().rev().find_map(|transition| {
            let reason = transition.reason.as_ref()?;
            Some(format!(": {reason:#}"))
        });
        let reason = reason.unwrap_or_default();
        return Some(format!(
            "the framework is not subscribed ({}){reason}",
            health.state
        ));
    }
    let failure = runner.state_failure().borrow().clone();
    failure.map(|failure| format!("the state cannot be written: {failure}"))
}

pub(crate) async fn alive(state: State) -> (StatusCode, String) {
    match state.runner.health().state {
        SessionState::Ended => {
            let trouble = trouble(&state.runner).unwrap_or_default();
            (StatusCode::SERVICE_UNAVAILABLE, format!("{trouble}\n"))
        }
        _ => (StatusCode::OK, "ok\n".to_owned()),
    }
}

pub(crate) async fn ready(state: State) -> (StatusCode, String) {
    match trouble(&state.runner) {
        Some(trouble) => (StatusCode::SERVICE_UNAVAILABLE, format!("{trouble}\n")),
        None => (StatusCode::OK, "ok\n".to_owned()),
    }
}
