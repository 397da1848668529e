//! The scheduler: launches one task and sends reports to the program.

use mesos::resources::Resources;
use mesos::v1::{AgentId, FrameworkId, TaskId, TaskInfo, TaskStatus};
use mesos::{
    BoxError, Disconnected, Endpoint, Error, HandlerResult, Offer, Scheduler, SchedulerDriver,
};
use tokio::sync::mpsc;

/// A report of the scheduler to the program.
#[derive(Debug)]
pub(crate) enum Report {
    /// The launch was sent to the agent.
    Launched {
        task_id: TaskId,
        agent_id: AgentId,
        agent: Endpoint,
        framework_id: FrameworkId,
    },
    /// The task changed its state.
    State(Box<TaskStatus>),
    /// Why the task is not launched yet.
    Waiting(String),
    /// The task cannot be launched.
    Failed(Error),
}

/// See the module.
pub(crate) struct RunTask {
    /// The task, until it is launched.
    task: Option<TaskInfo>,
    reports: mpsc::Sender<Report>,
    reported_waiting: bool,
}

impl RunTask {
    pub(crate) fn new(task: TaskInfo, reports: mpsc::Sender<Report>) -> Self {
        Self {
            task: Some(task),
            reports,
            reported_waiting: false,
        }
    }

    async fn report(&self, report: Report) {
        // The program no longer receives reports when it is about to exit.
        let _ = self.reports.send(report).await;
    }

    async fn launch(&mut self, driver: &SchedulerDriver, offer: Offer) -> Result<(), BoxError> {
        let Some(task) = self.task.take() else {
            return Ok(());
        };
        let agent = match &offer.url {
            Some(url) => Endpoint::try_from(url)?,
            None => return Err("the offer does not contain the URL of its agent".into()),
        };
        let report = Report::Launched {
            task_id: task.task_id.clone(),
            agent_id: offer.agent_id.clone(),
            agent,
            framework_id: offer.framework_id.clone(),
        };
        driver.launch(offer, [task]).await?;
        self.report(report).await;
        Ok(())
    }
}

#[mesos::async_trait]
impl Scheduler for RunTask {
    async fn disconnected(
        &mut self,
        driver: &SchedulerDriver,
        disconnected: Disconnected,
    ) -> HandlerResult {
        // A person waits at a terminal, so an unreachable master ends the program. Once
        // subscribed, the driver retries.
        if driver.framework_id().is_none() {
            self.report(Report::Failed(disconnected.error)).await;
        } else {
            let why = mesos::error_chain(&disconnected.error);
            let waiting = Report::Waiting(format!("connection lost, reconnecting: {why}"));
            self.report(waiting).await;
        }
        Ok(())
    }

    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            let Some(task) = &self.task else { break };
            let need = Resources::try_from(task.resources.clone())?;
            match offer.resources()?.take(&need) {
                Ok(taken) => {
                    if let Some(task) = &mut self.task {
                        task.resources = taken.into();
                    }
                    self.launch(driver, offer).await?;
                }
                Err(missing) if !self.reported_waiting => {
                    self.reported_waiting = true;
                    let waiting = format!("waiting for a larger offer: {missing}");
                    self.report(Report::Waiting(waiting)).await;
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    async fn update(
        &mut self,
        _driver: &SchedulerDriver,
        update: &mesos::StatusUpdate,
    ) -> HandlerResult {
        let status = Box::new(update.to_status());
        self.report(Report::State(status)).await;
        Ok(())
    }
}
