//! Runs the commands of checks as processes, in the environment of the executor, as Mesos' command
//! executor does (`commandCheck` in `src/checks/checker_process.cpp`).

use std::io;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use mesos_process::{Child, TimeLimit, describe};
use mesos_proto::v1::CommandInfo;
use tokio::process::Command;

use super::{CommandRunner, Exit};
use crate::containerizer::{LAUNCH_INFO_VARIABLE, LaunchCommand, LaunchInfo};
use crate::executor_main::TOKEN_VARIABLE;

/// Runs the commands of checks as processes.
#[derive(Debug, Default)]
pub(crate) struct ProcessRunner {
    container: Option<Container>,
}

/// A container with a root filesystem.
#[derive(Debug)]
struct Container {
    /// mesos-containerizer.
    program: PathBuf,
    /// The process of the task.
    pid: i32,
}

impl ProcessRunner {
    /// Runs the commands on the root filesystem of the task with the process `pid`. `program` is
    /// mesos-containerizer.
    pub(crate) fn in_container(program: PathBuf, pid: i32) -> Self {
        let container = Some(Container { program, pid });
        Self { container }
    }
}

#[async_trait]
impl CommandRunner for ProcessRunner {
    async fn run(&self, command: &CommandInfo, timeout: Option<Duration>) -> Exit {
        let mut child = match self.start(command) {
            Ok(child) => child.kill_on_drop(),
            Err(error) => return Exit::Failed(format!("cannot start its command: {error}")),
        };
        let ended = match timeout {
            None => child.wait().await,
            Some(limit) => match TimeLimit::new(limit).limit(child.wait()).await {
                Some(ended) => ended,
                None => {
                    child.kill(Duration::ZERO);
                    child.wait().await;
                    return Exit::Failed(format!("its command took longer than {limit:?}"));
                }
            },
        };
        match ended.status {
            Ok(status) => match status.code() {
                Some(code) => Exit::Code(code),
                None => Exit::Failed(format!("its command {}", describe(status))),
            },
            Err(error) => Exit::Failed(format!("cannot wait for its command: {error}")),
        }
    }
}

impl ProcessRunner {
    /// Checks write to stderr: the task's stdout is not for them.
    fn start(&self, info: &CommandInfo) -> io::Result<Child> {
        let mut command = match &self.container {
            Some(container) => container.command(info)?,
            None => command(info),
        };
        let variables = info.environment.iter().flat_map(|all| &all.variables);
        let stderr = || std::io::stderr().as_fd().try_clone_to_owned();
        command
            .envs(variables.map(|variable| (&variable.name, variable.value())))
            .env_remove(TOKEN_VARIABLE)
            .stdin(Stdio::null())
            .stdout(stderr()?)
            .stderr(stderr()?);
        Child::spawn(command)
    }
}

/// The command on the host's filesystem.
fn command(info: &CommandInfo) -> Command {
    let value = info.value();
    if info.shell() {
        let mut command = Command::new("sh");
        command.args(["-c", value]);
        return command;
    }
    let mut command = Command::new(value);
    let mut words = info.arguments.iter();
    command.arg0(words.next().map_or(value, String::as_str));
    command.args(words);
    command
}

impl Container {
    /// The program that becomes the command in the mount namespace of the container.
    fn command(&self, info: &CommandInfo) -> io::Result<Command> {
        let launch = LaunchInfo {
            command: Some(LaunchCommand {
                shell: info.shell(),
                value: info.value.clone(),
                arguments: info.arguments.clone(),
                environment: None,
            }),
            ..LaunchInfo::default()
        };
        let mut command = Command::new(&self.program);
        command
            .arg("launch")
            .arg(format!("--namespace_mnt_target={}", self.pid))
            .env(LAUNCH_INFO_VARIABLE, serde_json::to_string(&launch)?);
        Ok(command)
    }
}
