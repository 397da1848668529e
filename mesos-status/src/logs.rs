//! The output of tasks, from their sandboxes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mesos_core::{Error, ErrorKind, Result};
use mesos_framework::{JobDetails, JobStatus};
use mesos_http::operator::{AgentClient, MasterClient, Sandbox};
use mesos_proto::v1::Task;
use tokio::time::timeout;

/// How much of the end of a file is shown, in bytes.
const TAIL: u64 = 64 * 1024;

/// How long a page waits for an agent.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many sandboxes are remembered. To find one costs several requests.
const REMEMBERED: usize = 256;

pub(crate) struct Logs {
    master: MasterClient,
    /// By the id of the task.
    sandboxes: Mutex<HashMap<String, Sandbox>>,
}

impl Logs {
    pub(crate) fn new(master: MasterClient) -> Self {
        Self {
            master,
            sandboxes: Mutex::default(),
        }
    }

    /// The last 64 KiB of `file` in the sandbox of a task of this job.
    ///
    /// # Errors
    /// The task is not one of the job, the agent does not answer within 5 s, or the file does not
    /// exist (any more).
    pub(crate) async fn tail(&self, job: &JobDetails, task: &str, file: &str) -> Result<String> {
        match timeout(PATIENCE, self.read(job, task, file)).await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(error)) => {
                // The agent may have another address now.
                self.lock().remove(task);
                Err(error)
            }
            Err(_) => {
                let message = format!(
                    "the agent of task {task} did not answer within {} s",
                    PATIENCE.as_secs()
                );
                Err(Error::new(ErrorKind::Timeout, message))
            }
        }
    }

    async fn read(&self, job: &JobDetails, task: &str, file: &str) -> Result<String> {
        let sandbox = self.sandbox(job, task).await?;
        let size = sandbox.stat(file).await?.size;
        let offset = size.saturating_sub(TAIL);
        let bytes = sandbox.read(file, offset, TAIL).await?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(match offset {
            0 => text.into_owned(),
            // The first line is cut off somewhere.
            _ => match text.split_once('\n') {
                Some((_, rest)) => rest.to_owned(),
                None => text.into_owned(),
            },
        })
    }

    async fn sandbox(&self, job: &JobDetails, task: &str) -> Result<Sandbox> {
        if let Some(sandbox) = self.lock().get(task).cloned() {
            return Ok(sandbox);
        }
        let summary = &job.summary;
        if !summary.tasks.iter().any(|one| one == task) {
            let message = format!("task {task} is not a task of the job {:?}", summary.name);
            return Err(Error::new(ErrorKind::Config, message));
        }
        let Some(agent) = summary.status.agent() else {
            let message = format!("the agent of task {task} is not known");
            return Err(Error::new(ErrorKind::Config, message));
        };
        let agent = self.master.agent(agent.id.as_str()).await?;
        let known = find(&agent, task).await?;
        let sandbox = agent.task_sandbox(&known).await?;
        let mut sandboxes = self.lock();
        if sandboxes.len() >= REMEMBERED {
            sandboxes.clear();
        }
        sandboxes.insert(task.to_owned(), sandbox.clone());
        Ok(sandbox)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Sandbox>> {
        self.sandboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task as the agent knows it.
async fn find(agent: &AgentClient, task: &str) -> Result<Task> {
    let tasks = agent.get_tasks().await?;
    let mut all = tasks
        .launched_tasks
        .into_iter()
        .chain(tasks.terminated_tasks)
        .chain(tasks.completed_tasks);
    all.find(|one| one.task_id.value == task).ok_or_else(|| {
        let message = format!("the agent does not know task {task} yet, or any more");
        Error::new(ErrorKind::Rejected, message)
    })
}

/// The files that a page shows.
pub(crate) const FILES: [&str; 2] = ["stdout", "stderr"];

/// Whether the tasks of a job can have output.
pub(crate) fn has_output(status: &JobStatus) -> bool {
    status.agent().is_some()
}
