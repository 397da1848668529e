//! The scheduler: launches each task once, and sends reports to the program.

use std::collections::VecDeque;

use mesos::resources::Resources;
use mesos::v1::{AgentId, FrameworkId, TaskId, TaskInfo, TaskStatus};
use mesos::{
    BoxError, Disconnected, Endpoint, Error, HandlerResult, Offer, Scheduler, SchedulerDriver,
    StatusUpdate,
};
use tokio::sync::mpsc;

/// A report of the scheduler to the program.
#[derive(Debug)]
pub(super) enum Report {
    /// The launch of a task was sent to its agent.
    Launched(Launched),
    /// A task changed its state.
    State(Box<TaskStatus>),
    /// A task was canceled before its launch.
    Canceled(TaskId),
    /// Why a task is not launched yet.
    Waiting(String),
    /// The tasks cannot be launched.
    Failed(Error),
}

/// Where a task was launched.
#[derive(Debug)]
pub(super) struct Launched {
    pub(super) task: TaskId,
    pub(super) agent_id: AgentId,
    pub(super) agent: Endpoint,
    pub(super) framework: FrameworkId,
}

/// The message of the program that ends all tasks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cancel;

/// See the module.
#[derive(Debug)]
pub(super) struct Tasks {
    waiting: VecDeque<TaskInfo>,
    launched: Vec<TaskId>,
    reports: mpsc::Sender<Report>,
    /// The last reason for which a task waits, which is not repeated.
    reason: String,
}

impl Tasks {
    pub(super) fn new(tasks: Vec<TaskInfo>, reports: mpsc::Sender<Report>) -> Self {
        Self {
            waiting: tasks.into(),
            launched: Vec::new(),
            reports,
            reason: String::new(),
        }
    }

    async fn report(&self, report: Report) {
        // The program no longer receives reports when it is about to exit.
        let _ = self.reports.send(report).await;
    }

    /// Launches as many tasks as fit into the offer.
    async fn use_offer(
        &mut self,
        driver: &SchedulerDriver<Cancel>,
        offer: Offer,
    ) -> Result<(), BoxError> {
        let mut left = offer.resources()?;
        let mut tasks = Vec::new();
        while let Some(mut task) = self.waiting.pop_front() {
            let need = Resources::try_from(task.resources.clone())?;
            match left.take(&need) {
                Ok(taken) => {
                    task.resources = taken.into();
                    tasks.push(task);
                }
                Err(missing) => {
                    self.waiting.push_front(task);
                    if tasks.is_empty() {
                        self.report_waiting(format!("waiting for a larger offer: {missing}"))
                            .await;
                    }
                    break;
                }
            }
        }
        if tasks.is_empty() {
            return Ok(());
        }
        let agent = match &offer.url {
            Some(url) => Endpoint::try_from(url)?,
            None => return Err("the offer does not contain the URL of its agent".into()),
        };
        let launched: Vec<_> = tasks
            .iter()
            .map(|task| Launched {
                task: task.task_id.clone(),
                agent_id: offer.agent_id.clone(),
                agent: agent.clone(),
                framework: offer.framework_id.clone(),
            })
            .collect();
        driver.launch(offer, tasks).await?;
        for launched in launched {
            self.launched.push(launched.task.clone());
            self.report(Report::Launched(launched)).await;
        }
        Ok(())
    }

    async fn report_waiting(&mut self, reason: String) {
        if self.reason != reason {
            self.reason.clone_from(&reason);
            self.report(Report::Waiting(reason)).await;
        }
    }
}

#[mesos::async_trait]
impl Scheduler<Cancel> for Tasks {
    async fn disconnected(
        &mut self,
        driver: &SchedulerDriver<Cancel>,
        disconnected: Disconnected,
    ) -> HandlerResult {
        // A person waits at a terminal, so an unreachable master ends the program. Once
        // subscribed, the driver retries.
        if driver.framework_id().is_none() {
            self.report(Report::Failed(disconnected.error)).await;
        } else {
            let why = mesos::error_chain(&disconnected.error);
            self.report_waiting(format!("connection lost, reconnecting: {why}"))
                .await;
        }
        Ok(())
    }

    async fn offers(
        &mut self,
        driver: &SchedulerDriver<Cancel>,
        offers: Vec<Offer>,
    ) -> HandlerResult {
        for offer in offers {
            if self.waiting.is_empty() {
                break;
            }
            self.use_offer(driver, offer).await?;
        }
        Ok(())
    }

    async fn update(
        &mut self,
        _driver: &SchedulerDriver<Cancel>,
        update: &StatusUpdate,
    ) -> HandlerResult {
        if update.is_terminal() {
            self.launched.retain(|task| *task != update.task_id);
        }
        let status = Box::new(update.to_status());
        self.report(Report::State(status)).await;
        Ok(())
    }

    async fn input(&mut self, driver: &SchedulerDriver<Cancel>, _cancel: Cancel) -> HandlerResult {
        for task in std::mem::take(&mut self.waiting) {
            self.report(Report::Canceled(task.task_id)).await;
        }
        for task in &self.launched {
            driver.kill(task).await?;
        }
        Ok(())
    }
}
