//! Reports the statuses of one task. Each status repeats what is known about the task besides its state
//! (`createTaskStatus` in `src/launcher/executor.cpp` and `default_executor.cpp`).

use mesos_core::{ExecutorDriver, error_chain};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{CheckStatusInfo, ContainerStatus, TaskId, TaskState, TaskStatus};

use crate::checks::StatusChange;

/// Reports the statuses of one task.
#[derive(Debug)]
pub(crate) struct StatusReporter {
    driver: ExecutorDriver,
    task_id: TaskId,
    /// The check status in each status before the check has a result.
    empty: Option<CheckStatusInfo>,
    container: Option<ContainerStatus>,
    last: Option<TaskStatus>,
    /// Whether the task is to be killed for its health.
    unhealthy: bool,
}

impl StatusReporter {
    /// A reporter for a task whose check has no result yet.
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

    /// Adds the task's container to each status.
    pub(crate) fn in_container(mut self, container: ContainerStatus) -> Self {
        self.container = Some(container);
        self
    }

    /// Reports a state without a message.
    pub(crate) async fn report_state(&mut self, state: TaskState) {
        self.report(TaskStatus::new(self.task_id.clone(), state))
            .await;
    }

    /// Reports a status, completed by what is known about the task.
    pub(crate) async fn report(&mut self, mut status: TaskStatus) {
        status.check_status = self.empty;
        status.container_status = self.container.clone();
        // Only the last status (`reaped` in `src/launcher/executor.cpp`).
        if self.unhealthy && status.task_state().is_ok_and(TaskState::is_terminal) {
            status.healthy = Some(false);
        }
        self.send(status).await;
    }

    /// Reports the last status again, with the change.
    pub(crate) async fn report_change(&mut self, change: StatusChange) {
        let Some(mut status) = self.last.clone() else {
            return;
        };
        match change {
            StatusChange::Check(result) => {
                status.check_status = Some(result);
                status.reason = Some(Reason::TaskCheckStatusUpdated.into());
            }
            StatusChange::Health { healthy, kill } => {
                status.healthy = Some(healthy);
                status.reason = Some(Reason::TaskHealthCheckStatusUpdated.into());
                self.unhealthy |= kill;
            }
        }
        self.send(status).await;
    }

    async fn send(&mut self, status: TaskStatus) {
        self.last = Some(status.clone());
        send_update(&self.driver, status).await;
    }
}

/// Sends a status to the agent. Prints the error of a driver that has ended.
pub(crate) async fn send_update(driver: &ExecutorDriver, status: TaskStatus) {
    if let Err(error) = driver.send_update(status).await {
        eprintln!("cannot send a status update: {}", error_chain(&error));
    }
}
