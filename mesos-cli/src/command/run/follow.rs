//! Shows the states and the output of the instances until all have ended.

use std::time::Duration;

use mesos::http::HttpBackend;
use mesos::http::files::{Line, Output, Stream};
use mesos::v1::{TaskId, TaskState, TaskStatus};
use mesos::{SchedulerDriver, Scheme, TaskFate};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::output::{Reader, Written};
use super::scheduler::{Cancel, Launched, Report};
use super::status::{INTERRUPTED, TIMED_OUT, describe, exit_code};
use crate::context::Context;
use crate::error::{Code, Error};
use crate::output::{error_line_of_task, note, prefix_style};
use crate::signals::Signals;

/// How to connect to the agents.
pub(super) struct Agents {
    pub(super) backend: HttpBackend,
    /// Whether the agents accept TLS connections only. Mesos 1.11.0 writes the scheme http into the
    /// URL of an offer with TLS, too.
    pub(super) secure: bool,
}

/// See the module.
pub(super) struct Follow<'a> {
    instances: Vec<Instance>,
    agents: Agents,
    inbox: mpsc::Receiver<Report>,
    lines: mpsc::Sender<(usize, Written)>,
    written: mpsc::Receiver<(usize, Written)>,
    /// The exit code of the first instance that failed.
    code: u8,
    /// The exit code if the program has to kill the instances.
    canceled: Option<u8>,
    /// Whether an instance was killed for that, rather than ended by itself.
    killed: bool,
    context: &'a Context,
}

struct Instance {
    task: TaskId,
    launched: bool,
    /// Reads the output from the launch to the end of the output.
    reader: Option<Reader>,
    ended: bool,
}

impl<'a> Follow<'a> {
    pub(super) fn new(
        tasks: Vec<TaskId>,
        agents: Agents,
        inbox: mpsc::Receiver<Report>,
        context: &'a Context,
    ) -> Self {
        let (lines, written) = mpsc::channel(256);
        let instances = tasks.into_iter().map(|task| Instance {
            task,
            launched: false,
            reader: None,
            ended: false,
        });
        Self {
            instances: instances.collect(),
            agents,
            inbox,
            lines,
            written,
            code: 0,
            canceled: None,
            killed: false,
            context,
        }
    }

    /// Returns the exit code when all instances have ended and their output is printed.
    pub(super) async fn run(
        &mut self,
        driver: &SchedulerDriver<Cancel>,
        signals: &mut Signals,
        time_limit: Option<Duration>,
    ) -> Result<u8, Error> {
        let timeout = async {
            match time_limit {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(timeout);
        while !self.is_done() {
            tokio::select! {
                report = self.inbox.recv() => match report {
                    Some(report) => self.report(report)?,
                    // The driver has ended; its error says why.
                    None => {
                        driver.join().await?;
                        return Err(Error::new(Code::Run, "the driver was stopped"));
                    }
                },
                Some((index, written)) = self.written.recv() => self.show(index, written)?,
                () = &mut timeout, if self.canceled.is_none() => {
                    note("the time limit is reached; killing the task");
                    self.cancel(TIMED_OUT, driver)?;
                }
                _ = signals.next() => {
                    if self.canceled == Some(INTERRUPTED) || !self.any_launched() {
                        return Ok(INTERRUPTED);
                    }
                    note("killing the task; press Ctrl-C again to leave at once");
                    self.cancel(INTERRUPTED, driver)?;
                }
            }
        }
        Ok(match self.canceled {
            Some(code) if self.killed => code,
            _ => self.code,
        })
    }

    /// Ends the output, and the reports of the scheduler, which could otherwise wait for this value.
    pub(super) fn close(&mut self) {
        self.inbox.close();
        self.instances.clear();
    }

    fn is_done(&self) -> bool {
        let done = |instance: &Instance| instance.ended && instance.reader.is_none();
        self.instances.iter().all(done)
    }

    fn any_launched(&self) -> bool {
        self.instances
            .iter()
            .any(|instance| instance.launched || instance.ended)
    }

    fn cancel(&mut self, code: u8, driver: &SchedulerDriver<Cancel>) -> Result<(), Error> {
        self.canceled = Some(code);
        driver.send(Cancel)?;
        Ok(())
    }

    fn report(&mut self, report: Report) -> Result<(), Error> {
        match report {
            Report::Launched(launched) => self.launched(&launched),
            Report::State(status) => self.state(&status),
            Report::Canceled(task) => {
                if let Some(index) = self.index(&task) {
                    self.instances[index].ended = true;
                    self.killed = true;
                }
            }
            Report::Waiting(why) => note(&why),
            Report::Failed(error) => return Err(error),
        }
        Ok(())
    }

    fn launched(&mut self, launched: &Launched) {
        let Some(index) = self.index(&launched.task) else {
            return;
        };
        note(&format!(
            "{}launched on agent {}",
            self.prefix(index),
            launched.agent_id.value
        ));
        self.instances[index].launched = true;
        let mut agent = match &launched.agent {
            Ok(agent) => agent.clone(),
            Err(why) => {
                let prefix = self.prefix(index);
                note(&format!(
                    "{prefix}cannot read the output of the task: {why}"
                ));
                return;
            }
        };
        if self.agents.secure {
            agent = agent.with_scheme(Scheme::Https);
        }
        let agent = self.agents.backend.operator_at(agent);
        let output = Output::new(agent, &launched.framework, &launched.task);
        let reader = Reader::start(index, output, self.lines.clone());
        self.instances[index].reader = Some(reader);
    }

    fn state(&mut self, status: &TaskStatus) {
        let Some(index) = self.index(&status.task_id) else {
            return;
        };
        note(&format!("{}{}", self.prefix(index), describe(status)));
        let over = status.fate().is_ok_and(TaskFate::is_over);
        if !over || self.instances[index].ended {
            return;
        }
        self.instances[index].ended = true;
        if let Some(reader) = &self.instances[index].reader {
            reader.finish();
        }
        if self.canceled.is_some() && status.task_state() == Ok(TaskState::TaskKilled) {
            self.killed = true;
        } else if self.code == 0 {
            self.code = exit_code(status);
        }
    }

    fn show(&mut self, index: usize, written: Written) -> Result<(), Error> {
        match written {
            Written::Line(line) => return self.print(index, &line),
            Written::End => {}
            Written::Failed(error) => {
                let prefix = self.prefix(index);
                let why = mesos::error_chain(&error);
                note(&format!(
                    "{prefix}cannot read the output of the task: {why}"
                ));
            }
        }
        if let Some(instance) = self.instances.get_mut(index) {
            instance.reader = None;
        }
        Ok(())
    }

    fn print(&self, index: usize, line: &Line) -> Result<(), Error> {
        let prefix = self.prefix(index);
        match line.stream {
            Stream::Stdout => self.context.out.line_of_task(&prefix, &line.text),
            Stream::Stderr => {
                error_line_of_task(&prefix, &line.text);
                Ok(())
            }
        }
    }

    /// The number of the instance, if there are several.
    fn prefix(&self, index: usize) -> String {
        if self.instances.len() < 2 {
            return String::new();
        }
        let style = prefix_style(index);
        let width = self.instances.len().to_string().len();
        format!("{style}[{:width$}]{style:#} ", index + 1)
    }

    fn index(&self, task: &TaskId) -> Option<usize> {
        let mut instances = self.instances.iter();
        instances.position(|instance| instance.task == *task)
    }
}
