//! The lines that a task writes to stdout and stderr.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::BytesMut;
use mesos_core::Result;
use mesos_proto::v1::agent::{self, call};
use mesos_proto::v1::{ExecutorId, FrameworkId, Task, TaskId};
use tokio::time::{Duration, Instant, sleep};

use super::{Follow, INTERVAL, list, sandbox};
use crate::operator::OperatorClient;

/// A longer line is cut, so that memory stays bounded.
const LONGEST: usize = 64 << 10;

/// The interval between two checks whether the task still runs.
const CHECK: Duration = Duration::from_secs(1);

/// The output of a task, line by line, from its start to the end of the task. Works for a task that
/// is about to start, runs, or has finished.
///
/// ```no_run
/// use mesos::http::HttpBackend;
/// use mesos::http::files::Output;
/// use mesos::Endpoint;
///
/// /// Prints what the task "my-task" writes, which was launched on `offer`.
/// async fn print(backend: &HttpBackend, offer: &mesos::v1::Offer) -> Result<(), mesos::BoxError> {
///     let agent = Endpoint::try_from(offer.url.as_ref().ok_or("the offer has no URL")?)?;
///     let agent = backend.operator_at(agent);
///     let mut output = Output::new(agent, &offer.framework_id, &"my-task".into());
///     while let Some(line) = output.next().await? {
///         println!("{line}");
///     }
///     Ok(())
/// }
/// ```
///
/// The output belongs to the executor. For a command task this is the output of the task; a custom
/// executor may share its output between tasks (see [`executor`](Self::executor)).
///
/// While there is no new output, the files are read every 200 ms, and the agent is asked every
/// second (GET_TASKS) whether the task still runs.
#[derive(Debug)]
pub struct Output {
    agent: Arc<OperatorClient>,
    framework: FrameworkId,
    task: TaskId,
    sandbox: String,
    files: [(Stream, Follow, BytesMut); 2],
    lines: VecDeque<Line>,
    /// When to check next whether the task still runs.
    check_at: Instant,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The task may write more.
    Running,
    /// The task ended; some output may not be read yet.
    Ended,
    /// Everything was read.
    Read,
}

/// A line of a task's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The stream that the line was written to.
    pub stream: Stream,
    /// The text without the line feed. Invalid UTF-8 is replaced, and a line of more than 64 KiB
    /// comes in several parts.
    pub text: String,
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// An output stream of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// The file `stdout` of the sandbox.
    Stdout,
    /// The file `stderr` of the sandbox.
    Stderr,
}

impl Output {
    /// The output of `task`, which runs on `agent`.
    ///
    /// The address of an agent is in the field `url` of its offers.
    /// [`HttpBackend::operator_at`](crate::HttpBackend::operator_at) gives a client with the
    /// settings of a scheduler's backend.
    pub fn new(
        agent: impl Into<Arc<OperatorClient>>,
        framework: &FrameworkId,
        task: &TaskId,
    ) -> Self {
        let agent = agent.into();
        let executor = ExecutorId::from(task.value.as_str());
        Self::at(agent, framework, task, &executor)
    }

    /// Reads the output of this executor (default: the executor of a command task, which has the
    /// task's id). If the executor ran before the task, call this after the task's first update:
    /// until then the agent does not distinguish the task from one that ended long ago.
    #[must_use]
    pub fn executor(self, executor: &ExecutorId) -> Self {
        Self::at(self.agent, &self.framework, &self.task, executor)
    }

    fn at(
        agent: Arc<OperatorClient>,
        framework: &FrameworkId,
        task: &TaskId,
        executor: &ExecutorId,
    ) -> Self {
        let sandbox = sandbox(framework, executor);
        let file = |stream, name| {
            let path = format!("{sandbox}/{name}");
            (
                stream,
                Follow::new(Arc::clone(&agent), path),
                BytesMut::new(),
            )
        };
        Self {
            files: [
                file(Stream::Stdout, "stdout"),
                file(Stream::Stderr, "stderr"),
            ],
            framework: framework.clone(),
            task: task.clone(),
            lines: VecDeque::new(),
            check_at: Instant::now(),
            state: State::Running,
            agent,
            sandbox,
        }
    }

    /// Ends the output once everything that was written so far has been read. Call it when a status
    /// update reports the end of the task: it saves the next check, and ends the output of a task
    /// that failed before it had a sandbox.
    pub fn finish(&mut self) {
        if self.state == State::Running {
            self.state = State::Ended;
        }
    }

    /// The next line, or `None` after the end of the task. Lines of one stream are in order; the
    /// order between the streams is not known. Waits while the task does not write.
    ///
    /// Cancel safe: dropping the future loses no line.
    ///
    /// # Errors
    /// The errors of [`OperatorClient::call_agent`]. After a retryable error, such as that of an
    /// agent that restarts, call the method again to continue.
    pub async fn next(&mut self) -> Result<Option<Line>> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Ok(Some(line));
            }
            let ended = match self.state {
                State::Running => false,
                State::Ended => true,
                State::Read => return Ok(None),
            };
            if self.read().await? {
                continue;
            }
            if ended {
                self.state = State::Read;
                for (stream, _, rest) in &mut self.files {
                    if !rest.is_empty() {
                        self.lines.push_back(Line::new(*stream, rest));
                        rest.clear();
                    }
                }
                continue;
            }
            if Instant::now() >= self.check_at {
                if self.has_ended().await? {
                    self.finish();
                    continue;
                }
                self.check_at = Instant::now() + CHECK;
            }
            sleep(INTERVAL).await;
        }
    }

    /// Reads both files; whether there may be more to read now.
    async fn read(&mut self) -> Result<bool> {
        let mut more = false;
        for (stream, follow, rest) in &mut self.files {
            let bytes = follow.read().await?;
            more |= !bytes.is_empty();
            rest.extend_from_slice(&bytes);
            split(*stream, rest, &mut self.lines);
        }
        Ok(more)
    }

    /// Whether the agent does not run the task any more.
    async fn has_ended(&self) -> Result<bool> {
        let call = agent::Call {
            r#type: Some(call::Type::GetTasks.into()),
            ..Default::default()
        };
        let tasks = self.agent.call_agent(&call).await?.get_tasks;
        let tasks = tasks.unwrap_or_default();
        let listed = |tasks: &[Task]| {
            tasks
                .iter()
                .any(|task| task.task_id == self.task && task.framework_id == self.framework)
        };
        if listed(&tasks.pending_tasks)
            || listed(&tasks.queued_tasks)
            || listed(&tasks.launched_tasks)
        {
            return Ok(false);
        }
        if listed(&tasks.terminated_tasks) || listed(&tasks.completed_tasks) {
            return Ok(true);
        }
        // The agent does not know the task yet, or has forgotten it. Only the latter leaves files.
        if self.files.iter().any(|(_, follow, _)| follow.has_started()) {
            return Ok(true);
        }
        match list(&self.agent, &self.sandbox).await {
            Ok(_) => Ok(true),
            Err(error) if super::is_missing(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Line {
    fn new(stream: Stream, bytes: &[u8]) -> Self {
        Self {
            stream,
            text: String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// Moves the whole lines from `rest` to `lines`.
fn split(stream: Stream, rest: &mut BytesMut, lines: &mut VecDeque<Line>) {
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (length, skipped) = match end {
            Some(end) if end <= LONGEST => (end, 1),
            _ if rest.len() > LONGEST => (LONGEST, 0),
            _ => return,
        };
        lines.push_back(Line::new(stream, &rest.split_to(length)));
        let _ = rest.split_to(skipped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_complete_at_its_line_feed_or_when_it_is_too_long() {
        let mut rest = BytesMut::from("a\n\nb");
        let mut lines = VecDeque::new();
        split(Stream::Stdout, &mut rest, &mut lines);
        let texts = |lines: &VecDeque<Line>| -> Vec<String> {
            lines.iter().map(ToString::to_string).collect()
        };
        assert_eq!(texts(&lines), ["a", ""]);
        assert_eq!(&rest[..], b"b");

        lines.clear();
        rest.extend_from_slice(&[b'x'; LONGEST]);
        split(Stream::Stdout, &mut rest, &mut lines);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].text.len(), LONGEST);
        assert_eq!(&rest[..], b"x");
    }
}
