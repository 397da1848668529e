//! `scheduler::call::validate`: a call by itself.

use bytes::Bytes;
use mesos_proto::v1::FrameworkId;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::Type;

use super::{Check, refuse};

/// Rule 8: a call by itself, and the principal of its sender.
pub(crate) fn call(call: &Call, principal: Option<&str>) -> Check {
    let Some(call_type) = call.r#type else {
        return refuse("Expecting 'type' to be present");
    };
    // Protobuf drops a type number of a newer Mesos, as if the field were absent.
    let Ok(call_type) = Type::try_from(call_type) else {
        return refuse("Expecting 'type' to be present");
    };
    if call_type == Type::Subscribe {
        let Some(subscribe) = &call.subscribe else {
            return refuse("Expecting 'subscribe' to be present");
        };
        let info = &subscribe.framework_info;
        if text(&info.id) != text(&call.framework_id) {
            return refuse("'framework_id' differs from 'subscribe.framework_info.id'");
        }
        return match (principal, &info.principal) {
            (Some(principal), Some(named)) if principal != named => {
                Err(principal_differs(principal, named))
            }
            _ => Ok(()),
        };
    }
    if call.framework_id.is_none() {
        return refuse("Expecting 'framework_id' to be present");
    }
    body(call_type, call)
}

fn body(call_type: Type, call: &Call) -> Check {
    let (name, there) = match call_type {
        Type::Accept => ("accept", call.accept.is_some()),
        Type::Decline => ("decline", call.decline.is_some()),
        Type::AcceptInverseOffers => (
            "accept_inverse_offers",
            call.accept_inverse_offers.is_some(),
        ),
        Type::DeclineInverseOffers => (
            "decline_inverse_offers",
            call.decline_inverse_offers.is_some(),
        ),
        Type::Kill => ("kill", call.kill.is_some()),
        Type::Shutdown => ("shutdown", call.shutdown.is_some()),
        Type::Acknowledge => ("acknowledge", call.acknowledge.is_some()),
        Type::AcknowledgeOperationStatus => (
            "acknowledge_operation_status",
            call.acknowledge_operation_status.is_some(),
        ),
        Type::Reconcile => ("reconcile", call.reconcile.is_some()),
        Type::ReconcileOperations => ("reconcile_operations", call.reconcile_operations.is_some()),
        Type::Message => ("message", call.message.is_some()),
        Type::Request => ("request", call.request.is_some()),
        Type::UpdateFramework => ("update_framework", call.update_framework.is_some()),
        Type::Unknown | Type::Subscribe | Type::Teardown | Type::Revive | Type::Suppress => {
            return Ok(());
        }
    };
    if !there {
        return Err(format!("Expecting '{name}' to be present"));
    }
    if let (Type::Acknowledge, Some(acknowledge)) = (call_type, &call.acknowledge) {
        uuid(&acknowledge.uuid)?;
    }
    if let (Type::AcknowledgeOperationStatus, Some(acknowledge)) =
        (call_type, &call.acknowledge_operation_status)
    {
        uuid(&acknowledge.uuid)?;
        if acknowledge.agent_id.is_none() {
            return refuse("Expecting 'agent_id' to be present");
        }
    }
    if let (Type::UpdateFramework, Some(update)) = (call_type, &call.update_framework)
        && text(&update.framework_info.id) != text(&call.framework_id)
    {
        return refuse("'framework_id' differs from 'update_framework.framework_info.id'");
    }
    Ok(())
}

/// An absent id equals an empty id.
fn text(id: &Option<FrameworkId>) -> &str {
    id.as_ref().map(FrameworkId::as_str).unwrap_or_default()
}

pub(crate) fn principal_differs(authenticated: &str, named: &str) -> String {
    format!(
        "Authenticated principal '{authenticated}' does not match principal '{named}' set in \
         `FrameworkInfo`"
    )
}

/// 16 bytes with a variant and a version that boost 1.65 knows
/// (3rdparty/stout/include/stout/uuid.hpp).
pub(crate) fn uuid(bytes: &Bytes) -> Check {
    match bytes.get(6).map(|byte| byte >> 4) {
        Some(1..=5) if bytes.len() == 16 => Ok(()),
        _ => refuse("Not a valid UUID"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_16_bytes_and_a_version_from_1_to_5() {
        let version = |version: u8| {
            let mut bytes = [7; 16];
            bytes[6] = version << 4;
            uuid(&Bytes::copy_from_slice(&bytes))
        };
        for good in 1..=5 {
            assert_eq!(version(good), Ok(()), "{good}");
        }
        for bad in [0, 6, 7, 8, 15] {
            assert!(version(bad).is_err(), "{bad}");
        }
        assert!(uuid(&Bytes::from_static(b"4b5c")).is_err());
        assert!(uuid(&Bytes::from_static(&[0; 16])).is_err());
    }
}
