//! Operations on offers other than launches, and the feedback on operations with an id. RESERVE,
//! UNRESERVE, CREATE and DESTROY are supported; all others end in OPERATION_ERROR with a message.

use std::time::Duration;

use mesos_core::resources::Resources;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::offer::operation::Type;
use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::{FrameworkId, OperationId, OperationState, OperationStatus, Resource};

use super::super::clock::Action;
use super::Cluster;
use super::accept::Pool;
use super::launch::counted;
use super::records::OperationRecord;
use crate::events;

impl Cluster {
    pub(super) fn operate(
        &mut self,
        framework_id: &FrameworkId,
        operation: &Operation,
        pool: &mut Pool,
    ) {
        let feedback = self
            .agents
            .get(pool.agent_id.as_str())
            .is_some_and(|agent| agent.agent.operation_feedback);
        if operation.id.is_some() && !feedback {
            let message = format!(
                "Operation on agent default resources requested feedback, but agent {} does not \
                 have the required AGENT_OPERATION_FEEDBACK and RESOURCE_PROVIDER capabilities",
                pool.agent_id
            );
            return self.operation_error(framework_id, operation, &message);
        }
        let principal = self
            .frameworks
            .get(framework_id.as_str())
            .and_then(|framework| framework.info.principal.clone());
        let done = conversion(operation, principal.as_deref(), &pool.remaining);
        let (consumed, converted) = match done {
            Ok(done) => done,
            Err(message) => return self.operation_error(framework_id, operation, &message),
        };
        pool.remaining -= &consumed;
        pool.remaining += &converted;
        pool.converted = true;
        if let Some(agent) = self.agents.get_mut(pool.agent_id.as_str()) {
            agent.total -= &consumed;
            agent.total += &converted;
        }
        if let Some(id) = &operation.id {
            let status = OperationStatus {
                operation_id: Some(id.clone()),
                state: OperationState::OperationFinished as i32,
                converted_resources: converted.into(),
                ..Default::default()
            };
            let record = OperationRecord {
                agent_id: pool.agent_id.clone(),
                status: events::operation_from_agent(&pool.agent_id, status),
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

/// The resources that an operation consumes, and the resources that it creates.
fn conversion(
    operation: &Operation,
    principal: Option<&str>,
    remaining: &Resources,
) -> Result<(Resources, Resources), String> {
    let resources = |resources: &[Resource]| {
        counted(resources)
            .map_err(|error| format!("Operation attempted with invalid resources: {error}"))
    };
    let (consumed, converted) = match operation.r#type() {
        Type::Reserve => {
            let reserve = operation.reserve.as_ref().ok_or("RESERVE has no body")?;
            if !reserve.source.is_empty() {
                return Err(
                    "Reservation updates are not yet implemented for the scheduler API.".to_owned(),
                );
            }
            own_reservations(&reserve.resources, principal)?;
            let reserved = resources(&reserve.resources)?;
            (reserved.pop_reservation(), reserved)
        }
        Type::Unreserve => {
            let unreserve = operation
                .unreserve
                .as_ref()
                .ok_or("UNRESERVE has no body")?;
            let reserved = resources(&unreserve.resources)?;
            if !reserved.persistent_volumes().is_empty() {
                return Err(
                    "A reserved persistent volume cannot be unreserved directly.".to_owned(),
                );
            }
            let freed = reserved.pop_reservation();
            (reserved, freed)
        }
        Type::Create => {
            let create = operation.create.as_ref().ok_or("CREATE has no body")?;
            let volumes = resources(&create.volumes)?;
            (without_persistence(&volumes), volumes)
        }
        Type::Destroy => {
            let destroy = operation.destroy.as_ref().ok_or("DESTROY has no body")?;
            let volumes = resources(&destroy.volumes)?;
            let freed = without_persistence(&volumes);
            (volumes, freed)
        }
        other => {
            return Err(format!(
                "{} is not supported by this fake master",
                other.as_str_name()
            ));
        }
    };
    if !remaining.contains(&consumed) {
        return Err(format!(
            "Invalid {} Operation: {remaining} does not contain {consumed}",
            operation.r#type().as_str_name()
        ));
    }
    Ok((consumed, converted))
}

fn own_reservations(resources: &[Resource], principal: Option<&str>) -> Result<(), String> {
    for resource in resources {
        let Some(reservation) = resource.reservations.last() else {
            return Err(format!(
                "Resource {} is not dynamically reserved",
                resource.name
            ));
        };
        if reservation.principal.is_some() && reservation.principal.as_deref() != principal {
            return Err(
                "A reserve operation was attempted by a principal that is not that of the \
                 reservation"
                    .to_owned(),
            );
        }
    }
    Ok(())
}

/// The disk resources below persistent volumes.
fn without_persistence(volumes: &Resources) -> Resources {
    let plain = volumes.iter().cloned().map(|mut resource| {
        resource.shared = None;
        let source = resource.disk.take().and_then(|disk| disk.source);
        resource.disk = source.map(|source| {
            Box::new(mesos_proto::v1::resource::DiskInfo {
                source: Some(source),
                ..Default::default()
            })
        });
        resource
    });
    Resources::from_valid(plain).0
}
