//! Mistakes in specifications.

mod policy;
mod task;

use std::fmt;

use mesos_core::lint::{Lint, Linter, Severity};
use mesos_proto::v1::{FrameworkId, TaskId};

use super::{JobSpec, PodSpec, ServiceSpec, Workload};

/// More instances than this do not change what the lints find.
const MOST_INSTANCES: u32 = 10_000;

/// A specification with at least one error, and all findings.
///
/// `Display` prints one line for each finding after the first line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidSpec {
    /// What is invalid, such as `the job "train"`.
    what: String,
    lints: Vec<Lint>,
}

impl InvalidSpec {
    /// All findings, the warnings included.
    pub fn lints(&self) -> &[Lint] {
        &self.lints
    }
}

impl fmt::Display for InvalidSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is invalid:", self.what)?;
        self.lints.iter().try_for_each(|lint| write!(f, "\n{lint}"))
    }
}

/// The warnings, or an error if one of the findings is an error.
pub(super) fn judge(what: String, lints: Vec<Lint>) -> Result<Vec<Lint>, InvalidSpec> {
    match lints.iter().any(|lint| lint.severity == Severity::Error) {
        true => Err(InvalidSpec { what, lints }),
        false => Ok(lints),
    }
}

pub(super) fn error(
    rule: &'static str,
    path: impl Into<String>,
    message: impl Into<String>,
    remedy: impl Into<String>,
) -> Lint {
    Lint {
        rule,
        severity: Severity::Error,
        path: path.into(),
        message: message.into(),
        remedy: remedy.into(),
    }
}

/// The findings of a part of a specification.
pub(super) fn within(
    path: impl fmt::Display,
    lints: impl IntoIterator<Item = Lint>,
) -> impl Iterator<Item = Lint> {
    lints.into_iter().map(move |mut lint| {
        lint.path = match lint.path.as_str() {
            "" => path.to_string(),
            inner => format!("{path}.{inner}"),
        };
        lint
    })
}

impl JobSpec {
    /// Finds mistakes in the job: contradictory values, and what Mesos would refuse.
    ///
    /// The path of a finding is the path of the key, or of the field of Mesos' message that is made
    /// from the key. Give the linter the framework, so that it finds roles and capabilities that
    /// the framework does not have.
    pub fn lint(&self, linter: &Linter) -> Vec<Lint> {
        let mut lints = name(&self.name);
        lints.extend(self.workload.lint(linter, 1));
        lints.extend(within("retry", policy::retry(&self.retry)));
        lints.extend(policy::job(self));
        lints
    }

    /// Checks everything that can be checked before the job starts. Returns the warnings.
    ///
    /// # Errors
    /// [`InvalidSpec`] with all findings, if one of them is an error.
    pub fn validate(&self, linter: &Linter) -> Result<Vec<Lint>, InvalidSpec> {
        judge(format!("the job {:?}", self.name), self.lint(linter))
    }
}

impl ServiceSpec {
    /// Finds mistakes in the service, as [`JobSpec::lint`] does.
    pub fn lint(&self, linter: &Linter) -> Vec<Lint> {
        let mut lints = name(&self.name);
        lints.extend(self.workload.lint(linter, self.instances.max(1)));
        lints.extend(within("restart", policy::restart(&self.restart)));
        lints.extend(within("update", policy::update(&self.update)));
        if self.has_persistent_volume() {
            lints.extend(policy::one_at_a_time(&self.update));
        }
        lints
    }

    /// Checks everything that can be checked before the service starts. Returns the warnings.
    ///
    /// # Errors
    /// [`InvalidSpec`] with all findings, if one of them is an error.
    pub fn validate(&self, linter: &Linter) -> Result<Vec<Lint>, InvalidSpec> {
        judge(format!("the service {:?}", self.name), self.lint(linter))
    }
}

impl ServiceSpec {
    fn has_persistent_volume(&self) -> bool {
        let volumes = self.workload.tasks().iter().flat_map(|task| &task.volumes);
        volumes
            .into_iter()
            .any(|volume| volume.persistent.is_some())
    }
}

/// The name is a part of task ids and of keys of the state.
fn name(name: &str) -> Vec<Lint> {
    let wrong = |c: char| c == '/' || c == '\\' || c.is_control() || c.is_whitespace();
    if !name.is_empty() && name.len() <= 128 && !name.contains(wrong) && !name.starts_with('.') {
        return Vec::new();
    }
    let message = format!("{name:?} cannot be the name of a job or service");
    let remedy = "use 1 to 128 bytes without slashes, blanks and control characters, not starting \
                  with a dot";
    vec![error("invalid-name", "name", message, remedy)]
}

impl Workload {
    fn lint(&self, linter: &Linter, instances: u32) -> Vec<Lint> {
        let (path, mut lints) = match self {
            Self::Task(task) => ("task", task::outside_of_pod(task)),
            Self::Pod(pod) => ("pod", of_pod(pod)),
        };
        let ids = (0..instances.min(MOST_INSTANCES)).map(|id| TaskId::from(id.to_string()));
        let request = self.request(&FrameworkId::from("unknown"), ids);
        lints.extend(request.lint(linter));
        within(path, lints).collect()
    }
}

fn of_pod(pod: &PodSpec) -> Vec<Lint> {
    let tasks = pod.tasks.iter().enumerate();
    let tasks =
        tasks.flat_map(|(place, task)| within(format!("tasks[{place}]"), task::in_pod(task)));
    let mut lints = Vec::new();
    task::networks(&mut lints, &pod.networks);
    tasks
        .chain(lints)
        .chain(policy::text_form(
            "executor_resources",
            &pod.executor_resources,
        ))
        .collect()
}
