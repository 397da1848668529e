//! Builds the call messages. No state, no I/O.

use mesos_proto::v1::scheduler::call::{self, Type};
use mesos_proto::v1::scheduler::{Call, OfferConstraints};
use mesos_proto::v1::{
    AgentId, ExecutorId, Filters, FrameworkInfo, KillPolicy, OfferId, OperationStatus, Request,
    TaskId, offer::Operation,
};

use super::status::Status;

/// A SUBSCRIBE with `framework_info.id` in both places.
pub(super) fn subscribe(
    framework_info: FrameworkInfo,
    suppressed_roles: Vec<String>,
    offer_constraints: Option<OfferConstraints>,
) -> Call {
    Call {
        framework_id: framework_info.id.clone(),
        ..call::Subscribe {
            framework_info,
            suppressed_roles,
            offer_constraints,
        }
        .into()
    }
}

pub(super) fn teardown() -> Call {
    Type::Teardown.into()
}

pub(super) fn accept(
    offer_ids: Vec<OfferId>,
    operations: Vec<Operation>,
    filters: Option<Filters>,
) -> Call {
    call::Accept {
        offer_ids,
        operations,
        filters,
    }
    .into()
}

pub(super) fn decline(offer_ids: Vec<OfferId>, filters: Option<Filters>) -> Call {
    call::Decline { offer_ids, filters }.into()
}

pub(super) fn accept_inverse_offers(ids: Vec<OfferId>, filters: Option<Filters>) -> Call {
    call::AcceptInverseOffers {
        inverse_offer_ids: ids,
        filters,
    }
    .into()
}

pub(super) fn decline_inverse_offers(ids: Vec<OfferId>, filters: Option<Filters>) -> Call {
    call::DeclineInverseOffers {
        inverse_offer_ids: ids,
        filters,
    }
    .into()
}

pub(super) fn revive(roles: Vec<String>) -> Call {
    call::Revive { roles }.into()
}

pub(super) fn suppress(roles: Vec<String>) -> Call {
    call::Suppress { roles }.into()
}

pub(super) fn kill(
    task_id: TaskId,
    agent_id: Option<AgentId>,
    kill_policy: Option<KillPolicy>,
) -> Call {
    call::Kill {
        task_id,
        agent_id,
        kill_policy,
    }
    .into()
}

pub(super) fn shutdown(agent_id: AgentId, executor_id: ExecutorId) -> Call {
    call::Shutdown {
        executor_id,
        agent_id,
    }
    .into()
}

/// The body of an acknowledgement. Much smaller than the call.
#[derive(Clone)]
pub(super) enum AckBody {
    Task(call::Acknowledge),
    Operation(call::AcknowledgeOperationStatus),
}

impl AckBody {
    pub(super) fn into_call(self) -> Call {
        match self {
            Self::Task(body) => body.into(),
            Self::Operation(body) => body.into(),
        }
    }
}

/// Whether Mesos expects an acknowledgement: only of an update with a uuid.
pub(super) fn needs_acknowledgement(status: &Status) -> bool {
    let uuid = status.uuid_bytes().is_some_and(|uuid| !uuid.is_empty());
    let agent_id = status.agent_id_bytes().is_some();
    // Mesos sets both or neither, and the call needs both.
    if uuid && !agent_id {
        tracing::warn!(
            task = %status.task_id(),
            "update with uuid but without agent id"
        );
    }
    uuid && agent_id
}

/// As [`needs_acknowledgement`]. The ids of the agent and of the operation are mandatory here
/// (`src/master/validation.cpp`).
pub(super) fn operation_needs_acknowledgement(status: &OperationStatus) -> bool {
    let ids = status.operation_id.is_some() && status.agent_id.is_some();
    if status.uuid.is_some() && !ids {
        tracing::warn!("operation update with uuid but without operation id or agent id");
    }
    status.uuid.is_some() && ids
}

/// The acknowledgement of an update that [needs one](needs_acknowledgement).
pub(super) fn acknowledge(status: &Status) -> Option<AckBody> {
    let mut body = call::Acknowledge::default();
    status.acknowledge(&mut body).then_some(AckBody::Task(body))
}

/// The acknowledgement of an update that [needs one](operation_needs_acknowledgement).
pub(super) fn acknowledge_operation(status: OperationStatus) -> Option<AckBody> {
    Some(AckBody::Operation(call::AcknowledgeOperationStatus {
        agent_id: Some(status.agent_id?),
        resource_provider_id: status.resource_provider_id,
        uuid: status.uuid?.value,
        operation_id: status.operation_id?,
    }))
}

/// The span of the acknowledgement of a task's update. `ids` are those of the task and of the agent;
/// they are needed only if the span is enabled.
pub(super) fn task_span<'a>(ids: impl Fn() -> (&'a str, &'a str)) -> tracing::Span {
    tracing::info_span!("acknowledge", task_id = %ids().0, agent_id = %ids().1)
}

fn operation_span(body: &call::AcknowledgeOperationStatus) -> tracing::Span {
    tracing::info_span!("acknowledge", operation_id = %body.operation_id.value)
}

/// The span of an acknowledgement.
pub(super) fn span(call: &Call) -> tracing::Span {
    match (&call.acknowledge, &call.acknowledge_operation_status) {
        (Some(body), _) => task_span(|| (&body.task_id.value, &body.agent_id.value)),
        (None, Some(body)) => operation_span(body),
        (None, None) => tracing::Span::none(),
    }
}

/// An acknowledgement without a body, to be sent many times.
pub(super) fn acknowledge_template() -> Call {
    Type::Acknowledge.into()
}

pub(super) fn reconcile(tasks: Vec<call::reconcile::Task>) -> Call {
    call::Reconcile { tasks }.into()
}

pub(super) fn reconcile_operations(operations: Vec<call::reconcile_operations::Operation>) -> Call {
    call::ReconcileOperations { operations }.into()
}

pub(super) fn message(agent_id: AgentId, executor_id: ExecutorId, data: bytes::Bytes) -> Call {
    call::Message {
        agent_id,
        executor_id,
        data,
    }
    .into()
}

pub(super) fn request(requests: Vec<Request>) -> Call {
    call::Request { requests }.into()
}

pub(super) fn update_framework(
    framework_info: FrameworkInfo,
    suppressed_roles: Vec<String>,
    offer_constraints: Option<OfferConstraints>,
) -> Call {
    call::UpdateFramework {
        framework_info,
        suppressed_roles,
        offer_constraints,
    }
    .into()
}
