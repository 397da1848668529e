//! A framework with one task, which runs until it is killed.

use mesos::http::HttpBackend;
use mesos::resources::Resources;
use mesos::v1::{CommandInfo, TaskInfo, TaskState};
use mesos::{Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate};
use tokio::sync::mpsc;

use super::program::Cluster;

struct Sleeper {
    task: Option<TaskInfo>,
    started: mpsc::Sender<()>,
}

#[mesos::async_trait]
impl Scheduler for Sleeper {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        // Always the first agent, so that the tables are the same.
        for offer in offers {
            if offer.agent_id.value.ends_with("-S0")
                && let Some(task) = self.task.take()
            {
                driver.launch(offer, task).await?;
                // An offer that is still open would be in the tables.
                driver.suppress().await?;
            }
        }
        Ok(())
    }

    async fn update(&mut self, _: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        if update.task_state() == Ok(TaskState::TaskRunning) {
            let _ = self.started.send(()).await;
        }
        Ok(())
    }
}

/// The framework. Dropping it ends the framework with its task.
pub(crate) struct Running(#[allow(dead_code)] mesos::Running<SchedulerDriver, Sleeper>);

/// Starts the framework, and waits until its task runs.
pub(crate) fn start(cluster: &Cluster) -> Running {
    let (started, mut waiting) = mpsc::channel(8);
    let resources: Resources = "cpus:0.5;mem:64".parse().unwrap();
    let task = TaskInfo::builder("sleeper")
        .id("sleeper-1")
        .resources(resources)
        .command(CommandInfo::sh("sleep 1000"))
        .build();
    let scheduler = Sleeper {
        task: Some(task),
        started,
    };
    cluster.runtime.block_on(async {
        let backend = HttpBackend::new(cluster.local.master_url().parse().unwrap());
        let framework = Framework::ephemeral("sleepers");
        let driver = SchedulerDriver::start(scheduler, framework, backend);
        waiting.recv().await.expect("the task runs");
        Running(driver)
    })
}
