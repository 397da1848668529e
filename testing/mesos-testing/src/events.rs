//! Events of the scheduler API, to be sent by a [`FakeMaster`](crate::FakeMaster).
//!
//! ```
//! use mesos_testing::events;
//! use mesos_testing::v1::{TaskState, TaskStatus};
//!
//! let status = TaskStatus::new("web", TaskState::TaskRunning).with_random_uuid();
//! let event = events::update(status);
//! assert!(event.update.is_some());
//! ```

use bytes::Bytes;
use mesos_proto::v1::scheduler::Event;
use mesos_proto::v1::scheduler::event::{self, Type};
use mesos_proto::v1::{
    AgentId, ExecutorId, FrameworkId, InverseOffer, MasterInfo, Offer, OfferId, OperationStatus,
    Resource, TaskStatus, Uuid, resource,
};

/// SUBSCRIBED. `heartbeat` is the interval that the master announces.
pub fn subscribed(
    framework_id: impl Into<FrameworkId>,
    heartbeat: std::time::Duration,
    master_info: Option<MasterInfo>,
) -> Event {
    event::Subscribed {
        framework_id: framework_id.into(),
        heartbeat_interval_seconds: Some(heartbeat.as_secs_f64()),
        master_info,
    }
    .into()
}

/// HEARTBEAT.
pub fn heartbeat() -> Event {
    Type::Heartbeat.into()
}

/// OFFERS.
pub fn offers(offers: impl IntoIterator<Item = Offer>) -> Event {
    event::Offers {
        offers: offers.into_iter().collect(),
    }
    .into()
}

/// INVERSE_OFFERS.
pub fn inverse_offers(inverse_offers: impl IntoIterator<Item = InverseOffer>) -> Event {
    event::InverseOffers {
        inverse_offers: inverse_offers.into_iter().collect(),
    }
    .into()
}

/// RESCIND.
pub fn rescind(offer_id: impl Into<OfferId>) -> Event {
    event::Rescind {
        offer_id: offer_id.into(),
    }
    .into()
}

/// RESCIND_INVERSE_OFFER.
pub fn rescind_inverse_offer(inverse_offer_id: impl Into<OfferId>) -> Event {
    event::RescindInverseOffer {
        inverse_offer_id: inverse_offer_id.into(),
    }
    .into()
}

/// UPDATE. Mesos waits for an acknowledgement if the status has a `uuid`.
pub fn update(status: TaskStatus) -> Event {
    event::Update { status }.into()
}

/// UPDATE_OPERATION_STATUS. Mesos waits for an acknowledgement if the status has a `uuid`.
pub fn operation_update(status: OperationStatus) -> Event {
    event::UpdateOperationStatus { status }.into()
}

/// MESSAGE, with the data of an executor.
pub fn message(
    agent_id: impl Into<AgentId>,
    executor_id: impl Into<ExecutorId>,
    data: impl Into<Bytes>,
) -> Event {
    event::Message {
        agent_id: agent_id.into(),
        executor_id: executor_id.into(),
        data: data.into(),
    }
    .into()
}

/// FAILURE of an agent.
pub fn agent_failure(agent_id: impl Into<AgentId>) -> Event {
    event::Failure {
        agent_id: Some(agent_id.into()),
        ..Default::default()
    }
    .into()
}

/// FAILURE of an executor. `status` is the exit status as of `wait(2)`, or −1 if it is unknown.
pub fn executor_failure(
    agent_id: impl Into<AgentId>,
    executor_id: impl Into<ExecutorId>,
    status: i32,
) -> Event {
    event::Failure {
        agent_id: Some(agent_id.into()),
        executor_id: Some(executor_id.into()),
        status: Some(status),
    }
    .into()
}

/// ERROR. A master closes the stream after this event; use [`Stream::end`].
///
/// [`Stream::end`]: crate::Stream::end
pub fn error(message: impl Into<String>) -> Event {
    event::Error {
        message: message.into(),
    }
    .into()
}

/// An event of a type that no released Mesos has. With JSON the event has no type, because there is
/// no name for it; use [`Stream::send_record`] to send other JSON.
///
/// [`Stream::send_record`]: crate::Stream::send_record
pub fn unknown(type_number: i32) -> Event {
    Event {
        r#type: Some(type_number),
        ..Default::default()
    }
}

/// An offer for one `role` of a framework with the capability MULTI_ROLE. The resources are
/// allocated to the role, as a master does.
pub fn offer(
    id: impl Into<OfferId>,
    agent_id: impl Into<AgentId>,
    role: &str,
    resources: impl IntoIterator<Item = Resource>,
) -> Offer {
    let agent_id = agent_id.into();
    Offer {
        id: id.into(),
        hostname: format!("{}.example", agent_id.value),
        agent_id,
        framework_id: FrameworkId::from("any"),
        allocation_info: Some(resource::AllocationInfo {
            role: Some(role.to_owned()),
        }),
        resources: resources
            .into_iter()
            .map(|resource| resource.allocated_to(role))
            .collect(),
        ..Default::default()
    }
}

/// Adds the fields that an agent sets to `status`: agent id, time, source, and a new `uuid` to
/// acknowledge.
pub fn from_agent(agent_id: impl Into<AgentId>, status: TaskStatus) -> TaskStatus {
    use mesos_proto::v1::task_status::Source;
    let mut status = status
        .with_random_uuid()
        .with_time(std::time::SystemTime::now());
    status.agent_id = Some(agent_id.into());
    status.source.get_or_insert(Source::Executor as i32);
    status
}

/// Adds the fields that an agent sets to `status`: agent id, and a new `uuid` to acknowledge.
pub fn operation_from_agent(
    agent_id: impl Into<AgentId>,
    mut status: OperationStatus,
) -> OperationStatus {
    status.agent_id = Some(agent_id.into());
    status.uuid = Some(Uuid::random());
    status
}
