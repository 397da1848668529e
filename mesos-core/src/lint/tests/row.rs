//! The notation of the rows. Descriptions are JSON, merged into a description without findings:
//! objects are merged, `null` removes a field, anything else replaces. `$cpus` and `$mem` are
//! usual resources, and `$ports` are the ports 31000 to 31001.
//!
//! The tests of `mesos-testing` use this file and the rows, too.

use mesos_proto::v1::{Credential, ExecutorInfo, FrameworkInfo, TaskGroupInfo, TaskInfo};
use serde_json::{Value, json};

use super::{Lint, Linter};

enum Kind {
    Framework,
    Credential,
    Executor,
    Task,
    Tasks,
    Group,
}

/// A description.
#[expect(clippy::large_enum_variant, reason = "a test has few of them")]
pub(super) enum Described {
    Framework(FrameworkInfo),
    Credential(Credential),
    Executor(ExecutorInfo),
    Task(TaskInfo),
    Tasks(Vec<TaskInfo>),
    Group(ExecutorInfo, TaskGroupInfo),
}

pub(super) struct Row {
    kind: Kind,
    pub(super) rule: &'static str,
    pub(super) path: &'static str,
    pub(super) bad: String,
    pub(super) good: String,
    framework: Option<&'static str>,
    offer: Option<&'static str>,
    /// The difference of the first of several tasks.
    first: &'static str,
}

/// Reads JSON with the short names of resources.
fn json_of(text: &str) -> Value {
    let text = text
        .replace("$cpus", r#"{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}}"#)
        .replace("$mem", r#"{"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}"#)
        .replace(
            "$ports",
            r#"{"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 31001}]}}"#,
        );
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn merged(mut target: Value, difference: Value) -> Value {
    match (&mut target, difference) {
        (Value::Object(fields), Value::Object(differences)) => {
            for (name, difference) in differences {
                match difference {
                    Value::Null => drop(fields.remove(&name)),
                    difference => {
                        let old = fields.remove(&name).unwrap_or_else(|| json!({}));
                        fields.insert(name, merged(old, difference));
                    }
                }
            }
            target
        }
        (_, difference) => difference,
    }
}

fn with<T: serde::de::DeserializeOwned>(usual: &str, difference: &str) -> T {
    let value = merged(json_of(usual), json_of(difference));
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}: {difference}"))
}

const TASK: &str = r#"{"name": "t", "task_id": {"value": "t"}, "agent_id": {"value": ""},
    "command": {"value": "true"}, "resources": [$cpus, $mem]}"#;
const EXECUTOR: &str = r#"{"executor_id": {"value": "e"}, "command": {"value": "run"},
    "resources": [$cpus, $mem]}"#;
const FRAMEWORK: &str = r#"{"user": "u", "name": "f", "roles": ["*"],
    "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}]}"#;
const CREDENTIAL: &str = r#"{"principal": "p", "secret": "s"}"#;
const DEFAULT_EXECUTOR: &str = r#"{"executor_id": {"value": "e"}, "type": "DEFAULT",
    "framework_id": {"value": "f"},
    "resources": [$cpus, $mem, {"name": "disk", "type": "SCALAR", "scalar": {"value": 1}}]}"#;

/// A difference with the id of the second task.
fn second(mut difference: Value) -> String {
    if difference.get("task_id").is_none() {
        difference["task_id"] = json!({"value": "second"});
    }
    difference.to_string()
}

pub(super) fn task(difference: &str) -> TaskInfo {
    with(TASK, difference)
}

impl Row {
    fn new(
        kind: Kind,
        rule: &'static str,
        path: &'static str,
        bad: impl Into<String>,
        good: impl Into<String>,
    ) -> Self {
        let (bad, good) = (bad.into(), good.into());
        Self {
            kind,
            rule,
            path,
            bad,
            good,
            framework: None,
            offer: None,
            first: "{}",
        }
    }

    pub(super) fn framework(rule: &'static str, path: &'static str, bad: &str, good: &str) -> Self {
        Self::new(Kind::Framework, rule, path, bad, good)
    }

    pub(super) fn credential(
        rule: &'static str,
        path: &'static str,
        bad: &str,
        good: &str,
    ) -> Self {
        Self::new(Kind::Credential, rule, path, bad, good)
    }

    pub(super) fn executor(rule: &'static str, path: &'static str, bad: &str, good: &str) -> Self {
        Self::new(Kind::Executor, rule, path, bad, good)
    }

    pub(super) fn task(rule: &'static str, path: &'static str, bad: &str, good: &str) -> Self {
        Self::new(Kind::Task, rule, path, bad, good)
    }

    /// Two tasks; the differences are those of the second one, whose id is `second`.
    pub(super) fn tasks(rule: &'static str, path: &'static str, bad: &str, good: &str) -> Self {
        Self::new(Kind::Tasks, rule, path, bad, good)
    }

    /// A task group: an object with the differences of `executor`, `first` and `second`.
    pub(super) fn group(rule: &'static str, path: &'static str, bad: &str, good: &str) -> Self {
        Self::new(Kind::Group, rule, path, bad, good)
    }

    /// The linter knows the framework, which has this difference to the usual one.
    pub(super) fn of(mut self, framework: &'static str) -> Self {
        self.framework = Some(framework);
        self
    }

    /// The linter knows the offer.
    pub(super) fn on(mut self, offer: &'static str) -> Self {
        self.offer = Some(offer);
        self
    }

    /// The first task has this difference.
    pub(super) fn after(mut self, first: &'static str) -> Self {
        self.first = first;
        self
    }

    /// What the row describes with a difference.
    pub(super) fn described(&self, difference: &str) -> Described {
        match self.kind {
            Kind::Framework => Described::Framework(with(FRAMEWORK, difference)),
            Kind::Credential => Described::Credential(with(CREDENTIAL, difference)),
            Kind::Executor => Described::Executor(with(EXECUTOR, difference)),
            Kind::Task => Described::Task(task(difference)),
            Kind::Tasks => {
                Described::Tasks(vec![task(self.first), task(&second(json_of(difference)))])
            }
            Kind::Group => {
                let parts = json_of(difference);
                let part = |name: &str| parts.get(name).cloned().unwrap_or_else(|| json!({}));
                let executor = with(DEFAULT_EXECUTOR, &part("executor").to_string());
                let first = task(&part("first").to_string());
                let tasks = vec![first, task(&second(part("second")))];
                Described::Group(executor, TaskGroupInfo { tasks })
            }
        }
    }

    /// The findings in what the row describes.
    pub(super) fn lint(&self, difference: &str) -> Vec<Lint> {
        let mut linter = Linter::new();
        if let Some(framework) = self.framework_info() {
            linter = linter.framework(&framework);
        }
        if let Some(offer) = self.offer {
            linter = linter.offer(&offer.parse().unwrap());
        }
        match self.described(difference) {
            Described::Framework(framework) => linter.lint_framework(&framework),
            Described::Credential(credential) => linter.lint_credential(&credential),
            Described::Executor(executor) => linter.lint_executor(&executor),
            Described::Task(task) => linter.lint_task(&task),
            Described::Tasks(tasks) => linter.lint_tasks(&tasks),
            Described::Group(executor, group) => linter.lint_task_group(&executor, &group),
        }
    }

    /// The framework of the description, if the row is about it.
    pub(super) fn framework_info(&self) -> Option<FrameworkInfo> {
        Some(with(FRAMEWORK, self.framework?))
    }
}
