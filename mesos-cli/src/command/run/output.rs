//! Reads what the instances write.

use std::time::Duration;

use mesos::http::files::{Line, Output};
use tokio::sync::mpsc;

/// The interval between attempts while an agent cannot be reached.
const RETRY: Duration = Duration::from_secs(1);

/// A part of the output of an instance.
#[derive(Debug)]
pub(super) enum Written {
    Line(Line),
    /// The output was read completely.
    End,
    /// The rest of the output cannot be read.
    Failed(mesos::Error),
}

/// The task that reads the output of one instance. Dropping the value ends the task.
#[derive(Debug)]
pub(super) struct Reader {
    task: tokio::task::JoinHandle<()>,
    finish: mpsc::Sender<()>,
}

impl Reader {
    /// Sends the output of the instance number `index` until its end.
    pub(super) fn start(
        index: usize,
        output: Output,
        written: mpsc::Sender<(usize, Written)>,
    ) -> Self {
        let (finish, finished) = mpsc::channel(1);
        let task = tokio::spawn(read(index, output, written, finished));
        Self { task, finish }
    }

    /// The instance has ended, so its output ends, too.
    pub(super) fn finish(&self) {
        // A full channel has the same meaning.
        let _ = self.finish.try_send(());
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(
    index: usize,
    mut output: Output,
    written: mpsc::Sender<(usize, Written)>,
    mut finished: mpsc::Receiver<()>,
) {
    let mut ended = false;
    loop {
        let next = tokio::select! {
            next = output.next() => next,
            Some(()) = finished.recv(), if !ended => {
                ended = true;
                output.finish();
                continue;
            }
        };
        let (part, last) = match next {
            Ok(Some(line)) => (Written::Line(line), false),
            Ok(None) => (Written::End, true),
            // The agent may restart while the task runs.
            Err(error) if error.is_retryable() && !ended => {
                tokio::time::sleep(RETRY).await;
                continue;
            }
            Err(error) => (Written::Failed(error), true),
        };
        if written.send((index, part)).await.is_err() || last {
            return;
        }
    }
}
