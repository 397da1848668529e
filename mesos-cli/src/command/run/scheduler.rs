//! The scheduler: launches each task once, and sends reports to the program.

use std::collections::{HashMap, VecDeque};

use mesos::resources::Resources;
use mesos::scheduler::KillOptions;
use mesos::v1::{AgentId, FrameworkId, TaskId, TaskInfo, TaskStatus};
use mesos::{
    Delivery, Disconnected, Endpoint, ErrorKind, HandlerResult, Offer, Scheduler, SchedulerDriver,
    StatusUpdate, TaskFate,
};
use tokio::sync::mpsc;

use crate::error::Error;

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
    /// The tasks cannot be launched, or the launch of a task was lost.
    Failed(Error),
}

/// Where a task was launched.
#[derive(Debug)]
pub(super) struct Launched {
    pub(super) task: TaskId,
    pub(super) agent_id: AgentId,
    /// The address of the agent; an error if the offer did not contain it.
    pub(super) agent: Result<Endpoint, String>,
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
    /// The launched tasks whose launch has an unknown result, and why. The driver requests their
    /// states.
    unknown: HashMap<TaskId, mesos::Error>,
    reports: mpsc::Sender<Report>,
    /// The last reason for which a task waits, which is not repeated.
    reason: String,
}

impl Tasks {
    pub(super) fn new(tasks: Vec<TaskInfo>, reports: mpsc::Sender<Report>) -> Self {
        Self {
            waiting: tasks.into(),
            launched: Vec::new(),
            unknown: HashMap::new(),
            reports,
            reason: String::new(),
        }
    }

    async fn report(&self, report: Report) {
        // The program no longer receives reports when it is about to exit.
        let _ = self.reports.send(report).await;
    }

    /// Launches as many tasks as fit into the offer. An error is final.
    async fn use_offer(
        &mut self,
        driver: &SchedulerDriver<Cancel>,
        offer: Offer,
    ) -> Result<(), Error> {
        let tasks = self.take_fitting(&offer).await?;
        if tasks.is_empty() {
            return Ok(());
        }
        let agent = match &offer.url {
            Some(url) => Endpoint::try_from(url).map_err(|error| mesos::error_chain(&error)),
            None => Err("the offer does not contain the address of the agent".to_owned()),
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
        if let Err(error) = driver.launch(offer, tasks.clone()).await {
            if error.delivery() == Delivery::Unknown {
                let why = mesos::error_chain(&error);
                self.report_waiting(format!("waiting for the result of the launch: {why}"))
                    .await;
                let ids = launched.iter().map(|launched| launched.task.clone());
                self.unknown.extend(ids.map(|id| (id, error.clone())));
            } else if error.is_retryable() || error.kind() == ErrorKind::OfferGone {
                for task in tasks.into_iter().rev() {
                    self.waiting.push_front(task);
                }
                let why = mesos::error_chain(&error);
                self.report_waiting(format!("waiting for another offer: {why}"))
                    .await;
                return Ok(());
            } else {
                return Err(error.into());
            }
        }
        for launched in launched {
            self.launched.push(launched.task.clone());
            self.report(Report::Launched(launched)).await;
        }
        Ok(())
    }

    /// Takes the first waiting tasks that fit into the offer, with resources of the offer.
    async fn take_fitting(&mut self, offer: &Offer) -> Result<Vec<TaskInfo>, Error> {
        let mut left = offer.resources()?;
        let mut tasks = Vec::new();
        while let Some(mut task) = self.waiting.pop_front() {
            let need = Resources::try_from(task.resources.clone())
                .map_err(|error| Error::usage(format!("the resources are invalid: {error}")))?;
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
        Ok(tasks)
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
            self.report(Report::Failed(disconnected.error.into())).await;
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
            // The driver only logs the error of a handler.
            if let Err(error) = self.use_offer(driver, offer).await {
                self.report(Report::Failed(error)).await;
                break;
            }
        }
        Ok(())
    }

    async fn update(
        &mut self,
        _driver: &SchedulerDriver<Cancel>,
        update: &StatusUpdate,
    ) -> HandlerResult {
        let fate = update.fate();
        if fate.is_ok_and(TaskFate::is_over) {
            self.launched.retain(|task| *task != update.task_id);
        }
        // Mesos knows nothing of a task whose launch did not arrive.
        if let Some(error) = self.unknown.remove(&update.task_id)
            && matches!(
                fate,
                Ok(TaskFate::Gone | TaskFate::Lost | TaskFate::Unknown)
            )
        {
            let error = Error::from(error).context("the launch was lost");
            self.report(Report::Failed(error)).await;
            return Ok(());
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
            driver.kill_until_ended(task.clone(), KillOptions::new())?;
        }
        Ok(())
    }
}
