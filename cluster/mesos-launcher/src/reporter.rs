//! The statuses of one task, each of which repeats what is known of it beside its state
//! (`createTaskStatus` in `src/launcher/executor.cpp` and `default_executor.cpp`).

use mesos_core::{ExecutorDriver, error_chain};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{CheckStatusInfo, ContainerStatus, TaskId, TaskState, TaskStatus};

use crate::checks::News;

/// Reports on one task.
#[derive(Debug)]
pub(crate) struct Statuses {
    driver: ExecutorDriver,
    task_id: TaskId,
    /// What each status has to say of the task's check.
    empty: Option<CheckStatusInfo>,
    container: Option<ContainerStatus>,
    last: Option<TaskStatus>,
    /// Whether the task is to be killed for its health.
    unhealthy: bool,
}

impl Statuses {
    /// For a task whose check has no result yet.
    pub(crate) fn new(
        driver: ExecutorDriver,
        task_id: TaskId,
        empty: Option<CheckStatusInfo>,
    ) -> Self {
        Self {
            driver,
            task_id,
            empty,
            container: None,
            last: None,
            unhealthy: false,
        }
    }

    /// With the container that the task is.
    pub(crate) fn in_container(mut self, container: ContainerStatus) -> Self {
        self.container = Some(container);
        self
    }

    /// Reports a state, without a word.
    pub(crate) async fn state(&mut self, state: TaskState) {
        self.status(TaskStatus::new(self.task_id.clone(), state))
            .await;
    }

    /// Reports a status that has only what is new in it.
    pub(crate) async fn status(&mut self, mut status: TaskStatus) {
        status.check_status = self.empty;
        status.container_status = self.container.clone();
        if self.unhealthy {
            status.healthy = Some(false);
        }
        self.send(status).await;
    }

    /// Reports the last status again, with the news.
    pub(crate) async fn news(&mut self, news: News) {
        let Some(mut status) = self.last.clone() else {
            return;
        };
        match news {
            News::Check(result) => {
                status.check_status = Some(result);
                status.reason = Some(Reason::TaskCheckStatusUpdated.into());
            }
            News::Health { healthy, kill } => {
                status.healthy = Some(healthy);
                status.reason = Some(Reason::TaskHealthCheckStatusUpdated.into());
                self.unhealthy |= kill;
            }
        }
        self.send(status).await;
    }

    async fn send(&mut self, status: TaskStatus) {
        self.last = Some(status.clone());
        send(&self.driver, status).await;
    }
}

/// Reports a status. There is nobody to report to after the driver's end.
pub(crate) async fn send(driver: &ExecutorDriver, status: TaskStatus) {
    if let Err(error) = driver.send_update(status).await {
        eprintln!("an update was not sent: {}", error_chain(&error));
    }
}
