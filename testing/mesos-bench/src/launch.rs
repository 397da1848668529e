//! Tasks on a real Mesos. All tasks run in one executor, which is this program, so that the row
//! measures Mesos and the drivers instead of process starts.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use futures_util::future::try_join_all;
use mesos_core::executor::ExecutorEnvironment;
use mesos_core::resources::Resources;
use mesos_core::scheduler::StatusUpdate;
use mesos_core::{
    Executor, ExecutorDriver, Framework, HandlerResult, Offer, Scheduler, SchedulerDriver,
};
use mesos_http::HttpBackend;
use mesos_native::NativeBackend;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::{CommandInfo, ExecutorInfo, Filters, TaskInfo, TaskState, TaskStatus};

use crate::job::{Launch, Outcome};
use crate::lock::lock;

/// The content of a message, and the number of messages sent concurrently.
const MESSAGE: &[u8] = &[0; 100];
const AT_ONCE: usize = 64;

/// The resources of a task.
pub(crate) const TASK: &str = "cpus:0.1";

struct Finishing;

#[async_trait]
impl Executor for Finishing {
    async fn launch(&mut self, driver: &ExecutorDriver, task: TaskInfo) -> HandlerResult {
        let finished = TaskStatus::new(task.task_id, TaskState::TaskFinished);
        let messages = task.data.as_deref().map(std::str::from_utf8).transpose()?;
        let messages = messages.map_or(Ok(0), str::parse::<u32>)?;
        // The task does not wait for the acknowledgement.
        let driver = driver.clone();
        tokio::spawn(async move {
            for first in (0..messages).step_by(AT_ONCE) {
                let some = first..messages.min(first + AT_ONCE as u32);
                try_join_all(some.map(|_| driver.send_message(MESSAGE))).await?;
            }
            driver.send_update(finished).await
        });
        Ok(())
    }
}

/// Runs this program as the executor.
///
/// # Errors
/// The error of the driver.
pub async fn execute() -> Result<()> {
    let environment = ExecutorEnvironment::from_env_scrubbed()?;
    let backend = HttpBackend::for_executor(&environment)?;
    ExecutorDriver::run(Finishing, environment, backend).await?;
    Ok(())
}

struct Tasks {
    executor: ExecutorInfo,
    launched: u32,
    ended: u32,
    all: u32,
    began: Option<Instant>,
    /// The first round waits for the start of the executor.
    warm: bool,
    outcome: std::sync::Arc<std::sync::Mutex<Outcome>>,
}

/// The executor, which is this program.
pub(crate) fn executor() -> Result<ExecutorInfo> {
    let program = std::env::current_exe()?;
    let program = program
        .to_str()
        .context("this program's path is not UTF-8")?;
    let executor = ExecutorInfo::builder("bench")
        .command(CommandInfo::argv([program, "executor"]))
        .cpus(0.1)
        .mem(64.0);
    Ok(executor.build())
}

/// Runs a scheduler to its end.
pub(crate) async fn schedule(scheduler: impl Scheduler + 'static, launch: &Launch) -> Result<()> {
    let framework = Framework::ephemeral("bench");
    if launch.native {
        let library = mesos_local::load_libmesos(mesos_local::DEFAULT_VERSION).await?;
        let backend = NativeBackend::new(library, launch.master.parse()?)?;
        SchedulerDriver::run(scheduler, framework, backend).await?;
    } else {
        let backend = HttpBackend::new(launch.master.parse()?);
        SchedulerDriver::run(scheduler, framework, backend).await?;
    }
    Ok(())
}

/// Runs the tasks. Measures the time from the launch of the second round to the last end.
pub(crate) async fn run(launch: Launch) -> Result<Outcome> {
    let outcome = std::sync::Arc::default();
    let tasks = Tasks {
        executor: executor()?,
        launched: 0,
        ended: 0,
        all: launch.count,
        began: None,
        warm: false,
        outcome: std::sync::Arc::clone(&outcome),
    };
    schedule(tasks, &launch).await?;
    let outcome = lock(&outcome).clone();
    if outcome.count == 0 {
        bail!("the scheduler ended before its tasks did");
    }
    Ok(outcome)
}

impl Tasks {
    /// As many tasks as fit into the offer.
    fn fill(&mut self, offer: &Offer) -> Result<Vec<TaskInfo>> {
        let mut room = offer.resources()?;
        let mut executor = self.executor.clone();
        let needed = Resources::try_from(std::mem::take(&mut executor.resources))?;
        let Ok(taken) = room.take(&needed) else {
            return Ok(Vec::new());
        };
        executor.resources = taken.into();
        let share: Resources = TASK.parse()?;
        let mut tasks = Vec::new();
        let most = if self.warm {
            self.all - self.launched
        } else {
            1
        };
        while (tasks.len() as u32) < most {
            let Ok(resources) = room.take(&share) else {
                break;
            };
            let id = format!("t{}-{}", self.warm, self.launched + tasks.len() as u32);
            let task = TaskInfo::builder(&*id).id(&*id).executor(executor.clone());
            let mut task = task.build();
            task.resources = resources.into();
            task.agent_id = offer.agent_id.clone();
            tasks.push(task);
        }
        Ok(tasks)
    }
}

#[async_trait]
impl Scheduler for Tasks {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            let tasks = self.fill(&offer)?;
            if tasks.is_empty() {
                continue;
            }
            if self.warm {
                self.began.get_or_insert_with(Instant::now);
            }
            self.launched += tasks.len() as u32;
            let launch = Operation::launch(tasks);
            let soon = Filters::refuse(std::time::Duration::ZERO);
            driver.accept([offer], [launch], Some(soon)).await?;
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        if update.state() != TaskState::TaskFinished {
            return Err(format!("a task became {:?}", update.state()).into());
        }
        self.ended += 1;
        if !self.warm {
            (self.warm, self.launched, self.ended) = (true, 0, 0);
        } else if self.ended == self.all {
            let seconds = self
                .began
                .map_or(0.0, |began| began.elapsed().as_secs_f64());
            let mut outcome = lock(&self.outcome);
            (outcome.seconds, outcome.count) = (seconds, u64::from(self.all));
            driver.stop();
        }
        Ok(())
    }
}
