//! Lints: finds mistakes in the description of a framework, an executor or a task before Mesos
//! receives the description.
//!
//! A lint of severity [`Error`](Severity::Error) is about something that never works: Mesos refuses
//! it, or the task always fails. A lint of severity [`Warning`](Severity::Warning) is about
//! something that Mesos accepts and that has another effect than its author probably expects.
//! Each lint states where the mistake is, what happens, and what to change.
//!
//! ```
//! use mesos::lint::{Linter, Severity};
//! use mesos::v1::{CommandInfo, TaskInfo};
//!
//! let task = TaskInfo::builder("train")
//!     .command(CommandInfo::sh("./train"))
//!     .cpus(1.0)
//!     .mem(1024.0)
//!     .gpus(1)
//!     .build();
//! let framework = mesos::Framework::ephemeral("training");
//!
//! let lints = Linter::new().framework(framework.info()).lint_task(&task);
//! assert_eq!(lints.len(), 1);
//! assert_eq!(lints[0].severity, Severity::Error);
//! assert_eq!(
//!     lints[0].to_string(),
//!     "error[missing-capability] resources[2]: the framework does not have the capability \
//!      GPU_RESOURCES, so its offers do not contain gpus; add the capability to the framework, or \
//!      remove the resource"
//! );
//! ```
//!
//! [`RULES`] lists all rules. A rule can be turned off with [`Linter::allow`], and a warning becomes
//! an error with [`Linter::deny`].
//!
//! The lints know only the descriptions that they are given. They do not know which tasks run
//! already, which agents exist and how these are configured.

mod check;
mod command;
mod container;
mod executor;
mod framework;
mod group;
mod ports;
mod report;
mod resources;
mod rules;
mod task;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use mesos_proto::v1::{Credential, ExecutorInfo, FrameworkInfo, TaskGroupInfo, TaskInfo};

use self::report::Report;
pub use self::rules::{RULES, Rule};
use crate::resources::Resources;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Mesos accepts the description, but the effect is probably not the intended one.
    Warning,
    /// Mesos refuses the description, or the task always fails.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One finding. `Display` prints all of it in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// The name of the rule, as in [`RULES`].
    pub rule: &'static str,
    /// How bad the finding is.
    pub severity: Severity,
    /// The path of the field in the message, for example `command.uris[0].value`.
    pub path: String,
    /// What is wrong, and what happens.
    pub message: String,
    /// What to change.
    pub remedy: String,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}[{}] {}: {}; {}",
            self.severity, self.rule, self.path, self.message, self.remedy
        )
    }
}

/// A name that is not the name of a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a lint; mesos::lint::RULES lists the names")]
pub struct UnknownRule(String);

/// What a [`Linter`] does with the findings of a rule, if it differs from the default.
#[derive(Clone, Copy, Debug)]
enum Level {
    Allow,
    Deny,
}

/// Checks messages; see the [module](self).
///
/// The linter finds more if it knows the framework and the offer.
#[derive(Clone, Debug, Default)]
pub struct Linter {
    levels: BTreeMap<&'static str, Level>,
    framework: Option<FrameworkInfo>,
    offer: Option<Resources>,
}

impl Linter {
    /// A linter with all rules, which does not know a framework or an offer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Turns the rule off.
    ///
    /// # Errors
    /// [`UnknownRule`] if no rule has this name.
    pub fn allow(self, rule: &str) -> Result<Self, UnknownRule> {
        self.level(rule, Level::Allow)
    }

    /// Makes each finding of the rule an error.
    ///
    /// # Errors
    /// [`UnknownRule`] if no rule has this name.
    pub fn deny(self, rule: &str) -> Result<Self, UnknownRule> {
        self.level(rule, Level::Deny)
    }

    fn level(mut self, rule: &str, level: Level) -> Result<Self, UnknownRule> {
        let known = RULES.iter().find(|known| known.name == rule);
        let known = known.ok_or_else(|| UnknownRule(rule.to_owned()))?;
        self.levels.insert(known.name, level);
        Ok(self)
    }

    /// The framework of the tasks: its roles and capabilities decide what its offers contain.
    #[must_use]
    pub fn framework(mut self, framework: &FrameworkInfo) -> Self {
        self.framework = Some(framework.clone());
        self
    }

    /// The offer that the tasks are for, or the resources of all offers of one agent.
    #[must_use]
    pub fn offer(mut self, offered: &Resources) -> Self {
        self.offer = Some(offered.clone());
        self
    }

    /// Checks the description of a framework.
    pub fn lint_framework(&self, framework: &FrameworkInfo) -> Vec<Lint> {
        self.report(|report| framework::framework(report, framework))
    }

    /// Checks a credential, together with the framework that uses it if the linter knows the
    /// framework.
    pub fn lint_credential(&self, credential: &Credential) -> Vec<Lint> {
        self.report(|report| framework::credential(report, credential))
    }

    /// Checks an executor by itself. [`lint_task`](Self::lint_task) and
    /// [`lint_task_group`](Self::lint_task_group) check an executor with its tasks.
    pub fn lint_executor(&self, executor: &ExecutorInfo) -> Vec<Lint> {
        self.report(|report| executor::executor(report, executor))
    }

    /// Checks a task of LAUNCH with its executor.
    ///
    /// An empty `agent_id` is not reported, because the driver copies it from the offer.
    pub fn lint_task(&self, task: &TaskInfo) -> Vec<Lint> {
        self.report(|report| {
            task::task(report, task);
            resources::fit(report, &task::needs(task));
        })
    }

    /// Checks tasks that are launched together, for example by one ACCEPT. An executor with the same
    /// id is counted once.
    pub fn lint_tasks<'a>(&self, tasks: impl IntoIterator<Item = &'a TaskInfo>) -> Vec<Lint> {
        let tasks: Vec<&TaskInfo> = tasks.into_iter().collect();
        self.report(|report| task::tasks(report, &tasks))
    }

    /// Checks a task group and the executor that runs it (LAUNCH_GROUP).
    pub fn lint_task_group(&self, executor: &ExecutorInfo, group: &TaskGroupInfo) -> Vec<Lint> {
        self.report(|report| group::group(report, executor, group))
    }

    /// Checks that the framework has a role; finds nothing if the linter does not know the
    /// framework. `field` is the path of the role.
    pub fn lint_role(&self, field: &str, role: &str) -> Vec<Lint> {
        self.report(|report| resources::subscribed(report, field, role))
    }

    fn report(&self, check: impl FnOnce(&mut Report<'_>)) -> Vec<Lint> {
        let mut report = Report::new(self);
        check(&mut report);
        report.into_lints()
    }
}
