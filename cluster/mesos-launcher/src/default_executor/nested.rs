//! Runs the commands of checks in containers nested in the task's container.
//!
//! Mesos' own executor launches a session (LAUNCH_NESTED_CONTAINER_SESSION) and logs its output. An
//! agent in local mode starts a session and then refuses it, because it has no I/O switchboard
//! ("Not supported in local mode" in `src/slave/containerizer/mesos/io/switchboard.cpp`). So this
//! executor launches a plain container, and sets the task's directory and environment, which a
//! session would have. The output is in the container's sandbox, and is removed with it.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mesos_process::{TimeLimit, describe};
use mesos_proto::v1::agent::call::LaunchContainer;
use mesos_proto::v1::{CommandInfo, ContainerId, Environment};
use nix::sys::signal::Signal;

use super::agent::{Agent, Waited};
use crate::checks::{CommandRunner, Exit};

/// Runs the commands of checks of one task.
#[derive(Debug)]
pub(super) struct NestedRunner {
    pub(super) agent: Arc<Agent>,
    pub(super) task: ContainerId,
    /// The task's environment, to which that of a check is added.
    pub(super) environment: Option<Environment>,
    /// The task's sandbox.
    pub(super) directory: String,
}

#[async_trait]
impl CommandRunner for NestedRunner {
    async fn run(&self, command: &CommandInfo, timeout: Option<Duration>) -> Exit {
        let id = ContainerId {
            value: format!("check-{}", uuid::Uuid::new_v4()),
            parent: Some(Box::new(self.task.clone())),
        };
        let launch = LaunchContainer {
            container_id: id.clone(),
            command: Some(self.in_sandbox_of_task(command)),
            ..LaunchContainer::default()
        };
        let exit = self.run_container(launch, timeout).await;
        self.agent.remove(id).await;
        exit
    }
}

impl NestedRunner {
    async fn run_container(&self, launch: LaunchContainer, timeout: Option<Duration>) -> Exit {
        let id = launch.container_id.clone();
        let run = async {
            match self.agent.launch(launch).await {
                Ok(()) => self.agent.wait(&id).await,
                Err(reason) => Waited::Refused(reason),
            }
        };
        let waited = match timeout {
            None => run.await,
            Some(limit) => match TimeLimit::new(limit).limit(run).await {
                Some(waited) => waited,
                None => {
                    self.agent.kill(id.clone(), Signal::SIGKILL).await;
                    self.agent.wait(&id).await;
                    return Exit::Failed(format!("its command took longer than {limit:?}"));
                }
            },
        };
        let status = match waited {
            Waited::Ended(ended) => ended.exit_status.map(ExitStatus::from_raw),
            Waited::Gone => None,
            Waited::Refused(reason) => return Exit::Unavailable(reason),
        };
        match status {
            // An agent that restarts kills the containers of checks (`__nestedCommandCheck` in
            // `src/checks/checker_process.cpp`).
            Some(status) if status.signal() == Some(Signal::SIGKILL as i32) => {
                Exit::Unavailable(format!("its command {}", describe(status)))
            }
            Some(status) => match status.code() {
                Some(code) => Exit::Code(code),
                None => Exit::Failed(format!("its command {}", describe(status))),
            },
            None => Exit::Failed("the exit status of its command is unknown".into()),
        }
    }

    /// The same command in the task's sandbox, with the task's environment, which its own
    /// environment overrides.
    fn in_sandbox_of_task(&self, command: &CommandInfo) -> CommandInfo {
        let mut argv = vec!["sh", "-c", r#"cd "$1" && shift && exec "$@""#, "sh"];
        argv.push(&self.directory);
        if command.shell() {
            argv.extend(["sh", "-c", command.value()]);
        } else {
            argv.push(command.value());
            argv.extend(command.arguments.iter().skip(1).map(String::as_str));
        }
        let mut environment = self.environment.clone().unwrap_or_default();
        let own = command.environment.iter().flat_map(|all| &all.variables);
        environment.variables.extend(own.cloned());
        CommandInfo {
            shell: Some(false),
            value: Some("/bin/sh".into()),
            arguments: argv.into_iter().map(str::to_owned).collect(),
            environment: Some(environment),
            ..command.clone()
        }
        .with_env("MESOS_SANDBOX", self.directory.clone())
    }
}
