//! Operations on offers other than launches, and the feedback on operations with an id.
//! CREATE_DISK and DESTROY_DISK end in OPERATION_ERROR, as on agents without a resource provider.

use std::time::Duration;

use mesos_core::resources::Resources;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::offer::operation::Type;
use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::{
    AgentId, FrameworkId, FrameworkInfo, OperationId, OperationState, OperationStatus, Resource,
    value,
};

use super::super::clock::Action;
use super::super::validate::operation::stripped;
use super::super::validate::resource::{sum, text};
use super::super::validate::{self, Check};
use super::Cluster;
use super::accept::Pool;
use super::agents::AgentState;
use super::records::OperationRecord;
use crate::events;

impl Cluster {
    /// Whether an agent has the capabilities RESOURCE_PROVIDER and AGENT_OPERATION_FEEDBACK.
    pub(super) fn has_operation_feedback(&self, agent_id: &AgentId) -> bool {
        let agent = self.agents.get(agent_id.as_str());
        agent.is_some_and(|agent| agent.agent.operation_feedback)
    }

    /// Executes an operation other than a launch: `_accept` in src/master/master.cpp.
    pub(super) fn operate(
        &mut self,
        framework_id: &FrameworkId,
        operation: &Operation,
        pool: &mut Pool,
    ) {
        let (Some(framework), Some(agent)) = (
            self.frameworks.get(framework_id.as_str()),
            self.agents.get_mut(pool.agent_id.as_str()),
        ) else {
            return;
        };
        let done = check(operation, &framework.info, agent)
            .and_then(|()| conversion(operation, &pool.remaining));
        let (consumed, converted) = match done {
            Ok(done) => done,
            Err(message) => return self.operation_error(framework_id, operation, &message),
        };
        pool.remaining -= &consumed;
        // A resized volume cannot be used before the agent has resized the volume.
        let resizes = matches!(operation.r#type(), Type::GrowVolume | Type::ShrinkVolume);
        if !resizes {
            pool.remaining += &converted;
        }
        pool.converted = true;
        let unallocated = |resources: &Resources| {
            let mut resources = resources.clone();
            resources.unallocate();
            resources
        };
        agent.total -= unallocated(&consumed);
        agent.total += unallocated(&converted);
        if let Some(id) = &operation.id {
            let status = OperationStatus {
                operation_id: Some(id.clone()),
                state: OperationState::OperationFinished as i32,
                converted_resources: converted.into(),
                ..Default::default()
            };
            let record = OperationRecord {
                agent_id: pool.agent_id.clone(),
                status: OperationStatus {
                    uuid: Some(self.nature.uuid_bytes().into()),
                    ..events::operation_from_agent(&pool.agent_id, status)
                },
            };
            if let Some(framework) = self.frameworks.get_mut(framework_id.as_str()) {
                framework.operations.insert(id.value.clone(), record);
            }
            self.resend_operation(framework_id, id, self.settings.retry_min);
        }
    }

    /// The master refuses an operation. An operation with an id gets a status without uuid and
    /// agent, any other gets none.
    pub(super) fn operation_error(
        &self,
        framework_id: &FrameworkId,
        operation: &Operation,
        message: &str,
    ) {
        tracing::warn!(message, "dropping an operation");
        let Some(id) = &operation.id else {
            return;
        };
        let status = OperationStatus {
            operation_id: Some(id.clone()),
            state: OperationState::OperationError as i32,
            message: Some(message.to_owned()),
            ..Default::default()
        };
        self.send(framework_id, events::operation_update(status));
    }

    /// Sends the status of an operation, and again after `wait` unless it is acknowledged.
    pub(super) fn resend_operation(
        &mut self,
        framework_id: &FrameworkId,
        operation_id: &OperationId,
        wait: Duration,
    ) {
        let framework = self.frameworks.get(framework_id.as_str());
        let Some(record) =
            framework.and_then(|framework| framework.operations.get(operation_id.as_str()))
        else {
            return;
        };
        if record.status.uuid.is_none() {
            return;
        }
        let status = record.status.clone();
        self.send(framework_id, events::operation_update(status));
        let again = Action::ResendOperation {
            framework_id: framework_id.clone(),
            operation_id: operation_id.clone(),
            wait: wait.saturating_mul(2).min(self.settings.retry_max),
        };
        self.clock.after(wait, again);
    }

    pub(super) fn acknowledge_operation(
        &mut self,
        framework_id: &FrameworkId,
        acknowledge: &call::AcknowledgeOperationStatus,
    ) {
        let Some(framework) = self.frameworks.get_mut(framework_id.as_str()) else {
            return;
        };
        let id = acknowledge.operation_id.as_str();
        let matches = framework.operations.get(id).is_some_and(|record| {
            acknowledge.agent_id.as_ref() == Some(&record.agent_id)
                && record
                    .status
                    .uuid
                    .as_ref()
                    .is_some_and(|uuid| uuid.value == acknowledge.uuid)
        });
        if matches {
            framework.operations.remove(id);
        }
    }
}

/// The checks of the content, with the agent in the text.
fn check(operation: &Operation, info: &FrameworkInfo, agent: &AgentState) -> Check {
    let rule = validate::operation::Checked {
        framework: info,
        total: &agent.total,
        used: &agent.used,
    };
    let disk = matches!(operation.r#type(), Type::CreateDisk | Type::DestroyDisk);
    let name = format!("{} ({})", agent.agent.id, agent.agent.hostname);
    if disk && !agent.agent.operation_feedback {
        return Err(format!(
            "Not supported on agent {name} because it does not have RESOURCE_PROVIDER capability"
        ));
    }
    rule.check(operation)
        .map_err(|why| format!("{why}; on agent {name}"))
}

/// The resources that an operation consumes, and the resources that it creates:
/// `getResourceConversions` in src/common/resources_utils.cpp.
fn conversion(
    operation: &Operation,
    remaining: &Resources,
) -> Result<(Resources, Resources), String> {
    let plain = |volumes: &[Resource]| {
        let stripped: Vec<Resource> = volumes.iter().map(stripped).collect();
        sum(&stripped)
    };
    let mut resizes = "";
    let (consumed, converted) = if let Some(reserve) = &operation.reserve {
        let reserved = sum(&reserve.resources);
        (reserved.pop_reservation(), reserved)
    } else if let Some(unreserve) = &operation.unreserve {
        let reserved = sum(&unreserve.resources);
        let freed = reserved.pop_reservation();
        (reserved, freed)
    } else if let Some(create) = &operation.create {
        (plain(&create.volumes), sum(&create.volumes))
    } else if let Some(destroy) = &operation.destroy {
        (sum(&destroy.volumes), plain(&destroy.volumes))
    } else if let Some(grow) = &operation.grow_volume {
        resizes = "Invalid GROW_VOLUME operation: ";
        let grown = with_amount(&grow.volume, amount(&grow.volume) + amount(&grow.addition));
        (
            sum(&[grow.volume.clone(), grow.addition.clone()]),
            sum(&[grown]),
        )
    } else if let Some(shrink) = &operation.shrink_volume {
        resizes = "Invalid SHRINK_VOLUME operation: ";
        let freed = with_amount(&stripped(&shrink.volume), shrink.subtract.value);
        let left = amount(&shrink.volume) - shrink.subtract.value;
        let shrunk = with_amount(&shrink.volume, left);
        (
            sum(std::slice::from_ref(&shrink.volume)),
            sum(&[shrunk, freed]),
        )
    } else {
        // The agents have no resource providers, so no offer has such a disk.
        let source = match (&operation.create_disk, &operation.destroy_disk) {
            (Some(create), _) => &create.source,
            (None, Some(destroy)) => &destroy.source,
            (None, None) => return Err("Unknown offer operation".to_owned()),
        };
        return Err(format!(
            "Invalid {} Operation: {remaining} does not contain {}",
            operation.r#type().as_str_name(),
            text(source)
        ));
    };
    match remaining.contains(&consumed) {
        true => Ok((consumed, converted)),
        false => Err(format!("{resizes}{remaining} does not contain {consumed}")),
    }
}

fn amount(resource: &Resource) -> f64 {
    resource.scalar.unwrap_or_default().value
}

fn with_amount(resource: &Resource, value: f64) -> Resource {
    Resource {
        scalar: Some(value::Scalar { value }),
        ..resource.clone()
    }
}
