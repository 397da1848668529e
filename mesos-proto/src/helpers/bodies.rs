//! Events and calls from their bodies: the type of the body decides `type`.
//!
//! An event or a call is a number, `type`, and the one body that belongs to the number. The
//! conversions set both, so that the two always fit.

use crate::v1::{executor, scheduler};

/// Conversions from each body to its message, and from the type alone for messages without a body.
macro_rules! from_bodies {
    ($message:ty, $type:ty, $($body:ty => $variant:ident in $field:ident,)*) => {
        /// A message that has no body, such as HEARTBEAT. With any other type the body is missing.
        impl From<$type> for $message {
            fn from(r#type: $type) -> Self {
                Self {
                    r#type: Some(r#type.into()),
                    ..Self::default()
                }
            }
        }

        $(impl From<$body> for $message {
            fn from(body: $body) -> Self {
                Self {
                    $field: Some(body),
                    ..Self::from(<$type>::$variant)
                }
            }
        })*
    };
}

from_bodies! {
    scheduler::Event, scheduler::event::Type,
    scheduler::event::Subscribed => Subscribed in subscribed,
    scheduler::event::Offers => Offers in offers,
    scheduler::event::InverseOffers => InverseOffers in inverse_offers,
    scheduler::event::Rescind => Rescind in rescind,
    scheduler::event::RescindInverseOffer => RescindInverseOffer in rescind_inverse_offer,
    scheduler::event::Update => Update in update,
    scheduler::event::UpdateOperationStatus => UpdateOperationStatus in update_operation_status,
    scheduler::event::Message => Message in message,
    scheduler::event::Failure => Failure in failure,
    scheduler::event::Error => Error in error,
}

from_bodies! {
    scheduler::Call, scheduler::call::Type,
    scheduler::call::Subscribe => Subscribe in subscribe,
    scheduler::call::Accept => Accept in accept,
    scheduler::call::Decline => Decline in decline,
    scheduler::call::AcceptInverseOffers => AcceptInverseOffers in accept_inverse_offers,
    scheduler::call::DeclineInverseOffers => DeclineInverseOffers in decline_inverse_offers,
    scheduler::call::Revive => Revive in revive,
    scheduler::call::Kill => Kill in kill,
    scheduler::call::Shutdown => Shutdown in shutdown,
    scheduler::call::Acknowledge => Acknowledge in acknowledge,
    scheduler::call::AcknowledgeOperationStatus
        => AcknowledgeOperationStatus in acknowledge_operation_status,
    scheduler::call::Reconcile => Reconcile in reconcile,
    scheduler::call::ReconcileOperations => ReconcileOperations in reconcile_operations,
    scheduler::call::Message => Message in message,
    scheduler::call::Request => Request in request,
    scheduler::call::Suppress => Suppress in suppress,
    scheduler::call::UpdateFramework => UpdateFramework in update_framework,
}

from_bodies! {
    executor::Event, executor::event::Type,
    executor::event::Subscribed => Subscribed in subscribed,
    executor::event::Launch => Launch in launch,
    executor::event::LaunchGroup => LaunchGroup in launch_group,
    executor::event::Kill => Kill in kill,
    executor::event::Acknowledged => Acknowledged in acknowledged,
    executor::event::Message => Message in message,
    executor::event::Error => Error in error,
}

from_bodies! {
    executor::Call, executor::call::Type,
    executor::call::Subscribe => Subscribe in subscribe,
    executor::call::Update => Update in update,
    executor::call::Message => Message in message,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{TaskState, TaskStatus};

    #[test]
    fn a_body_brings_its_type() {
        let status = TaskStatus::new("t1", TaskState::TaskRunning);
        let event = scheduler::Event::from(scheduler::event::Update {
            status: status.clone(),
        });
        assert_eq!(event.r#type(), scheduler::event::Type::Update);
        assert_eq!(event.update.unwrap().status, status);

        let call = executor::Call::from(executor::call::Update { status });
        assert_eq!(call.r#type(), executor::call::Type::Update);
        assert_eq!(call.update.unwrap().status.task_id, "t1");
    }

    #[test]
    fn a_type_without_a_body_sets_nothing_else() {
        let event = scheduler::Event::from(scheduler::event::Type::Heartbeat);
        let expected = scheduler::Event {
            r#type: Some(scheduler::event::Type::Heartbeat.into()),
            ..Default::default()
        };
        assert_eq!(event, expected);
    }

    #[test]
    fn the_body_goes_into_the_field_of_its_own_name() {
        let call = scheduler::Call::from(scheduler::call::Suppress {
            roles: vec!["web".into()],
        });
        assert_eq!(call.r#type(), scheduler::call::Type::Suppress);
        assert_eq!(call.suppress.unwrap().roles, ["web"]);
        assert!(call.revive.is_none());
    }
}
