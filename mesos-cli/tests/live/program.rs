//! Runs the program `mesos`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use mesos_local::{LocalCluster, testing::require_real};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::processes::programs_with_argument;

/// How long a test waits. Long, because the machines that run the tests are shared.
const TIMEOUT: Duration = Duration::from_secs(90);

/// The home of a user without any configuration.
pub(crate) struct User(TempDir);

impl User {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn home(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mesos"));
        // HOME stays: it has the caches of cargo and of mesos-local.
        command
            .args(args)
            .env("XDG_CONFIG_HOME", self.home())
            .env("XDG_STATE_HOME", self.home())
            .env("MESOS_CLI_CONFIG", self.home().join("none"))
            .env_remove("MESOS_MASTER")
            .env_remove("MESOS_CLUSTER")
            .env_remove("MESOS_SERVICE_STATE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs the program to its end.
    pub(crate) async fn outcome(&self, args: &[&str]) -> Outcome {
        outcome(self.command(args)).await
    }

    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let mut child = self.command(args).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let lines = BufReader::new(stderr).lines();
        Running { child, lines }
    }
}

/// A detached scheduler would outlive a test that fails.
impl Drop for User {
    fn drop(&mut self) {
        let home = self.home().to_string_lossy();
        for pid in programs_with_argument(&home) {
            // It may have ended meanwhile.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// Runs a command to its end.
pub(crate) async fn outcome(mut command: Command) -> Outcome {
    let output = within("the program's end", command.output()).await.unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The result of the program.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program while it is running.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Running {
    /// Reads stderr up to a line that contains `text`.
    pub(crate) async fn prints(&mut self, text: &str) {
        let mut seen = Vec::new();
        let found = within(text, async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                seen.push(line);
                if seen.last().unwrap().contains(text) {
                    return true;
                }
            }
            false
        });
        let found = found.await;
        assert!(found, "`{text}` was not printed: {seen:#?}");
    }

    /// Sends SIGINT, like Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let pid = Pid::from_raw(self.child.id().unwrap().cast_signed());
        kill(pid, Signal::SIGINT).unwrap();
    }

    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        let status = within("the program's end", self.child.wait()).await;
        status.unwrap().code()
    }
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(TIMEOUT, future).await {
        Ok(value) => value,
        Err(_) => panic!("timed out waiting for {what}"),
    }
}

/// A cluster; `None` if the test is skipped without a real Mesos.
pub(crate) async fn cluster() -> Option<LocalCluster> {
    require_real(LocalCluster::builder().start().await)
}
