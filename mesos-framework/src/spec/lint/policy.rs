//! Times, numbers and policies.

use std::time::Duration;

use mesos_core::lint::Lint;
use mesos_core::resources::Resources;

use super::error;
use crate::spec::{JobSpec, RestartPolicy, RetryPolicy, UpdatePolicy, UpdateStrategy};

const RULE: &str = "invalid-policy";

pub(super) fn job(job: &JobSpec) -> Vec<Lint> {
    let mut lints = Vec::new();
    if job.timeout == Some(Duration::ZERO) {
        let remedy = "use a longer time, or remove the timeout";
        lints.push(error(RULE, "timeout", "the job has no time to run", remedy));
    }
    for (place, name) in job.after.iter().enumerate() {
        let path = format!("after[{place}]");
        if *name == job.name {
            let message = "the job waits for itself";
            lints.push(error("dependency-cycle", path, message, "remove the name"));
        } else if job.after[..place].contains(name) {
            let message = format!("the job {name:?} is listed twice");
            lints.push(error("duplicate-name", path, message, "remove the name"));
        }
    }
    lints
}

pub(super) fn retry(policy: &RetryPolicy) -> Vec<Lint> {
    let mut lints = growth(policy.first_delay, policy.factor, policy.max_delay);
    lints.extend(from_one("max_attempts", policy.max_attempts));
    lints
}

pub(super) fn restart(policy: &RestartPolicy) -> Vec<Lint> {
    let mut lints = growth(policy.first_delay, policy.factor, policy.max_delay);
    lints.extend(from_one("crash_loop_after", policy.crash_loop_after));
    lints
}

pub(super) fn update(policy: &UpdatePolicy) -> Vec<Lint> {
    let mut lints = Vec::from_iter(from_one("batch", policy.batch));
    if policy.timeout <= policy.healthy_for {
        let message = format!(
            "a new instance must be healthy for {:?}, but has only {:?} for that",
            policy.healthy_for, policy.timeout
        );
        let remedy = "raise timeout above healthy_for";
        lints.push(error("contradiction", "timeout", message, remedy));
    }
    if policy.strategy == UpdateStrategy::BlueGreen && policy.start_first {
        let message = "a blue_green update always starts the new instances first";
        let remedy = "remove start_first";
        lints.push(error("contradiction", "start_first", message, remedy));
    }
    lints
}

/// The new instance needs what the old instance has.
pub(super) fn one_at_a_time(policy: &UpdatePolicy) -> Option<Lint> {
    let field = match policy.strategy {
        UpdateStrategy::BlueGreen => "strategy",
        UpdateStrategy::Rolling if policy.start_first => "start_first",
        UpdateStrategy::Rolling => return None,
    };
    let message = "a persistent volume belongs to one instance, so the old one must stop first";
    let remedy = "use a rolling update without start_first";
    let path = format!("update.{field}");
    Some(error("contradiction", path, message, remedy))
}

fn from_one(path: &str, number: u32) -> Option<Lint> {
    (number == 0).then(|| {
        error(
            RULE,
            path,
            "the number must be 1 or more, but is 0",
            "use 1",
        )
    })
}

fn growth(first: Duration, factor: f64, max: Duration) -> Vec<Lint> {
    let mut lints = Vec::new();
    // Not for NaN, either.
    if !(1.0..=1e6).contains(&factor) {
        let message = format!("the factor must be 1 to 1000000, but is {factor}");
        lints.push(error(
            RULE,
            "factor",
            message,
            "use 2, or 1 for equal delays",
        ));
    }
    if first > max {
        let message = format!("the longest delay {max:?} is below the first delay {first:?}");
        let remedy = "raise max_delay, or lower first_delay";
        lints.push(error("contradiction", "max_delay", message, remedy));
    }
    lints
}

/// Resources that a file cannot express.
pub(super) fn text_form(path: &str, resources: &Resources) -> Option<Lint> {
    let text = resources.to_string();
    let same = text
        .parse::<Resources>()
        .is_ok_and(|parsed| parsed == *resources);
    if same || resources.is_empty() {
        return None;
    }
    let message = format!("the resources {text} have no text form, so they cannot be stored");
    let remedy =
        "use names and amounts; the placement chooses reservations and revocable resources";
    Some(error("invalid-resource", path, message, remedy))
}
