//! A deterministic scheduler.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos::v1::{CommandInfo, Filters, TaskId, TaskInfo, TaskState};
use mesos::{Delivery, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate, TaskFate};

/// Runs items, one task for each offer.
pub(crate) struct Batch {
    waiting: Vec<usize>,
    /// The items of the running tasks.
    running: BTreeMap<String, usize>,
    attempts: usize,
    command: &'static str,
    random_ids: bool,
}

impl Batch {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            waiting: (0..count).collect(),
            running: BTreeMap::new(),
            attempts: 0,
            command: "work",
            random_ids: false,
        }
    }

    pub(crate) fn with_random_ids(mut self) -> Self {
        self.random_ids = true;
        self
    }

    pub(crate) fn running(mut self, command: &'static str) -> Self {
        self.command = command;
        self
    }
}

#[mesos::async_trait]
impl Scheduler for Batch {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            let Some(item) = self.waiting.pop() else {
                let filters = Filters::refuse(Duration::from_secs(600));
                let _ = driver.decline([offer], Some(filters)).await;
                continue;
            };
            self.attempts += 1;
            let id = match self.random_ids {
                true => TaskId::random(),
                false => format!("{item}.{}", self.attempts).into(),
            };
            let task = TaskInfo::builder("item").id(id.clone()).cpus(0.5).mem(32.0);
            let task = task.command(CommandInfo::sh(self.command)).build();
            self.running.insert(id.value.clone(), item);
            if let Err(error) = driver.launch(offer, [task]).await
                && error.delivery() != Delivery::Unknown
            {
                self.waiting.extend(self.running.remove(&id.value));
            }
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        if matches!(update.fate()?, TaskFate::Active | TaskFate::Unreachable) {
            return Ok(());
        }
        let Some(item) = self.running.remove(update.task_id.as_str()) else {
            return Ok(());
        };
        if update.task_state()? != TaskState::TaskFinished {
            self.waiting.push(item);
        }
        if !self.waiting.is_empty() {
            let _ = driver.revive().await;
        } else if self.running.is_empty() {
            driver.stop();
        }
        Ok(())
    }
}
