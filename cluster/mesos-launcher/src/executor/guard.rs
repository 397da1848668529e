//! The guard of a task: the process that ends the task if this executor is killed.

use std::path::Path;
use std::process::Stdio;

use mesos_process::Child;
use tokio::process::{Child as Process, Command};

use crate::containerizer::DISMISS;

/// The guard's process, and the pipe whose end reports the end of this executor.
#[derive(Debug)]
pub(super) struct Guard(Option<Process>);

impl Guard {
    /// Starts the guard of `child`. Without a guard the task runs all the same.
    pub(super) fn start(containerizer: &Path, child: &Child) -> Self {
        let mut command = Command::new(containerizer);
        command
            .arg("guard")
            .arg(format!("--pid={}", child.pid()))
            // The guard needs nothing of the executor's.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match command.spawn() {
            Ok(process) => Self(Some(process)),
            Err(error) => {
                eprintln!(
                    "mesos-executor: cannot start the process that ends the task if this executor \
                     is killed: {error}"
                );
                Self(None)
            }
        }
    }

    /// Ends the guard: the task has ended. Does not wait for the guard's process.
    pub(super) async fn dismiss(&mut self) {
        use tokio::io::AsyncWriteExt as _;

        let process = self.0.take();
        if let Some(mut pipe) = process.and_then(|mut process| process.stdin.take()) {
            // An empty pipe accepts a byte at once, and a guard that was killed needs none.
            let _ = pipe.write_all(&[DISMISS]).await;
        }
    }
}
