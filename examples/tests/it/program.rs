//! Runs an example as a process.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use mesos_local::{LocalCluster, testing::require_real};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// How long a test waits. Long, because the machines that run the tests are shared.
const TIMEOUT: Duration = Duration::from_secs(90);

/// The executable of an example. Cargo builds examples before it runs tests.
pub(crate) fn path(example: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let path = profile.join("examples").join(example);
    assert!(
        path.exists(),
        "{} does not exist; run `cargo build --examples`",
        path.display()
    );
    path
}

pub(crate) fn example(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(path(name));
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs an example to its end.
pub(crate) async fn outcome(name: &str, args: &[&str]) -> Outcome {
    let output = within(name, example(name, args).output()).await.unwrap();
    Outcome::from(output)
}

/// Starts an example, with the lines of its output.
pub(crate) fn start(name: &str, args: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = example(name, args).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    (child, BufReader::new(stdout).lines())
}

/// Ends an example as Ctrl-C does.
pub(crate) async fn interrupt(mut child: Child) {
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    kill(Pid::from_raw(pid), Signal::SIGINT).unwrap();
    let status = within("the end", child.wait()).await.unwrap();
    assert!(status.success(), "{status}");
}

/// The result of a program.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
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
