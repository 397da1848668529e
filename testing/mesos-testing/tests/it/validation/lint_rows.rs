//! Plays the rows of the lints on a real Mesos: a master refuses what a rule calls an error, and
//! accepts what a rule warns of, and the corrected descriptions.

#[path = "../../../../../mesos-core/src/lint/tests/row.rs"]
mod row;
#[path = "../../../../../mesos-core/src/lint/tests/rows/mod.rs"]
mod rows;

use std::net::SocketAddr;

use mesos_core::lint::{Lint, Linter, Severity};
use serde_json::{Value, json};

use self::row::Described;
use super::play::play;
use super::row::{Answer, Attempt, NOT_OFFERED, Row, accept, launch, merged, scalar};

/// Errors that a master does not find, with the place where the mistake has its effect.
const LATER: &[(&str, &str)] = &[
    (
        "command-without-value",
        "the agent: the task or its executor fails",
    ),
    ("invalid-port", "the check: nothing can listen at the port"),
    (
        "more-than-offered",
        "the offer of the row is not that of this master",
    ),
    (
        "port-outside-offer",
        "the offer of the row is not that of this master",
    ),
];

/// Rows of other rules whose mistake a master does not find, by the path.
const LATER_PATHS: &[(&str, &str)] = &[
    ("container.docker.port_mappings", "the Docker containerizer"),
    (
        "container.docker.port_mappings[0].host_port",
        "the Docker containerizer",
    ),
    ("container.hostname", "the Docker containerizer"),
    ("container.network_infos", "the Docker containerizer"),
];

/// A row that is not played: a real master ends, because `Framework::addTask` in
/// src/master/framework.cpp requires that the id is new, and a group is only compared with the tasks
/// of earlier calls.
const ENDS_THE_MASTER: (&str, &str) = ("duplicate-task-id", "task_group.tasks[1].task_id");

/// The effect of these errors is that the master does not offer such resources.
const NEVER_OFFERED: &[&str] = &["missing-capability", "role-not-subscribed"];

/// What a master answers to a row.
enum Expected {
    Accepted,
    Refused,
    /// The agents of the test do not have the resources.
    NotOffered,
}

/// The attempt of a description; `None` for a description that no call has.
fn attempt(described: Described) -> Option<Attempt> {
    let of_task = |task: Value| merged(task, json!({"agent_id": {"value": "$agent"}}));
    match described {
        Described::Credential(_) => None,
        Described::Framework(framework) => {
            let info = serde_json::to_value(framework).unwrap();
            let mut call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
            if let Some(id) = info.get("id") {
                call["framework_id"] = id.clone();
            }
            Some(Attempt::Subscribe(call))
        }
        Described::Executor(executor) => {
            let executor = serde_json::to_value(executor).unwrap();
            let task = |difference| super::row::task(difference);
            if executor["type"] != "DEFAULT" {
                let task = task(json!({"command": null, "executor": executor}));
                return Some(accept(&[launch(&[task])]));
            }
            // Only groups have such an executor.
            let executor = merged(
                executor,
                json!({"framework_id": {"value": "f"}, "resources": [
                    scalar("cpus", 0.1), scalar("mem", 32.0), scalar("disk", 1.0),
                ]}),
            );
            Some(accept(&[json!({"type": "LAUNCH_GROUP", "launch_group": {
                "executor": executor, "task_group": {"tasks": [task(json!({}))]},
            }})]))
        }
        Described::Task(task) => {
            let task = of_task(serde_json::to_value(task).unwrap());
            Some(accept(&[launch(&[task])]))
        }
        Described::Tasks(tasks) => {
            let tasks = tasks
                .iter()
                .map(|task| of_task(serde_json::to_value(task).unwrap()));
            Some(accept(&[launch(&Vec::from_iter(tasks))]))
        }
        Described::Group(executor, group) => {
            let tasks = group.tasks.iter();
            let tasks = tasks.map(|task| of_task(serde_json::to_value(task).unwrap()));
            Some(accept(&[json!({"type": "LAUNCH_GROUP", "launch_group": {
                "executor": executor, "task_group": {"tasks": Vec::from_iter(tasks)},
            }})]))
        }
    }
}

/// Gives an attempt the id of the framework that the master knows; the rows call it `f`.
fn with_id(attempt: Attempt) -> Attempt {
    match attempt {
        Attempt::Accept(body) => {
            let text = body.to_string();
            let own = r#""framework_id":{"value":"$framework"}"#;
            let text = text.replace(r#""framework_id":{"value":"f"}"#, own);
            Attempt::Accept(serde_json::from_str(&text).unwrap())
        }
        other => other,
    }
}

/// Whether the lints call the bad description of a row an error.
fn is_error(row: &self::row::Row) -> bool {
    let lints = row.lint(&row.bad);
    lints.iter().any(|lint| lint.severity == Severity::Error)
}

fn allows(expected: &Expected, answer: &Answer) -> bool {
    let not_offered = Answer::Task(
        "TASK_ERROR".to_owned(),
        "REASON_TASK_INVALID".to_owned(),
        NOT_OFFERED.to_owned(),
    )
    .allows(answer);
    match (expected, answer) {
        (Expected::NotOffered, _) => not_offered,
        // The corrected description can need what the agents do not have.
        (Expected::Accepted, answer) => not_offered || matches!(answer, Answer::Accepted),
        (Expected::Refused, Answer::Accepted) => false,
        (Expected::Refused, _) => !not_offered,
    }
}

/// What a master answers to the bad description of a row.
fn expected(row: &self::row::Row) -> Expected {
    let later = |list: &[(&str, &str)], name: &str| list.iter().any(|(one, _)| *one == name);
    let never_offered = row.path.starts_with("resources[2]") && !row.path.contains("allocation");
    if !is_error(row) || later(LATER, row.rule) || later(LATER_PATHS, row.path) {
        Expected::Accepted
    } else if NEVER_OFFERED.contains(&row.rule) && never_offered {
        Expected::NotOffered
    } else {
        Expected::Refused
    }
}

/// Plays all rows and fails with the list of all differences.
pub(super) async fn agree(master: SocketAddr, path: &str) {
    let mut wrong = Vec::new();
    let mut played = 0;
    for row in rows::rows() {
        let framework = row.framework_info();
        let on_master = Row::of(
            row.rule,
            row.path,
            Attempt::Accept(Value::Null),
            Answer::Accepted,
        );
        // The roles of the row, and no capabilities beyond those that the row is about.
        let on_master = match &framework {
            Some(info) => on_master.framework(json!({
                "roles": info.roles, "capabilities": info.capabilities,
            })),
            None if row.good.contains(r#""allocation_info": {"role": "a"}"#) => {
                on_master.framework(json!({"roles": ["a"]}))
            }
            None => on_master,
        };
        let bad = expected(&row);
        for (difference, expected) in [(&row.bad, &bad), (&row.good, &Expected::Accepted)] {
            if (row.rule, row.path) == ENDS_THE_MASTER && *difference == row.bad {
                continue;
            }
            let Some(attempt) = attempt(row.described(difference)) else {
                continue;
            };
            played += 1;
            let attempt = with_id(attempt);
            println!("{} {}: {attempt:?}", row.rule, row.path);
            let answer = play(master, path, &on_master, &attempt).await;
            if !allows(expected, &answer) {
                wrong.push(format!(
                    "{} {}\n  {attempt:?}\n  got: {answer:?}",
                    row.rule, row.path
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {played} attempts differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(played >= 200, "only {played} attempts were played");
}
