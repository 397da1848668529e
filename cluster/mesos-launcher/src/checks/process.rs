//! Runs the commands of checks as processes, in the environment of the executor, as Mesos' command
//! executor does (`commandCheck` in `src/checks/checker_process.cpp`).

use std::os::fd::AsFd as _;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use mesos_process::{Child, TimeLimit, describe};
use mesos_proto::v1::CommandInfo;
use tokio::process::Command;

use super::{CommandRunner, Exit};
use crate::executor_main::TOKEN_VARIABLE;

/// Runs the commands of checks as processes.
#[derive(Debug)]
pub(crate) struct ProcessRunner;

#[async_trait]
impl CommandRunner for ProcessRunner {
    async fn run(&self, command: &CommandInfo, timeout: Option<Duration>) -> Exit {
        let mut child = match start(command) {
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

/// Checks write to stderr: the task's stdout is not for them.
fn start(info: &CommandInfo) -> std::io::Result<Child> {
    let value = info.value();
    let mut command = if info.shell() {
        let mut command = Command::new("sh");
        command.args(["-c", value]);
        command
    } else {
        let mut command = Command::new(value);
        let mut words = info.arguments.iter();
        command.arg0(words.next().map_or(value, String::as_str));
        command.args(words);
        command
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
