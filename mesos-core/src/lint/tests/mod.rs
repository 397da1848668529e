//! A row for each rule: a description that violates the rule, and a description that differs as
//! little as possible and has no findings. `testing/mesos-testing/tests/it/validation/lint_rows.rs`
//! plays the rows on a real Mesos.

mod row;
mod rows;

use std::collections::BTreeSet;

use self::row::{Row, task};
use super::*;

/// Every row has findings of its rule alone in the bad description, and none in the good one.
#[test]
fn each_rule_finds_its_mistake_and_accepts_the_corrected_description() {
    let mut wrong = Vec::new();
    for row in rows::rows() {
        let bad = row.lint(&row.bad);
        let only_this = bad.iter().all(|lint| lint.rule == row.rule);
        if bad.is_empty() || !only_this || !bad.iter().any(|lint| lint.path == row.path) {
            wrong.push(format!("{} {}: bad: {bad:#?}", row.rule, row.path));
        }
        let good = row.lint(&row.good);
        if !good.is_empty() {
            wrong.push(format!("{} {}: good: {good:#?}", row.rule, row.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_row() {
    let tested: BTreeSet<_> = rows::rows().iter().map(|row| row.rule).collect();
    let rules: BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(tested, rules);
    assert_eq!(rules.len(), RULES.len(), "a name occurs twice");
}

#[test]
fn a_rule_can_be_turned_off_and_a_warning_can_become_an_error() {
    let row = Row::task(
        "zero-amount",
        "resources[2]",
        r#"{"resources": [$cpus, $mem, {"name": "disk", "type": "SCALAR", "scalar": {"value": 0}}]}"#,
        "{}",
    );
    let task = task(&row.bad);
    let severities = |linter: Linter| -> Vec<Severity> {
        let lints = linter.lint_task(&task);
        lints.iter().map(|lint| lint.severity).collect()
    };
    assert_eq!(severities(Linter::new()), [Severity::Warning]);
    assert_eq!(
        severities(Linter::new().deny("zero-amount").unwrap()),
        [Severity::Error]
    );
    assert!(severities(Linter::new().allow("zero-amount").unwrap()).is_empty());
}

#[test]
fn the_name_of_an_unknown_rule_is_an_error() {
    let error = Linter::new().allow("zero").unwrap_err();
    assert!(error.to_string().contains("`zero`"), "{error}");
    Linter::new().deny("").unwrap_err();
}

#[test]
fn an_executor_of_several_tasks_is_counted_once() {
    let own = r#"{"command": null, "executor": {"executor_id": {"value": "e"},
        "command": {"value": "run"}, "resources": [$cpus, $mem]}"#;
    let tasks = ["a", "b"].map(|id| task(&format!(r#"{own}, "task_id": {{"value": "{id}"}}}}"#)));
    let rules = |offer: &str| -> Vec<&str> {
        let linter = Linter::new().offer(&offer.parse().unwrap());
        let lints = linter.lint_tasks(&tasks);
        lints.iter().map(|lint| lint.rule).collect()
    };
    assert!(rules("cpus:3;mem:96").is_empty());
    assert_eq!(rules("cpus:2.9;mem:96"), ["more-than-offered"]);
}

/// Every description may be empty: the messages of libmesos and of a file can be.
#[test]
fn an_empty_message_has_findings_and_no_panic() {
    let linter = Linter::new()
        .framework(&FrameworkInfo::default())
        .offer(&Resources::new());
    assert!(!linter.lint_task(&TaskInfo::default()).is_empty());
    assert!(!linter.lint_executor(&ExecutorInfo::default()).is_empty());
    assert!(!linter.lint_framework(&FrameworkInfo::default()).is_empty());
    assert!(!linter.lint_credential(&Credential::default()).is_empty());
    let group = TaskGroupInfo::default();
    assert!(
        !linter
            .lint_task_group(&ExecutorInfo::default(), &group)
            .is_empty()
    );
}
