//! Commands of checks as processes beside the task's, in the executor's own environment, as
//! Mesos' command executor runs them (`commandCheck` in `src/checks/checker_process.cpp`).

use std::os::fd::AsFd as _;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use mesos_process::{Child, describe};
use mesos_proto::v1::CommandInfo;
use tokio::process::Command;

use super::{Commands, Exit};
use crate::executor_main::TOKEN_VARIABLE;

/// Runs them as processes.
#[derive(Debug)]
pub(crate) struct Plain;

#[async_trait]
impl Commands for Plain {
    async fn run(&self, command: &CommandInfo, timeout: Option<Duration>) -> Exit {
        let mut child = match start(command) {
            Ok(child) => child.kill_on_drop(),
            Err(error) => return Exit::Failed(format!("its command cannot be started: {error}")),
        };
        let ended = match timeout {
            None => child.wait().await,
            Some(limit) => match tokio::time::timeout(limit, child.wait()).await {
                Ok(ended) => ended,
                Err(_) => {
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
            Err(error) => Exit::Failed(format!("its command cannot be waited for: {error}")),
        }
    }
}

/// The task's stdout is not a place for what checks write.
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
