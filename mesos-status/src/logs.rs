//! The output of tasks, from their sandboxes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mesos_core::{Error, ErrorKind, Result};
use mesos_framework::JobSummary;
use mesos_http::operator::{AgentClient, MasterClient, Sandbox};
use mesos_proto::v1::Task;
use tokio::time::timeout;

/// How much of the end of a file is shown, in bytes.
const TAIL: u64 = 64 * 1024;

/// How long a page waits for an agent.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many sandboxes are remembered. To find one costs several requests.
const REMEMBERED: usize = 256;

/// What the tasks belong to.
pub(crate) struct Owner<'a> {
    /// For people, such as `the job "a"`.
    pub(crate) name: String,
    pub(crate) tasks: Vec<&'a str>,
    pub(crate) agent_id: Option<&'a str>,
}

/// The end of a file, or why it cannot be shown.
pub(crate) struct Log {
    pub(crate) task: String,
    pub(crate) file: &'static str,
    pub(crate) text: std::result::Result<String, String>,
}

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

    /// The last 64 KiB of `file` in the sandbox of a task.
    ///
    /// # Errors
    /// The task is not one of its owner, the agent does not answer within 5 s, or the file does not
    /// exist (any more).
    pub(crate) async fn tail(&self, of: &Owner<'_>, task: &str, file: &str) -> Result<String> {
        match timeout(PATIENCE, self.read(of, task, file)).await {
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

    /// The ends of all files that a page shows.
    pub(crate) async fn all(&self, of: &Owner<'_>) -> Vec<Log> {
        let mut logs = Vec::new();
        for task in &of.tasks {
            for file in FILES {
                let text = self.tail(of, task, file).await;
                logs.push(Log {
                    task: (*task).to_owned(),
                    file,
                    text: text.map_err(|error| format!("{error:#}")),
                });
            }
        }
        logs
    }

    async fn read(&self, of: &Owner<'_>, task: &str, file: &str) -> Result<String> {
        let sandbox = self.sandbox(of, task).await?;
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

    async fn sandbox(&self, of: &Owner<'_>, task: &str) -> Result<Sandbox> {
        if let Some(sandbox) = self.lock().get(task).cloned() {
            return Ok(sandbox);
        }
        if !of.tasks.contains(&task) {
            let message = format!("task {task} is not a task of {}", of.name);
            return Err(Error::new(ErrorKind::Config, message));
        }
        let Some(agent) = of.agent_id else {
            let message = format!("the agent of task {task} is not known");
            return Err(Error::new(ErrorKind::Config, message));
        };
        let agent = self.master.agent(agent).await?;
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

impl<'a> From<&'a JobSummary> for Owner<'a> {
    fn from(job: &'a JobSummary) -> Self {
        Self {
            name: format!("the job {:?}", job.name),
            tasks: job.tasks.iter().map(String::as_str).collect(),
            agent_id: job.status.agent().map(|agent| agent.id.as_str()),
        }
    }
}
