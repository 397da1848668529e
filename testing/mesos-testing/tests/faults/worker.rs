//! The scheduler: launches tasks on every offer, and records the updates that it received and
//! handled.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mesos_core::resources::Resources;
use mesos_core::scheduler::Subscribed;
use mesos_core::{
    BackoffPolicy, Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate,
};
use mesos_http::{Codec, HttpBackend};
use mesos_testing::v1::offer::Operation;
use mesos_testing::v1::{CommandInfo, Filters, TaskInfo, TaskState};
use tokio::time::{Instant, sleep, timeout};

use crate::fault::Fault;

/// The recording of a worker; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) launching: bool,
    pub(crate) launched: u64,
    pub(crate) subscriptions: u64,
    /// Updates with a uuid that a handler received, including repeated ones.
    pub(crate) delivered: u64,
    /// How often the handler failed or was slow.
    pub(crate) faults: u64,
    /// The updates whose handler returned `Ok`, by uuid. One update has several tasks and states if
    /// some of its copies were garbled.
    pub(crate) handled: HashMap<Bytes, HashSet<(String, TaskState)>>,
}

impl Notes {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the launches, but not before an update was handled: even if a fault lasted the whole
    /// time, updates must arrive afterwards. Waits at most for `limit`.
    pub(crate) async fn stop_launching(&self, limit: Duration) {
        let end = Instant::now() + limit;
        while self.lock().handled.is_empty() && Instant::now() < end {
            // sleep: polls the recording of the handlers.
            sleep(Duration::from_millis(20)).await;
        }
        self.lock().launching = false;
    }
}

/// The kind of tasks.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// The maximum number of tasks on one offer.
    pub(crate) most: usize,
    pub(crate) cpus: f64,
    pub(crate) command: String,
}

pub(crate) struct Worker {
    notes: Notes,
    work: Work,
    fault: Fault,
    random: fastrand::Rng,
}

impl Worker {
    /// Starts a worker for the master at `url`.
    pub(crate) fn start(
        url: &str,
        codec: Codec,
        (fault, seed): (Fault, u64),
        work: Work,
    ) -> (SchedulerDriver, Notes) {
        let notes = Notes::default();
        notes.lock().launching = true;
        let worker = Self {
            notes: notes.clone(),
            work,
            fault,
            random: fastrand::Rng::with_seed(seed),
        };
        // Shorter timeouts than in production, to provoke more of them.
        let backend = HttpBackend::new(url.parse().unwrap())
            .codec(codec)
            .connect_timeout(Duration::from_secs(2))
            .response_timeout(Duration::from_secs(1));
        let backoff = BackoffPolicy::new(Duration::from_millis(20), Duration::from_millis(200));
        let framework = Framework::with_failover_timeout(fault.name(), Duration::from_secs(3600))
            .backoff(backoff);
        (
            SchedulerDriver::start(worker, framework, backend).detach(),
            notes,
        )
    }

    async fn misbehave(&mut self) -> HandlerResult {
        // The faults have ended: an agent doubles its delay with each failure.
        if !self.notes.lock().launching {
            return Ok(());
        }
        match self.fault {
            Fault::HandlerFails if self.random.u8(0..3) == 0 => {
                self.notes.lock().faults += 1;
                Err("out of luck".into())
            }
            Fault::SlowHandler => {
                self.notes.lock().faults += 1;
                // sleep: this handler is slow on purpose.
                sleep(Duration::from_millis(self.random.u64(0..60))).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl Scheduler for Worker {
    async fn subscribed(&mut self, _: &SchedulerDriver, _: Subscribed) -> HandlerResult {
        self.notes.lock().subscriptions += 1;
        Ok(())
    }

    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        let each: Resources = format!("cpus:{};mem:32", self.work.cpus).parse()?;
        for offer in offers {
            let mut left = offer.resources()?;
            let mut tasks = Vec::new();
            while self.notes.lock().launching
                && tasks.len() < self.work.most
                && left.take(&each).is_ok()
            {
                let number = {
                    let mut notes = self.notes.lock();
                    notes.launched += 1;
                    notes.launched
                };
                let id = format!("{}.{number}", driver.framework_id().unwrap_or_default());
                let command = CommandInfo::sh(&self.work.command).with_env("TASK", &id);
                let task = TaskInfo::builder("work").id(id).command(command);
                tasks.push(task.cpus(self.work.cpus).mem(32.0).build());
            }
            if tasks.is_empty() {
                continue;
            }
            let launch = Operation::launch(tasks);
            let at_once = Filters {
                refuse_seconds: Some(0.0),
            };
            // A failed launch does not matter: the peer counts the tasks.
            let _ = driver.accept([offer], [launch], Some(at_once)).await;
        }
        Ok(())
    }

    async fn update(&mut self, _: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        let Some(uuid) = update
            .uuid
            .clone()
            .filter(|_| update.needs_acknowledgement())
        else {
            return Ok(());
        };
        self.notes.lock().delivered += 1;
        self.misbehave().await?;
        // A garbled byte may have produced a state that does not exist.
        let state = (update.task_id.value.clone(), update.task_state()?);
        let mut notes = self.notes.lock();
        notes.handled.entry(uuid).or_default().insert(state);
        Ok(())
    }
}

/// The result of the driver, if it has ended.
pub(crate) async fn ended(driver: &SchedulerDriver) -> Option<String> {
    match timeout(Duration::ZERO, driver.join()).await {
        Ok(Ok(end)) => Some(format!("{end:?}")),
        Ok(Err(error)) => Some(mesos_core::error_chain(&error)),
        Err(_) => None,
    }
}
