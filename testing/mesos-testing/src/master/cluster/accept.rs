//! ACCEPT: `accept` and `_accept` in src/master/master.cpp, `offer::validate` in
//! src/master/validation.cpp.

use std::collections::BTreeSet;

use mesos_core::resources::Resources;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::offer::operation::Type;
use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::task_status::{Reason, Source};
use mesos_proto::v1::{AgentId, FrameworkId, OfferId, TaskInfo, TaskState, TaskStatus};

use super::Cluster;
use super::launch;
use crate::events;

/// The combined offers of one ACCEPT.
pub(super) struct Pool {
    pub(super) agent_id: AgentId,
    pub(super) role: String,
    pub(super) remaining: Resources,
    /// Whether an operation has changed the remaining resources. Such resources are returned
    /// without a filter.
    pub(super) converted: bool,
}

impl Cluster {
    pub(super) fn accept(&mut self, framework_id: &FrameworkId, accept: call::Accept) {
        if let Err(error) = self.offers_fit(framework_id, &accept.offer_ids) {
            tracing::warn!(%error, "ACCEPT used invalid offers");
            // The valid offers of the call are used up as well.
            for id in &accept.offer_ids {
                self.offers.remove(id.as_str());
            }
            self.request_allocation();
            let state = self.dropped(framework_id);
            for operation in &accept.operations {
                if is_launch(operation) {
                    let message = format!("Task launched with invalid offers: {error}");
                    for task in tasks_of(operation) {
                        self.send_status(
                            framework_id,
                            task,
                            state,
                            Reason::InvalidOffers,
                            &message,
                        );
                    }
                } else {
                    let message = format!("Operation attempted with invalid offers: {error}");
                    self.operation_error(framework_id, operation, &message);
                }
            }
            return;
        }
        let Some(mut pool) = self.pool(&accept.offer_ids) else {
            return;
        };
        for operation in &accept.operations {
            self.apply(framework_id, operation, &mut pool);
        }
        let filters = match pool.converted {
            true => Some(mesos_proto::v1::Filters {
                refuse_seconds: Some(0.0),
            }),
            false => accept.filters,
        };
        self.refuse(
            framework_id,
            pool.role,
            pool.agent_id,
            pool.remaining,
            filters.as_ref(),
        );
    }

    fn pool(&mut self, ids: &[OfferId]) -> Option<Pool> {
        let mut pool: Option<Pool> = None;
        for id in ids {
            let offer = self.offers.remove(id.as_str())?;
            let pool = pool.get_or_insert_with(|| Pool {
                agent_id: offer.agent_id,
                role: offer.role,
                remaining: Resources::new(),
                converted: false,
            });
            pool.remaining += offer.resources;
        }
        pool
    }

    /// Checks in the order of the master: distinct, valid, of this framework, of one role, of one
    /// agent.
    fn offers_fit(&self, framework_id: &FrameworkId, ids: &[OfferId]) -> Result<(), String> {
        if ids.is_empty() {
            return Err("No offers specified".to_owned());
        }
        let mut distinct = BTreeSet::new();
        if let Some(twin) = ids.iter().find(|id| !distinct.insert(id.as_str())) {
            return Err(format!("Duplicate offer {twin} in offer list"));
        }
        let mut offers = Vec::new();
        for id in ids {
            match self.offers.get(id.as_str()) {
                Some(offer) => offers.push((id, offer)),
                None => return Err(format!("Offer {id} is no longer valid")),
            }
        }
        for (id, offer) in &offers {
            if offer.framework_id != *framework_id {
                return Err(format!(
                    "Offer {id} has invalid framework {} while framework {framework_id} is \
                     expected",
                    offer.framework_id
                ));
            }
        }
        let (_, first) = offers[0];
        for (id, offer) in &offers {
            if offer.role != first.role {
                return Err(format!(
                    "Aggregated offers must be allocated to the same role. Offer {id} uses role \
                     '{}' but another is using role '{}'",
                    offer.role, first.role
                ));
            }
        }
        for (id, offer) in &offers {
            if offer.agent_id != first.agent_id {
                return Err(format!(
                    "Aggregated offers must belong to one single agent. Offer {id} uses agent {} \
                     and agent {}",
                    offer.agent_id, first.agent_id
                ));
            }
        }
        Ok(())
    }

    fn apply(&mut self, framework_id: &FrameworkId, operation: &Operation, pool: &mut Pool) {
        let launches = is_launch(operation);
        if launches && operation.id.is_some() {
            let reason = invalid(operation);
            for task in tasks_of(operation) {
                let message = "The `id` field cannot be set on LAUNCH operations";
                self.send_status(framework_id, task, TaskState::TaskError, reason, message);
            }
            return;
        }
        match operation.r#type() {
            Type::Launch => {
                for task in tasks_of(operation) {
                    self.launch(framework_id, task, pool);
                }
            }
            Type::LaunchGroup => self.launch_group(framework_id, operation, pool),
            _ => self.operate(framework_id, operation, pool),
        }
    }

    fn launch(&mut self, framework_id: &FrameworkId, task: &TaskInfo, pool: &mut Pool) {
        let Some(framework) = self.frameworks.get(framework_id.as_str()) else {
            return;
        };
        match launch::task(task, framework, &pool.agent_id, &pool.remaining) {
            Ok(used) => {
                pool.remaining -= &used;
                self.start_task(framework_id, task.clone(), &pool.agent_id, used);
            }
            Err(message) => self.send_status(
                framework_id,
                task,
                TaskState::TaskError,
                Reason::TaskInvalid,
                &message,
            ),
        }
    }

    fn launch_group(&mut self, framework_id: &FrameworkId, operation: &Operation, pool: &mut Pool) {
        let (Some(group), Some(framework)) = (
            &operation.launch_group,
            self.frameworks.get(framework_id.as_str()),
        ) else {
            return;
        };
        match launch::group(group, framework, &pool.agent_id, &pool.remaining) {
            Ok(shares) => {
                for (task, used) in group.task_group.tasks.iter().zip(shares) {
                    pool.remaining -= &used;
                    let mut task = task.clone();
                    task.executor = Some(group.executor.clone());
                    self.start_task(framework_id, task, &pool.agent_id, used);
                }
            }
            Err(message) => {
                for task in tasks_of(operation) {
                    self.send_status(
                        framework_id,
                        task,
                        TaskState::TaskError,
                        Reason::TaskGroupInvalid,
                        &message,
                    );
                }
            }
        }
    }

    /// The state of a task that never reached its agent.
    fn dropped(&self, framework_id: &FrameworkId) -> TaskState {
        let framework = self.frameworks.get(framework_id.as_str());
        match framework.is_some_and(|framework| framework.partition_aware()) {
            true => TaskState::TaskDropped,
            false => TaskState::TaskLost,
        }
    }

    /// Sends the master's own status of a task. It has no uuid, so it needs no acknowledgement.
    fn send_status(
        &self,
        framework_id: &FrameworkId,
        task: &TaskInfo,
        state: TaskState,
        reason: Reason,
        message: &str,
    ) {
        let mut status = TaskStatus::new(&task.task_id, state)
            .with_reason(reason)
            .with_message(message)
            .with_time(std::time::SystemTime::now());
        status.source = Some(Source::Master as i32);
        status.agent_id = Some(task.agent_id.clone());
        self.send(framework_id, events::update(status));
    }
}

fn is_launch(operation: &Operation) -> bool {
    matches!(operation.r#type(), Type::Launch | Type::LaunchGroup)
}

fn invalid(operation: &Operation) -> Reason {
    match operation.r#type() {
        Type::LaunchGroup => Reason::TaskGroupInvalid,
        _ => Reason::TaskInvalid,
    }
}

fn tasks_of(operation: &Operation) -> &[TaskInfo] {
    match (&operation.launch, &operation.launch_group) {
        (Some(launch), _) => &launch.task_infos,
        (None, Some(group)) => &group.task_group.tasks,
        (None, None) => &[],
    }
}
