//! Lints of requests.

use mesos_core::lint::{Lint, Linter, Severity};
use mesos_proto::v1::{FrameworkId, TaskGroupInfo, TaskInfo};

use crate::{Request, TaskTemplate};

impl Request {
    /// Finds mistakes in the request before there are offers: what [`check`](Self::check) finds, and
    /// what the linter finds in the tasks and the executor.
    ///
    /// Give the linter the framework, so that it finds roles and capabilities that the framework
    /// does not have.
    ///
    /// ```
    /// use mesos::Framework;
    /// use mesos::lint::Linter;
    /// use mesos::placement::{Request, TaskTemplate};
    /// use mesos::v1::CommandInfo;
    ///
    /// let task = TaskTemplate::new("web", "cpus:1;mem:32".parse()?).command(CommandInfo::sh("serve"));
    /// let framework = Framework::ephemeral("shop").role("shop");
    /// let linter = Linter::new().framework(framework.info());
    /// assert!(Request::new(task.clone()).role("shop").lint(&linter).is_empty());
    ///
    /// let lints = Request::new(task).role("web").lint(&linter);
    /// assert_eq!(lints[0].rule, "role-not-subscribed");
    /// # Ok::<(), mesos::resources::ParseError>(())
    /// ```
    pub fn lint(&self, linter: &Linter) -> Vec<Lint> {
        let mut lints = Vec::new();
        if let Err(error) = self.check() {
            lints.push(Lint {
                rule: "invalid-request",
                severity: Severity::Error,
                path: String::new(),
                message: error.to_string(),
                remedy: "correct the request; no offer can satisfy it".to_owned(),
            });
        }
        lints.extend(
            self.role
                .iter()
                .flat_map(|role| linter.lint_role("role", role)),
        );
        lints.extend(self.described(linter));
        // A round adds these ports to the task, so their numbers are not known yet.
        if self.tasks.iter().any(|task| !task.ports.is_empty()) {
            lints.retain(|lint| !matches!(lint.rule, "check-port" | "discovery-port"));
        }
        lints
    }

    /// The findings in what the request would launch.
    fn described(&self, linter: &Linter) -> Vec<Lint> {
        let tasks = self.tasks.iter().enumerate();
        let tasks = tasks.map(|(place, task)| info(place, task));
        match (&self.executor, self.grouped) {
            (Some(executor), true) => {
                let mut executor = executor.clone();
                // `check` reports a missing id.
                let unknown = || FrameworkId::from("unknown");
                executor.framework_id.get_or_insert_with(unknown);
                let group = TaskGroupInfo {
                    tasks: tasks.collect(),
                };
                linter.lint_task_group(&executor, &group)
            }
            (executor, _) => {
                let with_executor = tasks.map(|mut task| {
                    task.executor.clone_from(executor);
                    linter.lint_task(&task)
                });
                with_executor.flatten().collect()
            }
        }
    }
}

/// The task that a round would make, without ports and volumes.
fn info(place: usize, task: &TaskTemplate) -> TaskInfo {
    let mut info = task.template.clone();
    info.task_id = format!("task-{place}").into();
    info.resources = task.resources.clone().into();
    info.executor = None;
    info
}
