//! `framework` and `Master::validateFramework` (src/master/master.cpp).

use std::collections::BTreeSet;

use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::scheduler::attribute_constraint::selector::{PseudoattributeType, Selector};
use mesos_proto::v1::scheduler::{AttributeConstraint, OfferConstraints};
use mesos_proto::v1::{FrameworkInfo, OfferFilters};

use super::{Check, Within as _, id, number, refuse, role};

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
            role::role(role).within("'FrameworkInfo.roles' contains invalid role")?;
        }
    } else {
        if !info.roles.is_empty() {
            return refuse(
                "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE \
                 capable",
            );
        }
        let role = old_role(info).unwrap_or("*");
        role::role(role).within("'FrameworkInfo.role' is not a valid role")?;
    }
    match &info.id {
        Some(framework_id) if !framework_id.value.is_empty() => id(&framework_id.value)?,
        _ => {}
    }
    info.offer_filters.values().try_for_each(offer_filters)
}

/// `common::validation::validateOfferFilters`.
fn offer_filters(filters: &OfferFilters) -> Check {
    let minimum = filters.min_allocatable_resources.iter();
    for quantities in minimum.flat_map(|minimum| &minimum.quantities) {
        if quantities.quantities.is_empty() {
            return refuse("Resource quantities must contain at least one quantity");
        }
        for (name, quantity) in &quantities.quantities {
            let what = match quantity.value {
                value if value.is_infinite() => "Infinite",
                value if value.is_nan() => "NaN",
                value if value.is_subnormal() => "Subnormal",
                value if value < 0.0 => "Negative",
                _ => continue,
            };
            let values = if what == "NaN" { "" } else { " values" };
            return Err(format!(
                "Invalid resource quantity for '{name}': {what}{values} not supported"
            ));
        }
    }
    Ok(())
}

/// `isValidFailoverTimeout`: the timeout must fit into 64 bits of nanoseconds. A negative timeout is
/// valid and counts as 0.
pub(crate) fn failover_timeout(info: &FrameworkInfo) -> Check {
    const MAX: f64 = i64::MAX as f64 / 1e9;
    let seconds = info.failover_timeout.unwrap_or_default();
    if (-MAX..=MAX).contains(&seconds) {
        return Ok(());
    }
    Err(format!(
        "The framework failover_timeout ({}) is invalid",
        number(seconds)
    ))
}

/// `OfferConstraintsFilter::create` (src/master/allocator/mesos/offer_constraints_filter.cpp):
/// every role needs a group, and every group needs a constraint.
pub(crate) fn constraints(constraints: &OfferConstraints) -> Check {
    for (role, of_role) in &constraints.role_constraints {
        if of_role.groups.is_empty() {
            return Err(format!(
                "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for \
                 role {role}"
            ));
        }
        for group in &of_role.groups {
            if group.attribute_constraints.is_empty() {
                // The missing space is in the text of Mesos.
                return Err(format!(
                    "'OfferConstraints::RoleConstraints::groups' for role {role}contains an empty \
                     RoleConstraints::Group"
                ));
            }
            for constraint in &group.attribute_constraints {
                self::constraint(constraint).within(&format!(
                    "A role {role} has an invalid 'AttributeConstraint'"
                ))?;
            }
        }
    }
    Ok(())
}

fn constraint(constraint: &AttributeConstraint) -> Check {
    match &constraint.selector.selector {
        Some(Selector::PseudoattributeType(number)) => match PseudoattributeType::try_from(*number)
        {
            Ok(PseudoattributeType::Unknown) | Err(_) => {
                return refuse("Unknown pseudoattribute type");
            }
            Ok(_) => {}
        },
        Some(Selector::AttributeName(_)) => {}
        None => {
            return refuse(
                "Exactly one of 'AttributeConstraint::Selector::name' or \
                 'AttributeConstraint::Selector::pseudoattribute_type' must be set",
            );
        }
    }
    match constraint.predicate.predicate {
        Some(_) => Ok(()),
        None => refuse("Unknown predicate type"),
    }
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
        assert_eq!(check(-1.0), Ok(()));
        for bad in [-1e18, f64::NAN, f64::INFINITY, 1e18] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
