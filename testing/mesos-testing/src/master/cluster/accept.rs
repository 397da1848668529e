//! ACCEPT: `accept` and `_accept` in src/master/master.cpp, `offer::validate` in
//! src/master/validation.cpp.

use std::collections::BTreeSet;

use mesos_core::resources::Resources;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::offer::operation::Type;
use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::task_status::{Reason, Source};
use mesos_proto::v1::{AgentId, FrameworkId, OfferId, TaskInfo, TaskState, TaskStatus};

use super::super::validate::{group, prepare, resource, task};
use super::Cluster;
use crate::events;

/// The combined offers of one ACCEPT.
pub(super) struct Pool {
    pub(super) agent_id: AgentId,
    pub(super) role: String,
    /// Allocated to the role.
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
        // The first pass refuses what is wrong by itself, before anything has an effect.
        let operations: Vec<Operation> = accept
            .operations
            .into_iter()
            .filter(|operation| self.is_well_formed(framework_id, operation, &pool.agent_id))
            .collect();
        for operation in operations {
            self.apply(framework_id, operation, &mut pool);
        }
        pool.remaining.unallocate();
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
            let mut resources = offer.resources;
            resources.allocate(&pool.role);
            pool.remaining += resources;
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
                     '{} but another is using role '{}",
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

    /// Whether an operation has a body with valid resources, and an id only if it may have one. If
    /// not, the framework receives the refusal.
    fn is_well_formed(
        &self,
        framework_id: &FrameworkId,
        operation: &Operation,
        agent_id: &AgentId,
    ) -> bool {
        let kind = operation.r#type();
        let refusal = match prepare::resources(operation) {
            Err(why) if is_launch(operation) => why,
            Err(why) => format!("Operation attempted with invalid resources: {why}"),
            Ok(()) if operation.id.is_none() => return true,
            Ok(()) if is_launch(operation) => format!(
                "The `id` field cannot be set on {} operations",
                kind.as_str_name()
            ),
            Ok(()) if self.has_operation_feedback(agent_id) => return true,
            Ok(()) => format!(
                "Operation requested feedback, but agent {agent_id} does not have the required \
                 RESOURCE_PROVIDER capability"
            ),
        };
        if is_launch(operation) {
            let reason = match kind {
                Type::LaunchGroup => Reason::TaskGroupInvalid,
                _ => Reason::TaskInvalid,
            };
            self.refuse_tasks(framework_id, operation, reason, &refusal);
        } else {
            self.operation_error(framework_id, operation, &refusal);
        }
        false
    }

    fn refuse_tasks(
        &self,
        framework_id: &FrameworkId,
        operation: &Operation,
        reason: Reason,
        message: &str,
    ) {
        for task in tasks_of(operation) {
            self.send_status(framework_id, task, TaskState::TaskError, reason, message);
        }
    }

    fn apply(&mut self, framework_id: &FrameworkId, sent: Operation, pool: &mut Pool) {
        let mut complete = sent.clone();
        prepare::complete(&mut complete, &pool.role, framework_id);
        match sent.r#type() {
            Type::Launch => {
                for (sent, complete) in tasks_of(&sent).iter().zip(tasks_of(&complete)) {
                    self.launch(framework_id, sent, complete, pool);
                }
            }
            Type::LaunchGroup => self.launch_group(framework_id, &sent, &complete, pool),
            _ => self.operate(framework_id, &complete, pool),
        }
    }

    fn launch(
        &mut self,
        framework_id: &FrameworkId,
        sent: &TaskInfo,
        complete: &TaskInfo,
        pool: &mut Pool,
    ) {
        let Some(framework) = self.frameworks.get(framework_id.as_str()) else {
            return;
        };
        match task::task(complete, framework, &pool.agent_id, &pool.remaining) {
            Ok(used) => {
                pool.remaining -= &used;
                let executor = complete.executor.clone();
                self.start_task(framework_id, sent.clone(), executor, &pool.agent_id, used);
            }
            Err(message) => self.send_status(
                framework_id,
                sent,
                TaskState::TaskError,
                Reason::TaskInvalid,
                &message,
            ),
        }
    }

    fn launch_group(
        &mut self,
        framework_id: &FrameworkId,
        sent: &Operation,
        complete: &Operation,
        pool: &mut Pool,
    ) {
        let (Some(launch), Some(framework)) = (
            &complete.launch_group,
            self.frameworks.get(framework_id.as_str()),
        ) else {
            return;
        };
        match group::group(launch, framework, &pool.agent_id, &pool.remaining) {
            Ok(mut additional) => {
                for (sent_task, task) in tasks_of(sent).iter().zip(&launch.task_group.tasks) {
                    // The first task carries the resources of a new executor.
                    let used = resource::sum(&task.resources) + std::mem::take(&mut additional);
                    pool.remaining -= &used;
                    let mut info = sent_task.clone();
                    info.executor = sent.launch_group.as_ref().map(|sent| sent.executor.clone());
                    let executor = Some(launch.executor.clone());
                    self.start_task(framework_id, info, executor, &pool.agent_id, used);
                }
            }
            Err(message) => {
                self.refuse_tasks(framework_id, sent, Reason::TaskGroupInvalid, &message);
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
            .with_time(self.nature.now());
        status.source = Some(Source::Master as i32);
        status.agent_id = Some(task.agent_id.clone());
        self.send(framework_id, events::update(status));
    }
}

fn is_launch(operation: &Operation) -> bool {
    matches!(operation.r#type(), Type::Launch | Type::LaunchGroup)
}

fn tasks_of(operation: &Operation) -> &[TaskInfo] {
    let (launch, group) = (&operation.launch, &operation.launch_group);
    match operation.r#type() {
        Type::Launch => launch.as_ref().map_or(&[], |launch| &launch.task_infos),
        Type::LaunchGroup => group.as_ref().map_or(&[], |group| &group.task_group.tasks),
        _ => &[],
    }
}
