//! The checks of a master that concern a message alone, with the master's own texts.
//!
//! `scheduler::call::validate` and `framework::validate` in src/master/validation.cpp, `validateID`
//! in src/common/validation.cpp, src/common/roles.cpp. Clients distinguish refusals by these texts,
//! so the texts are part of the protocol.

use std::collections::BTreeSet;

use bytes::Bytes;
use mesos_core::resources::roles;
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::scheduler::{Call, OfferConstraints};
use mesos_proto::v1::{FrameworkId, FrameworkInfo};

pub(crate) type Check = Result<(), String>;

fn refuse(why: impl Into<String>) -> Check {
    Err(why.into())
}

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

pub(crate) fn id(id: &str) -> Check {
    match id {
        "" => refuse("ID must not be empty"),
        "." | ".." => Err(format!("'{id}' is disallowed")),
        _ if id.len() > 255 => refuse("ID must not be greater than 255 characters"),
        _ if id
            .bytes()
            .any(|byte| byte.is_ascii_control() || byte == b'/' || byte == b'\\') =>
        {
            Err(format!("'{id}' contains invalid characters"))
        }
        _ => Ok(()),
    }
}

/// The roles that a framework subscribes to.
pub(crate) fn roles_of(info: &FrameworkInfo) -> Vec<String> {
    if info.has_capability(capability::Type::MultiRole) {
        info.roles.clone()
    } else {
        vec![old_role(info).unwrap_or("*").to_owned()]
    }
}

/// `role` is the field of frameworks with one role only. Real masters still read it.
#[expect(deprecated)]
fn old_role(info: &FrameworkInfo) -> Option<&str> {
    info.role.as_deref()
}

/// The checks of a framework's description that need no state of the master.
pub(crate) fn framework(info: &FrameworkInfo) -> Check {
    if info.has_capability(capability::Type::MultiRole) {
        if old_role(info).is_some() {
            return refuse(
                "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
            );
        }
        let mut seen = BTreeSet::new();
        let duplicates: BTreeSet<&str> = info
            .roles
            .iter()
            .filter(|role| !seen.insert(role.as_str()))
            .map(String::as_str)
            .collect();
        if !duplicates.is_empty() {
            let duplicates = Vec::from_iter(duplicates).join(", ");
            return Err(format!(
                "'FrameworkInfo.roles' contains duplicate items: {{ {duplicates} }}"
            ));
        }
        for role in &info.roles {
            roles::validate(role)
                .map_err(|error| format!("'FrameworkInfo.roles' contains invalid role: {error}"))?;
        }
    } else {
        if !info.roles.is_empty() {
            return refuse(
                "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE \
                 capable",
            );
        }
        let role = old_role(info).unwrap_or("*");
        roles::validate(role)
            .map_err(|error| format!("'FrameworkInfo.role' is not a valid role: {error}"))?;
    }
    match &info.id {
        Some(framework_id) if !framework_id.value.is_empty() => id(&framework_id.value),
        _ => Ok(()),
    }
}

/// The failover timeout must fit into 64 bits of nanoseconds.
pub(crate) fn failover_timeout(info: &FrameworkInfo) -> Check {
    let seconds = info.failover_timeout.unwrap_or_default();
    if (0.0..=(i64::MAX as f64 / 1e9)).contains(&seconds) {
        return Ok(());
    }
    Err(format!(
        "The framework failover_timeout ({seconds}) is invalid"
    ))
}

/// Every role needs a group, and every group needs a constraint.
pub(crate) fn constraints(constraints: &OfferConstraints) -> Check {
    for (role, of_role) in &constraints.role_constraints {
        if of_role.groups.is_empty() {
            return Err(format!(
                "'OfferConstraints.role_constraints' has no groups for role '{role}'"
            ));
        }
        for group in &of_role.groups {
            if group.attribute_constraints.is_empty() {
                return Err(format!(
                    "a group for role '{role}' in 'OfferConstraints.role_constraints' has no \
                     attribute constraints"
                ));
            }
        }
    }
    Ok(())
}

/// The fields that UPDATE_FRAMEWORK must not change.
pub(crate) fn update(old: &FrameworkInfo, new: &FrameworkInfo) -> Check {
    same_principal(old, new)?;
    if old.user != new.user {
        return Err(format!(
            "Updating 'FrameworkInfo.user' is unsupported; attempted to update from '{}' to '{}'",
            old.user, new.user
        ));
    }
    if old.checkpoint() != new.checkpoint() {
        return Err(format!(
            "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '{}' \
             to '{}'",
            old.checkpoint(),
            new.checkpoint()
        ));
    }
    Ok(())
}

/// The field that SUBSCRIBE must not change either.
pub(crate) fn same_principal(old: &FrameworkInfo, new: &FrameworkInfo) -> Check {
    if old.principal == new.principal {
        Ok(())
    } else {
        refuse("Changing framework's principal is not allowed.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_1_to_255_bytes_without_slashes_and_control_characters() {
        for good in ["a", "a b", "a.b", "...", &"x".repeat(255), "ä"] {
            assert_eq!(id(good), Ok(()), "{good:?}");
        }
        for bad in ["", ".", "..", "a/b", "a\\b", "a\n", &"x".repeat(256)] {
            assert!(id(bad).is_err(), "{bad:?}");
        }
    }

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

    #[test]
    fn a_failover_timeout_must_fit_into_64_bits_of_nanoseconds() {
        let check = |seconds| {
            let info = FrameworkInfo {
                failover_timeout: Some(seconds),
                ..Default::default()
            };
            failover_timeout(&info)
        };
        assert_eq!(check(0.0), Ok(()));
        assert_eq!(check(604_800.0), Ok(()));
        for bad in [-1.0, f64::NAN, f64::INFINITY, 1e18] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
