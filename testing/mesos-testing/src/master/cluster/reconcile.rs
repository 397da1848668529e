//! RECONCILE and RECONCILE_OPERATIONS: `reconcile` and `reconcileOperations` in
//! src/master/master.cpp.

use std::time::SystemTime;

use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::task_status::{Reason, Source};
use mesos_proto::v1::{
    FrameworkId, OperationState, OperationStatus, TaskState, TaskStatus, TimeInfo,
};

use super::Cluster;
use super::records::Task;
use crate::events;

impl Cluster {
    pub(super) fn reconcile(
        &mut self,
        framework_id: &FrameworkId,
        tasks: &[call::reconcile::Task],
    ) {
        let Some(framework) = self.frameworks.get(framework_id.as_str()) else {
            return;
        };
        let now = self.nature.now();
        let answers: Vec<TaskStatus> = if tasks.is_empty() {
            let tasks = framework.tasks.values();
            tasks.map(|task| latest(task, now)).collect()
        } else {
            let aware = framework.partition_aware();
            tasks
                .iter()
                .filter_map(|asked| match framework.tasks.get(asked.task_id.as_str()) {
                    Some(task) => Some(latest(task, now)),
                    None => self.unknown(asked, aware),
                })
                .collect()
        };
        for status in answers {
            self.send(framework_id, events::update(status));
        }
    }

    /// The answer for a task that the master does not know. `None` while its agent may still
    /// return.
    fn unknown(&self, asked: &call::reconcile::Task, aware: bool) -> Option<TaskStatus> {
        let agent_id = asked.agent_id.as_ref().map(|id| id.as_str());
        let (state, message, since): (_, _, Option<TimeInfo>) = match agent_id {
            Some(id) if self.recovered.contains_key(id) => return None,
            None if !self.recovered.is_empty() => return None,
            Some(id) if self.agents.contains_key(id) => (
                TaskState::TaskGone,
                "Reconciliation: Task is unknown to the agent",
                None,
            ),
            Some(id) if self.unreachable.contains_key(id) => (
                TaskState::TaskUnreachable,
                "Reconciliation: Task is unreachable",
                self.unreachable
                    .get(id)
                    .and_then(|agent| agent.unreachable_since),
            ),
            Some(id) if self.gone.contains(id) => (
                TaskState::TaskGoneByOperator,
                "Reconciliation: Task is gone",
                None,
            ),
            _ => (
                TaskState::TaskUnknown,
                "Reconciliation: Task is unknown",
                None,
            ),
        };
        let state = if aware { state } else { TaskState::TaskLost };
        let status = TaskStatus::new(&asked.task_id, state).with_message(message);
        let mut status = answer(status, self.nature.now());
        status.agent_id.clone_from(&asked.agent_id);
        status.unreachable_time = since;
        Some(status)
    }

    pub(super) fn reconcile_operations(
        &mut self,
        framework_id: &FrameworkId,
        operations: &[call::reconcile_operations::Operation],
    ) {
        let Some(framework) = self.frameworks.get(framework_id.as_str()) else {
            return;
        };
        let answers: Vec<OperationStatus> = if operations.is_empty() {
            framework
                .operations
                .values()
                .map(|operation| operation.latest())
                .collect()
        } else {
            operations
                .iter()
                .map(
                    |asked| match framework.operations.get(asked.operation_id.as_str()) {
                        Some(operation) => operation.latest(),
                        None => self.unknown_operation(asked),
                    },
                )
                .collect()
        };
        for status in answers {
            self.send(framework_id, events::operation_update(status));
        }
    }

    fn unknown_operation(&self, asked: &call::reconcile_operations::Operation) -> OperationStatus {
        let state = match asked.agent_id.as_ref().map(|id| id.as_str()) {
            Some(id) if self.recovered.contains_key(id) => OperationState::OperationRecovering,
            Some(id) if self.unreachable.contains_key(id) => OperationState::OperationUnreachable,
            Some(id) if self.gone.contains(id) => OperationState::OperationGoneByOperator,
            _ => OperationState::OperationUnknown,
        };
        OperationStatus {
            operation_id: Some(asked.operation_id.clone()),
            state: state as i32,
            message: Some("Reconciliation: operation is unknown".to_owned()),
            agent_id: asked.agent_id.clone(),
            resource_provider_id: asked.resource_provider_id.clone(),
            ..Default::default()
        }
    }
}

/// The last status that the master has forwarded for a live task, or the state that it knows.
fn latest(task: &Task, now: SystemTime) -> TaskStatus {
    let mut status = TaskStatus::new(&task.info.task_id, TaskState::TaskStaging)
        .with_message("Reconciliation: Latest task state");
    status.state = task.state;
    if let Some(forwarded) = &task.forwarded {
        status.state = forwarded.state;
        status.healthy = forwarded.healthy;
        status.check_status.clone_from(&forwarded.check_status);
        status
            .container_status
            .clone_from(&forwarded.container_status);
        status.executor_id.clone_from(&forwarded.executor_id);
    }
    status.agent_id = Some(task.agent_id.clone());
    answer(status, now)
}

/// Without a uuid: such a status is not acknowledged.
fn answer(status: TaskStatus, now: SystemTime) -> TaskStatus {
    let mut status = status.with_reason(Reason::Reconciliation).with_time(now);
    status.source = Some(Source::Master as i32);
    status
}
