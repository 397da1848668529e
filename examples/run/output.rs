//! Shows the output of a running task.

use mesos::http::files::Follow;
use mesos::http::{Endpoint, OperatorClient};
use mesos::{BoxError, Result};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// The two output streams of the task.
pub(crate) struct Output {
    stdout: Follow,
    stderr: Follow,
}

impl Output {
    /// The files `stdout` and `stderr` of a sandbox.
    pub(crate) fn new(agent: &Endpoint, sandbox: &str) -> Self {
        let follow = |name: &str| {
            let client = OperatorClient::for_endpoint(agent.clone());
            Follow::new(client, format!("{sandbox}/{name}"))
        };
        Self {
            stdout: follow("stdout"),
            stderr: follow("stderr"),
        }
    }

    /// Waits for more output and shows it. Never completes without a task.
    pub(crate) async fn shown(output: &mut Option<Self>) -> Result<(), BoxError> {
        let Some(output) = output else {
            return std::future::pending().await;
        };
        tokio::select! {
            bytes = output.stdout.next() => show(tokio::io::stdout(), &bytes?).await,
            bytes = output.stderr.next() => show(tokio::io::stderr(), &bytes?).await,
        }
    }

    /// Shows the remaining output after the task has ended.
    pub(crate) async fn rest(&mut self) -> Result<(), BoxError> {
        loop {
            let stdout = self.stdout.read().await?;
            show(tokio::io::stdout(), &stdout).await?;
            let stderr = self.stderr.read().await?;
            show(tokio::io::stderr(), &stderr).await?;
            if stdout.is_empty() && stderr.is_empty() {
                return Ok(());
            }
        }
    }
}

async fn show(mut to: impl AsyncWrite + Unpin, bytes: &[u8]) -> Result<(), BoxError> {
    to.write_all(bytes).await?;
    to.flush().await?;
    Ok(())
}
