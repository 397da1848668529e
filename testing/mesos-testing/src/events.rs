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

fn event(event_type: Type, body: impl FnOnce(&mut Event)) -> Event {
    let mut event = Event {
        r#type: Some(event_type as i32),
        ..Default::default()
    };
    body(&mut event);
    event
}

/// SUBSCRIBED. `heartbeat` is the interval that the master announces.
pub fn subscribed(
    framework_id: impl Into<FrameworkId>,
    heartbeat: std::time::Duration,
    master_info: Option<MasterInfo>,
) -> Event {
    event(Type::Subscribed, |event| {
        event.subscribed = Some(event::Subscribed {
            framework_id: framework_id.into(),
            heartbeat_interval_seconds: Some(heartbeat.as_secs_f64()),
            master_info,
        });
    })
}

/// HEARTBEAT.
pub fn heartbeat() -> Event {
    event(Type::Heartbeat, |_| {})
}

/// OFFERS.
pub fn offers(offers: impl IntoIterator<Item = Offer>) -> Event {
    event(Type::Offers, |event| {
        event.offers = Some(event::Offers {
            offers: offers.into_iter().collect(),
        });
    })
}

/// INVERSE_OFFERS.
pub fn inverse_offers(inverse_offers: impl IntoIterator<Item = InverseOffer>) -> Event {
    event(Type::InverseOffers, |event| {
        event.inverse_offers = Some(event::InverseOffers {
            inverse_offers: inverse_offers.into_iter().collect(),
        });
    })
}

/// RESCIND.
pub fn rescind(offer_id: impl Into<OfferId>) -> Event {
    event(Type::Rescind, |event| {
        event.rescind = Some(event::Rescind {
            offer_id: offer_id.into(),
        });
    })
}

/// RESCIND_INVERSE_OFFER.
pub fn rescind_inverse_offer(inverse_offer_id: impl Into<OfferId>) -> Event {
    event(Type::RescindInverseOffer, |event| {
        event.rescind_inverse_offer = Some(event::RescindInverseOffer {
            inverse_offer_id: inverse_offer_id.into(),
        });
    })
}

/// UPDATE. Mesos waits for an acknowledgement if the status has a `uuid`.
pub fn update(status: TaskStatus) -> Event {
    event(Type::Update, |event| {
        event.update = Some(event::Update { status });
    })
}

/// UPDATE_OPERATION_STATUS. Mesos waits for an acknowledgement if the status has a `uuid`.
pub fn operation_update(status: OperationStatus) -> Event {
    event(Type::UpdateOperationStatus, |event| {
        event.update_operation_status = Some(event::UpdateOperationStatus { status });
    })
}

/// MESSAGE, with the data of an executor.
pub fn message(
    agent_id: impl Into<AgentId>,
    executor_id: impl Into<ExecutorId>,
    data: impl Into<Bytes>,
) -> Event {
    event(Type::Message, |event| {
        event.message = Some(event::Message {
            agent_id: agent_id.into(),
            executor_id: executor_id.into(),
            data: data.into(),
        });
    })
}

/// FAILURE of an agent.
pub fn agent_failure(agent_id: impl Into<AgentId>) -> Event {
    event(Type::Failure, |event| {
        event.failure = Some(event::Failure {
            agent_id: Some(agent_id.into()),
            ..Default::default()
        });
    })
}

/// FAILURE of an executor. `status` is the exit status as of `wait(2)`, or −1 if it is unknown.
pub fn executor_failure(
    agent_id: impl Into<AgentId>,
    executor_id: impl Into<ExecutorId>,
    status: i32,
) -> Event {
    event(Type::Failure, |event| {
        event.failure = Some(event::Failure {
            agent_id: Some(agent_id.into()),
            executor_id: Some(executor_id.into()),
            status: Some(status),
        });
    })
}

/// ERROR. A master closes the stream after this event; use [`Stream::end`].
///
/// [`Stream::end`]: crate::Stream::end
pub fn error(message: impl Into<String>) -> Event {
    event(Type::Error, |event| {
        event.error = Some(event::Error {
            message: message.into(),
        });
    })
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
