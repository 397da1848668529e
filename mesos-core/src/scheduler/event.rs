//! Converts the protobuf message of an event into a Rust enum.

use bytes::Bytes;
use mesos_proto::v1::scheduler::event::Type;
use mesos_proto::v1::{
    self, AgentId, ExecutorId, FrameworkId, InverseOffer, MasterInfo, OfferId, OperationStatus,
    TaskStatus,
};

use super::{Failure, UnknownEvent};
use crate::error::{Error, ErrorKind, Result};

/// An event of the scheduler API (`include/mesos/v1/scheduler/scheduler.proto`).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The subscription was granted.
    Subscribed {
        /// The framework's id.
        framework_id: FrameworkId,
        /// Seconds between heartbeats.
        heartbeat_interval_seconds: Option<f64>,
        /// The master that granted the subscription.
        master_info: Option<MasterInfo>,
    },
    /// New offers.
    Offers(Vec<v1::Offer>),
    /// New inverse offers.
    InverseOffers(Vec<InverseOffer>),
    /// An offer is no longer valid.
    Rescind(OfferId),
    /// An inverse offer is no longer valid.
    RescindInverseOffer(OfferId),
    /// A task's state.
    Update(Box<TaskStatus>),
    /// An operation's state.
    UpdateOperationStatus(Box<OperationStatus>),
    /// Bytes from an executor.
    Message {
        /// The executor's agent.
        agent_id: AgentId,
        /// The executor.
        executor_id: ExecutorId,
        /// The bytes.
        data: Bytes,
    },
    /// An agent or executor failed.
    Failure(Failure),
    /// The subscription ended permanently.
    Error(String),
    /// A periodic sign that the connection works.
    Heartbeat,
    /// An event of a type that this version does not know.
    Unknown(UnknownEvent),
}

impl Event {
    /// Converts `event`, which was decoded from `record`. An event of an unknown type becomes
    /// [`Event::Unknown`].
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] for an event of a known type without its body.
    pub fn lift(event: v1::scheduler::Event, record: Bytes) -> Result<Self> {
        let type_number = event.r#type.unwrap_or_default();
        let event_type = Type::try_from(type_number).unwrap_or(Type::Unknown);
        Ok(match event_type {
            Type::Unknown => Self::Unknown(UnknownEvent {
                type_number,
                // A copy, because the record may be a part of a larger buffer.
                record: Bytes::copy_from_slice(&record),
            }),
            Type::Subscribed => {
                let body = body(event.subscribed, "subscribed")?;
                Self::Subscribed {
                    framework_id: body.framework_id,
                    heartbeat_interval_seconds: body.heartbeat_interval_seconds,
                    master_info: body.master_info,
                }
            }
            Type::Offers => Self::Offers(body(event.offers, "offers")?.offers),
            Type::InverseOffers => {
                Self::InverseOffers(body(event.inverse_offers, "inverse_offers")?.inverse_offers)
            }
            Type::Rescind => Self::Rescind(body(event.rescind, "rescind")?.offer_id),
            Type::RescindInverseOffer => Self::RescindInverseOffer(
                body(event.rescind_inverse_offer, "rescind_inverse_offer")?.inverse_offer_id,
            ),
            Type::Update => Self::Update(Box::new(body(event.update, "update")?.status)),
            Type::UpdateOperationStatus => Self::UpdateOperationStatus(Box::new(
                body(event.update_operation_status, "update_operation_status")?.status,
            )),
            Type::Message => {
                let body = body(event.message, "message")?;
                Self::Message {
                    agent_id: body.agent_id,
                    executor_id: body.executor_id,
                    data: body.data,
                }
            }
            Type::Failure => Self::Failure(failure(body(event.failure, "failure")?)?),
            Type::Error => Self::Error(body(event.error, "error")?.message),
            Type::Heartbeat => Self::Heartbeat,
        })
    }
}

fn failure(failure: v1::scheduler::event::Failure) -> Result<Failure> {
    match (failure.agent_id, failure.executor_id) {
        (Some(agent_id), Some(executor_id)) => Ok(Failure::Executor {
            agent_id,
            executor_id,
            status: failure.status,
        }),
        (Some(agent_id), None) => Ok(Failure::Agent(agent_id)),
        (None, _) => Err(missing("failure.agent_id")),
    }
}

fn body<T>(body: Option<T>, name: &str) -> Result<T> {
    body.ok_or_else(|| missing(name))
}

fn missing(field: &str) -> Error {
    Error::new(
        ErrorKind::Decode,
        format!("event of the master without its field `{field}`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_an_unknown_type_keeps_its_bytes() {
        let event = v1::scheduler::Event {
            r#type: Some(4711),
            ..Default::default()
        };
        let lifted = Event::lift(event, Bytes::from_static(b"raw")).unwrap();
        let Event::Unknown(unknown) = lifted else {
            panic!("{lifted:?}");
        };
        assert_eq!(
            (unknown.type_number, &unknown.record[..]),
            (4711, &b"raw"[..])
        );
    }

    #[test]
    fn an_event_without_its_body_is_a_decode_error_that_names_the_field() {
        for (event_type, field) in [
            (Type::Offers, "offers"),
            (Type::Update, "update"),
            (Type::Failure, "failure"),
            (Type::Subscribed, "subscribed"),
        ] {
            let event = v1::scheduler::Event {
                r#type: Some(event_type as i32),
                ..Default::default()
            };
            let error = Event::lift(event, Bytes::new()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode);
            assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
        }
    }

    #[test]
    fn a_failure_belongs_to_the_executor_if_it_names_one_and_else_to_the_agent() {
        let lift = |executor_id: Option<ExecutorId>| {
            let event = v1::scheduler::Event {
                r#type: Some(Type::Failure as i32),
                failure: Some(v1::scheduler::event::Failure {
                    agent_id: Some(AgentId { value: "a".into() }),
                    executor_id,
                    status: Some(9),
                }),
                ..Default::default()
            };
            Event::lift(event, Bytes::new()).unwrap()
        };
        assert!(matches!(lift(None), Event::Failure(Failure::Agent(_))));
        let executor = lift(Some(ExecutorId { value: "e".into() }));
        assert!(matches!(
            executor,
            Event::Failure(Failure::Executor {
                status: Some(9),
                ..
            })
        ));
    }
}
