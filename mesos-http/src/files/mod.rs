//! Files in a task's sandbox, read through its agent.
//!
//! [`Output`] gives the lines that a task writes. [`Follow`] reads one file as it grows, and
//! [`list`] lists a directory. `mesos::operator::Sandbox` (feature `operator`) finds the sandbox of a
//! task by the id of the task, and downloads folders.

mod follow;
mod output;
mod position;

use std::time::Duration;

use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::v1::agent::{self, call};
use mesos_proto::v1::{ExecutorId, FileInfo, FrameworkId};

pub use self::follow::Follow;
pub use self::output::{Line, Output, Stream};
#[cfg(feature = "operator")]
pub(crate) use self::position::{OVERLAP, Position};
use crate::operator::OperatorClient;

/// The interval between two reads of a file that does not grow.
pub(crate) const INTERVAL: Duration = Duration::from_millis(200);

/// The path of the sandbox of an executor's latest run, in the files API of its agent
/// (`getExecutorVirtualPath` in src/slave/paths.cpp; since Mesos 1.5). The executor of a command
/// task has the id of the task.
///
/// The path exists from the launch of the executor until the agent's garbage collection removes
/// the sandbox. The output is in the files `stdout` and `stderr` of the sandbox.
pub fn sandbox(framework: &FrameworkId, executor: &ExecutorId) -> String {
    let (framework, executor) = (&framework.value, &executor.value);
    format!("/frameworks/{framework}/executors/{executor}/runs/latest")
}

/// The files in a directory that the agent serves, such as a [`sandbox`].
///
/// # Errors
/// [`ErrorKind::Rejected`] with status 404 if the directory does not exist. Otherwise the errors of
/// [`OperatorClient::call_agent`].
pub async fn list(agent: &OperatorClient, path: &str) -> Result<Vec<FileInfo>> {
    let call = agent::Call {
        r#type: Some(call::Type::ListFiles.into()),
        list_files: Some(call::ListFiles {
            path: path.to_owned(),
        }),
        ..Default::default()
    };
    let answer = agent.call_agent(&call).await.map_err(|error| {
        if !is_missing(&error) {
            return error;
        }
        Error::new(error.kind(), format!("the directory {path} does not exist"))
            .with_status(404)
            .with_source(error)
    })?;
    Ok(answer.list_files.unwrap_or_default().file_infos)
}

/// Whether the agent does not have the file, rather than not the API.
pub(crate) fn is_missing(error: &Error) -> bool {
    error.kind() == ErrorKind::Rejected && error.status() == Some(404)
}
