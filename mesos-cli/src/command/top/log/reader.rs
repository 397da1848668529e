//! Reads the end of a file of a task, and what the task adds to it.

use std::sync::Arc;

use mesos::operator::MasterClient;
use mesos::v1::Task;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::LINES;
use crate::command::task::last_lines;

/// A part of a file.
#[derive(Debug)]
pub(crate) enum Part {
    Bytes(Vec<u8>),
    /// The task has ended, and the file was read completely.
    End,
    /// The rest cannot be read.
    Failed(String),
}

/// A task of the runtime that reads a file. Dropping the value ends the task.
#[derive(Debug)]
pub(crate) struct Reader {
    parts: mpsc::Receiver<Part>,
    work: JoinHandle<()>,
}

impl Reader {
    pub(crate) fn start(master: &MasterClient, task: Arc<Task>, file: &'static str) -> Self {
        let (sender, parts) = mpsc::channel(8);
        let master = master.clone();
        let work = tokio::spawn(async move {
            let end = match read(&master, &task, file, &sender).await {
                Ok(()) => Part::End,
                Err(error) => Part::Failed(format!("{error:#}")),
            };
            // A reader that was dropped does not need the end.
            let _ = sender.send(end).await;
        });
        Self { parts, work }
    }

    /// The next part; `None` after the end. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Part> {
        self.parts.recv().await
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.work.abort();
    }
}

async fn read(
    master: &MasterClient,
    task: &Task,
    file: &str,
    parts: &mpsc::Sender<Part>,
) -> mesos::Result<()> {
    let sandbox = master.task_sandbox(task).await?;
    let offset = last_lines(&sandbox, file, LINES).await?;
    let mut content = sandbox.follow_from(file, offset);
    while let Some(bytes) = content.next().await {
        if parts.send(Part::Bytes(bytes?.to_vec())).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}
