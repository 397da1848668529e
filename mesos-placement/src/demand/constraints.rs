//! What the waiting requests of a role have in common, as offer constraints of Mesos 1.11.

use std::collections::BTreeSet;

use mesos_proto::v1::scheduler::AttributeConstraint;
use mesos_proto::v1::scheduler::attribute_constraint::Selector;
use mesos_proto::v1::scheduler::attribute_constraint::selector::PseudoattributeType;
use mesos_proto::v1::scheduler::offer_constraints::RoleConstraints;
use mesos_proto::v1::scheduler::offer_constraints::role_constraints::Group;

use crate::{Constraint, Field, Request};

/// The master checks every group for every offer, so a role has at most this many.
const MAX_GROUPS: usize = 32;

/// Alternatives, of which each is a list of constraints that all have to hold. An empty list is true.
type Alternatives = Vec<Vec<AttributeConstraint>>;

/// The offer constraints that permit every agent on which one of the requests can be placed.
///
/// Mesos cannot express all constraints. A constraint that Mesos cannot express permits every
/// agent, or every agent that has the field, so offers can still be useless. Regular expressions
/// are not used: a master refuses those that are too large for it.
///
/// Returns `None` if a request can be placed on any agent as far as Mesos can express it, or if
/// `requests` is empty.
pub fn role_constraints<'a>(
    requests: impl IntoIterator<Item = &'a Request>,
) -> Option<RoleConstraints> {
    let mut groups: Alternatives = Vec::new();
    for request in requests {
        for group in all(request.constraints()) {
            if group.is_empty() {
                return None;
            }
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        if groups.len() > MAX_GROUPS {
            return None;
        }
    }
    let groups: Vec<Group> = groups
        .into_iter()
        .map(|attribute_constraints| Group {
            attribute_constraints,
        })
        .collect();
    (!groups.is_empty()).then_some(RoleConstraints { groups })
}

fn all(constraints: &[Constraint]) -> Alternatives {
    let mut product: Alternatives = vec![Vec::new()];
    for constraint in constraints {
        let factor = alternatives(constraint);
        if product.len() * factor.len() > MAX_GROUPS {
            // Without this factor more agents are permitted.
            continue;
        }
        product = product
            .iter()
            .flat_map(|left| factor.iter().map(move |right| joined(left, right)))
            .collect();
    }
    product
}

fn joined(left: &[AttributeConstraint], right: &[AttributeConstraint]) -> Vec<AttributeConstraint> {
    let mut both = left.to_vec();
    for constraint in right {
        if !both.contains(constraint) {
            both.push(constraint.clone());
        }
    }
    both
}

fn alternatives(constraint: &Constraint) -> Alternatives {
    let anywhere = || vec![Vec::new()];
    let one = |field: &Field, constraint: fn(Selector) -> AttributeConstraint| match selector(field)
    {
        Some(selector) => vec![vec![constraint(selector)]],
        None => vec![Vec::new()],
    };
    match constraint {
        Constraint::Is { field, value } => text(field, [value], AttributeConstraint::text_equals),
        Constraint::In { field, values } if values.len() <= MAX_GROUPS => {
            text(field, values, AttributeConstraint::text_equals)
        }
        Constraint::IsNot { field, value } => match selector(field) {
            Some(selector) => vec![vec![AttributeConstraint::text_not_equals(selector, value)]],
            None => anywhere(),
        },
        Constraint::NotIn { field, values } => match selector(field) {
            Some(selector) => vec![not_in(&selector, values)],
            None => anywhere(),
        },
        Constraint::In { field, .. }
        | Constraint::Like { field, .. }
        | Constraint::Exists(field)
        | Constraint::Unique(field)
        | Constraint::MaxPer { field, .. }
        | Constraint::GroupBy { field, .. }
        | Constraint::Cluster(field)
        | Constraint::With { field, .. } => one(field, AttributeConstraint::exists),
        Constraint::All(constraints) => all(constraints),
        Constraint::Any(constraints) => constraints.iter().flat_map(alternatives).collect(),
        Constraint::Unlike { .. }
        | Constraint::Avoid { .. }
        | Constraint::KeepGpus
        | Constraint::Available
        | Constraint::Not(_) => anywhere(),
    }
}

fn text<'a>(
    field: &Field,
    values: impl IntoIterator<Item = &'a String>,
    constraint: fn(Selector, String) -> AttributeConstraint,
) -> Alternatives {
    match selector(field) {
        Some(selector) => values
            .into_iter()
            .map(|value| vec![constraint(selector.clone(), value.clone())])
            .collect(),
        None => vec![Vec::new()],
    }
}

fn not_in(selector: &Selector, values: &BTreeSet<String>) -> Vec<AttributeConstraint> {
    let values = values.iter().take(MAX_GROUPS);
    values
        .map(|value| AttributeConstraint::text_not_equals(selector.clone(), value))
        .collect()
}

/// How Mesos names the field, if Mesos can check it.
fn selector(field: &Field) -> Option<Selector> {
    match field {
        Field::Attribute(name) => Some(name.as_str().into()),
        Field::Hostname => Some(PseudoattributeType::Hostname.into()),
        Field::Region => Some(PseudoattributeType::Region.into()),
        Field::Zone => Some(PseudoattributeType::Zone.into()),
        Field::AgentId => None,
    }
}
