//! Compares the lints of `mesos-core` with the table: a real Mesos refuses what the lints call an
//! error, and the lints find what a real Mesos refuses.

use std::collections::BTreeSet;

use mesos_core::lint::{Lint, Linter, Severity};
use mesos_core::resources::Resources;
use mesos_proto::v1::offer::Operation;
use serde_json::{Value, json};

use super::play::info;
use super::row::{Answer, Attempt, Row};
use super::{RESOURCES, table};

/// Rows about what a description does not contain: tasks and executors that run already, offers,
/// and the other fields of a call.
const UNKNOWN_TO_THE_LINTS: &[&str] = &[
    "an agent that did not make the offer",
    "an unknown offer of a framework that is not partition aware",
    "a second group of an executor with other cgroups",
    "no offers",
    "an offer twice",
    "an offer that does not exist",
    "offers of two agents",
    "LAUNCH with an id",
    "LAUNCH_GROUP with an id",
    "SUBSCRIBE with two framework ids",
    "a suppressed role that is not one of the roles",
    "constraints of a role without groups",
    "a group of constraints that is empty",
    "a constraint without a selector",
    "a constraint of an unknown pseudoattribute",
    "a constraint without a predicate",
];

#[test]
fn the_lints_find_what_a_master_refuses_and_no_error_in_what_it_accepts() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    let mut unknown: BTreeSet<&str> = UNKNOWN_TO_THE_LINTS.iter().copied().collect();
    for row in table() {
        for (attempt, answer) in [(&row.bad, &row.refusal), (&row.good, &row.answer)] {
            let Some(lints) = lints(&row, attempt) else {
                continue;
            };
            compared += 1;
            let errors: Vec<&Lint> = lints
                .iter()
                .filter(|lint| lint.severity == Severity::Error)
                .collect();
            let accepted = matches!(answer, Answer::Accepted);
            let known = accepted || !unknown.remove(row.name);
            if known && errors.is_empty() != accepted {
                wrong.push(format!("{}: {answer:?}, but {lints:#?}", row.name));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared}\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(unknown.is_empty(), "the lints find {unknown:?}");
    assert!(compared > 100, "only {compared} attempts were compared");
}

/// The findings, or `None` for an attempt that is not about a message that has lints.
fn lints(row: &Row, attempt: &Attempt) -> Option<Vec<Lint>> {
    match attempt {
        Attempt::Accept(body) => {
            let mut framework = info(row);
            framework["id"] = json!({"value": "$framework"});
            let framework = serde_json::from_value(framework).unwrap();
            let offer: Resources = RESOURCES.parse().unwrap();
            let linter = Linter::new().framework(&framework).offer(&offer);
            let operations = body["operations"].as_array()?;
            let operations: Option<Vec<Operation>> = operations.iter().map(operation).collect();
            let mut lints = Vec::new();
            for operation in operations? {
                if let Some(launch) = &operation.launch {
                    lints.extend(linter.lint_tasks(&launch.task_infos));
                } else {
                    let group = operation.launch_group.as_ref()?;
                    lints.extend(linter.lint_task_group(&group.executor, &group.task_group));
                }
            }
            Some(lints)
        }
        Attempt::Subscribe(call) => {
            let info = call["subscribe"]["framework_info"].clone();
            let info = serde_json::from_value(info).ok()?;
            Some(Linter::new().lint_framework(&info))
        }
        Attempt::Call(_) | Attempt::Resubscribe(_) => None,
    }
}

/// `None` if the operation lacks a required field, which the table tests, too.
fn operation(operation: &Value) -> Option<Operation> {
    serde_json::from_value(operation.clone()).ok()
}
