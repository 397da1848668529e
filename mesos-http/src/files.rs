//! Files in a task's sandbox, read through its agent: what a user wants to see
//! of a task's output.
//!
//! Downloading whole directories, and the pages that the web interface shows,
//! are not here.

use std::time::Duration;

use bytes::Bytes;
use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::v1::agent::{self, call};
use mesos_proto::v1::{ExecutorId, FileInfo, FrameworkId};

use crate::operator::OperatorClient;

/// How often a file is looked at.
const INTERVAL: Duration = Duration::from_millis(200);

/// The path of the sandbox of an executor's latest run, as the files API of
/// its agent knows it since Mesos 1.5 (`getExecutorVirtualPath` in
/// src/slave/paths.cpp). Of a command task the executor id is the task id.
///
/// It exists from the launch of the executor until the agent's garbage
/// collection takes the sandbox away; the output is in `stdout` and `stderr`
/// below it.
pub fn sandbox(framework: &FrameworkId, executor: &ExecutorId) -> String {
    let (framework, executor) = (&framework.value, &executor.value);
    format!("/frameworks/{framework}/executors/{executor}/runs/latest")
}

/// The files in a directory that the agent offers, such as a [`sandbox`].
///
/// # Errors
/// [`ErrorKind::Rejected`] with status 404 if there is no such directory.
pub async fn list(agent: &OperatorClient, path: &str) -> Result<Vec<FileInfo>> {
    let call = agent::Call {
        r#type: Some(call::Type::ListFiles.into()),
        list_files: Some(call::ListFiles {
            path: path.to_owned(),
        }),
        ..Default::default()
    };
    let answer = agent.call_agent(&call).await.map_err(|error| {
        if !missing(&error) {
            return error;
        }
        Error::new(error.kind(), format!("there is no directory {path}"))
            .with_status(404)
            .with_source(error)
    })?;
    Ok(answer.list_files.unwrap_or_default().file_infos)
}

/// Whether the agent has no such file, rather than no such API.
fn missing(error: &Error) -> bool {
    error.kind() == ErrorKind::Rejected && error.status() == Some(404)
}

/// Reads a file as it grows, like `tail -f`.
///
/// ```no_run
/// use mesos_http::{OperatorClient, files};
/// # async fn example(
/// #     framework: mesos_proto::v1::FrameworkId,
/// #     task: mesos_proto::v1::ExecutorId,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let agent = OperatorClient::new("http://10.0.0.2:5051".parse()?);
/// let path = files::sandbox(&framework, &task) + "/stdout";
/// let mut stdout = files::Follow::new(agent, path);
/// loop {
///     print!("{}", String::from_utf8_lossy(&stdout.next().await?));
/// }
/// # }
/// ```
///
/// A file has no end here: when the task is over, take what is left with
/// [`read`](Self::read) until that gives nothing.
#[derive(Debug)]
pub struct Follow {
    agent: OperatorClient,
    path: String,
    offset: u64,
}

impl Follow {
    /// Follows the file at `path` from its start; it need not exist yet.
    pub fn new(agent: OperatorClient, path: impl Into<String>) -> Self {
        Self {
            agent,
            path: path.into(),
            offset: 0,
        }
    }

    /// What is new since the last read: at most 64 KiB at once on most
    /// machines (16 pages, src/files/files.cpp), nothing at the end of the
    /// file and while there is none. A file that has become shorter was
    /// replaced, and is read from its start.
    ///
    /// Cancel safe: what a dropped read would have given, the next one gives.
    ///
    /// # Errors
    /// What the agent answers; a retryable one leaves the place in the file.
    pub async fn read(&mut self) -> Result<Bytes> {
        let call = agent::Call {
            r#type: Some(call::Type::ReadFile.into()),
            read_file: Some(call::ReadFile {
                path: self.path.clone(),
                offset: self.offset,
                length: None,
            }),
            ..Default::default()
        };
        let answer = match self.agent.call_agent(&call).await {
            Ok(answer) => answer.read_file,
            // Not there yet; the agent says the same of a sandbox without launch.
            Err(error) if missing(&error) => return Ok(Bytes::new()),
            Err(error) => return Err(error),
        };
        let Some(file) = answer else {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!("the answer to READ_FILE of {} holds no file", self.path),
            ));
        };
        if file.size < self.offset {
            self.offset = 0;
        } else {
            self.offset += file.data.len() as u64;
        }
        Ok(file.data)
    }

    /// Waits until something is new, and returns it; looks every 200 ms.
    ///
    /// Cancel safe, as [`read`](Self::read) is.
    ///
    /// # Errors
    /// What [`read`](Self::read) has.
    pub async fn next(&mut self) -> Result<Bytes> {
        loop {
            let new = self.read().await?;
            if !new.is_empty() {
                return Ok(new);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}
