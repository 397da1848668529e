//! Offer constraints: which agents may be offered to a framework (Mesos 1.11),
//! src/master/allocator/mesos/offer_constraints_filter.cpp.
//!
//! Regular expressions are not supported: a predicate with a regular expression always holds.

use mesos_proto::v1::scheduler::attribute_constraint::predicate::Predicate;
use mesos_proto::v1::scheduler::attribute_constraint::selector::{PseudoattributeType, Selector};
use mesos_proto::v1::scheduler::{AttributeConstraint, OfferConstraints};

use super::super::agent::Agent;

/// Whether `agent` may be offered for `role`: at least one group holds, or there are no groups.
pub(super) fn admit(constraints: &OfferConstraints, role: &str, agent: &Agent) -> bool {
    let Some(of_role) = constraints.role_constraints.get(role) else {
        return true;
    };
    of_role.groups.iter().any(|group| {
        group
            .attribute_constraints
            .iter()
            .all(|one| holds(one, agent))
    })
}

fn holds(constraint: &AttributeConstraint, agent: &Agent) -> bool {
    // The outer option: whether the attribute exists. The inner option: whether it is text.
    let value: Option<Option<&str>> = match &constraint.selector.selector {
        // Only the first attribute of this name counts.
        Some(Selector::AttributeName(name)) => agent
            .attributes
            .iter()
            .find(|attribute| attribute.name == *name)
            .map(|attribute| attribute.text.as_ref().map(|text| text.value.as_str())),
        Some(Selector::PseudoattributeType(number)) => {
            let hostname = PseudoattributeType::Hostname as i32;
            (*number == hostname).then_some(Some(agent.hostname.as_str()))
        }
        None => return true,
    };
    match (&constraint.predicate.predicate, value) {
        (Some(Predicate::Exists(_)), value) => value.is_some(),
        (Some(Predicate::NotExists(_)), value) => value.is_none(),
        (Some(Predicate::TextEquals(wanted)), Some(Some(text))) => wanted.value == text,
        (Some(Predicate::TextNotEquals(wanted)), Some(Some(text))) => wanted.value != text,
        (Some(Predicate::TextEquals(_) | Predicate::TextMatches(_)), None) => false,
        _ => true,
    }
}
