//! Builds the call messages. No state, no I/O.

use mesos_proto::v1::scheduler::call::{self, Type};
use mesos_proto::v1::scheduler::{Call, OfferConstraints};
use mesos_proto::v1::{
    AgentId, ExecutorId, Filters, FrameworkInfo, KillPolicy, OfferId, OperationStatus, Request,
    TaskId, TaskStatus, offer::Operation,
};

/// A call of `call_type`; the driver fills in the framework's id.
fn call(call_type: Type, body: impl FnOnce(&mut Call)) -> Call {
    let mut call = Call {
        r#type: Some(call_type as i32),
        ..Default::default()
    };
    body(&mut call);
    call
}

/// A SUBSCRIBE with `framework_info.id` in both places.
pub(super) fn subscribe(
    framework_info: FrameworkInfo,
    suppressed_roles: Vec<String>,
    offer_constraints: Option<OfferConstraints>,
) -> Call {
    call(Type::Subscribe, |call| {
        call.framework_id.clone_from(&framework_info.id);
        call.subscribe = Some(call::Subscribe {
            framework_info,
            suppressed_roles,
            offer_constraints,
        });
    })
}

pub(super) fn teardown() -> Call {
    call(Type::Teardown, |_| {})
}

pub(super) fn accept(
    offer_ids: Vec<OfferId>,
    operations: Vec<Operation>,
    filters: Option<Filters>,
) -> Call {
    call(Type::Accept, |call| {
        call.accept = Some(call::Accept {
            offer_ids,
            operations,
            filters,
        });
    })
}

pub(super) fn decline(offer_ids: Vec<OfferId>, filters: Option<Filters>) -> Call {
    call(Type::Decline, |call| {
        call.decline = Some(call::Decline { offer_ids, filters });
    })
}

pub(super) fn accept_inverse_offers(ids: Vec<OfferId>, filters: Option<Filters>) -> Call {
    call(Type::AcceptInverseOffers, |call| {
        call.accept_inverse_offers = Some(call::AcceptInverseOffers {
            inverse_offer_ids: ids,
            filters,
        });
    })
}

pub(super) fn decline_inverse_offers(ids: Vec<OfferId>, filters: Option<Filters>) -> Call {
    call(Type::DeclineInverseOffers, |call| {
        call.decline_inverse_offers = Some(call::DeclineInverseOffers {
            inverse_offer_ids: ids,
            filters,
        });
    })
}

pub(super) fn revive(roles: Vec<String>) -> Call {
    call(Type::Revive, |call| {
        call.revive = Some(call::Revive { roles });
    })
}

pub(super) fn suppress(roles: Vec<String>) -> Call {
    call(Type::Suppress, |call| {
        call.suppress = Some(call::Suppress { roles });
    })
}

pub(super) fn kill(
    task_id: TaskId,
    agent_id: Option<AgentId>,
    kill_policy: Option<KillPolicy>,
) -> Call {
    call(Type::Kill, |call| {
        call.kill = Some(call::Kill {
            task_id,
            agent_id,
            kill_policy,
        });
    })
}

pub(super) fn shutdown(agent_id: AgentId, executor_id: ExecutorId) -> Call {
    call(Type::Shutdown, |call| {
        call.shutdown = Some(call::Shutdown {
            executor_id,
            agent_id,
        });
    })
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
            Self::Task(body) => call(Type::Acknowledge, |call| call.acknowledge = Some(body)),
            Self::Operation(body) => call(Type::AcknowledgeOperationStatus, |call| {
                call.acknowledge_operation_status = Some(body);
            }),
        }
    }
}

/// Whether Mesos expects an acknowledgement: only of an update with a uuid.
pub(super) fn needs_acknowledgement(status: &TaskStatus) -> bool {
    let uuid = status.uuid.as_ref().is_some_and(|uuid| !uuid.is_empty());
    // Mesos sets both or neither, and the call needs both.
    if uuid && status.agent_id.is_none() {
        tracing::warn!(task = %status.task_id.value, "update with uuid but without agent id");
    }
    uuid && status.agent_id.is_some()
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
pub(super) fn acknowledge(status: TaskStatus) -> Option<AckBody> {
    Some(AckBody::Task(call::Acknowledge {
        agent_id: status.agent_id?,
        task_id: status.task_id,
        uuid: status.uuid?,
    }))
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

/// The span of an acknowledgement.
pub(super) fn span(call: &Call) -> tracing::Span {
    match (&call.acknowledge, &call.acknowledge_operation_status) {
        (Some(body), _) => tracing::info_span!(
            "acknowledge", task_id = %body.task_id.value, agent_id = %body.agent_id.value
        ),
        (None, Some(body)) => {
            tracing::info_span!("acknowledge", operation_id = %body.operation_id.value)
        }
        (None, None) => tracing::Span::none(),
    }
}

pub(super) fn reconcile(tasks: Vec<call::reconcile::Task>) -> Call {
    call(Type::Reconcile, |call| {
        call.reconcile = Some(call::Reconcile { tasks });
    })
}

pub(super) fn reconcile_operations(operations: Vec<call::reconcile_operations::Operation>) -> Call {
    call(Type::ReconcileOperations, |call| {
        call.reconcile_operations = Some(call::ReconcileOperations { operations });
    })
}

pub(super) fn message(agent_id: AgentId, executor_id: ExecutorId, data: bytes::Bytes) -> Call {
    call(Type::Message, |call| {
        call.message = Some(call::Message {
            agent_id,
            executor_id,
            data,
        });
    })
}

pub(super) fn request(requests: Vec<Request>) -> Call {
    call(Type::Request, |call| {
        call.request = Some(call::Request { requests });
    })
}

pub(super) fn update_framework(
    framework_info: FrameworkInfo,
    suppressed_roles: Vec<String>,
    offer_constraints: Option<OfferConstraints>,
) -> Call {
    call(Type::UpdateFramework, |call| {
        call.update_framework = Some(call::UpdateFramework {
            framework_info,
            suppressed_roles,
            offer_constraints,
        });
    })
}
