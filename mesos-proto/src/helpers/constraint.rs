//! Offer constraints: which agents a framework gets offers of.

use crate::v1::scheduler::attribute_constraint::predicate::{
    Exists, NotExists, Predicate as Test, TextEquals, TextMatches, TextNotEquals, TextNotMatches,
};
use crate::v1::scheduler::attribute_constraint::selector::{PseudoattributeType, Selector as By};
use crate::v1::scheduler::attribute_constraint::{Predicate, Selector};
use crate::v1::scheduler::offer_constraints::RoleConstraints;
use crate::v1::scheduler::offer_constraints::role_constraints::Group;
use crate::v1::scheduler::{AttributeConstraint, OfferConstraints};

/// The master offers an agent to a role if all constraints of at least one group of the role hold.
/// A role without groups gets offers of every agent. The master's rules are in
/// `src/master/allocator/mesos/offer_constraints_filter.cpp`. Since 1.11.
///
/// ```
/// use mesos::v1::scheduler::attribute_constraint::selector::PseudoattributeType;
/// use mesos::v1::scheduler::{AttributeConstraint, OfferConstraints};
///
/// // For the role web: agents with SSDs outside rack r1, and the agent h1.
/// let constraints = OfferConstraints::default()
///     .with_group(
///         "web",
///         [
///             AttributeConstraint::exists("ssd"),
///             AttributeConstraint::text_not_equals("rack", "r1"),
///         ],
///     )
///     .with_group(
///         "web",
///         [AttributeConstraint::text_equals(PseudoattributeType::Hostname, "h1")],
///     );
/// assert_eq!(constraints.role_constraints["web"].groups.len(), 2);
/// ```
impl OfferConstraints {
    /// Adds a group of constraints for a role. The groups of a role are alternatives; the
    /// constraints of a group all have to hold.
    ///
    /// The master rejects an empty group. It ignores roles that the framework does not subscribe
    /// to.
    #[must_use]
    pub fn with_group(
        mut self,
        role: impl Into<String>,
        constraints: impl IntoIterator<Item = AttributeConstraint>,
    ) -> Self {
        let role: &mut RoleConstraints = self.role_constraints.entry(role.into()).or_default();
        role.groups.push(Group {
            attribute_constraints: constraints.into_iter().collect(),
        });
        self
    }
}

/// The selector is the name of an attribute, or a [`PseudoattributeType`]: the agent's host name,
/// region or zone. If an agent has several attributes with one name, the master checks only the
/// first.
///
/// The four text constraints hold for every attribute that is not text, such as a number. The
/// scheduler has to check such attributes itself.
impl AttributeConstraint {
    /// The agent has the attribute.
    pub fn exists(selector: impl Into<Selector>) -> Self {
        Self::new(selector, Test::Exists(Exists {}))
    }

    /// The agent does not have the attribute.
    pub fn not_exists(selector: impl Into<Selector>) -> Self {
        Self::new(selector, Test::NotExists(NotExists {}))
    }

    /// The agent has the attribute, and its text is `value`, byte by byte.
    pub fn text_equals(selector: impl Into<Selector>, value: impl Into<String>) -> Self {
        let value = value.into();
        Self::new(selector, Test::TextEquals(TextEquals { value }))
    }

    /// The agent does not have the attribute, or its text is not `value`.
    pub fn text_not_equals(selector: impl Into<Selector>, value: impl Into<String>) -> Self {
        let value = value.into();
        Self::new(selector, Test::TextNotEquals(TextNotEquals { value }))
    }

    /// The agent has the attribute, and `regex` matches the whole text.
    ///
    /// `regex` is an RE2 expression. The master rejects expressions above the limits of its flags
    /// `--offer_constraints_re2_max_mem` (4096 bytes by default) and
    /// `--offer_constraints_re2_max_program_size` (100 by default).
    pub fn text_matches(selector: impl Into<Selector>, regex: impl Into<String>) -> Self {
        let regex = regex.into();
        Self::new(selector, Test::TextMatches(TextMatches { regex }))
    }

    /// The agent does not have the attribute, or `regex` does not match the whole text. The limits
    /// of [`text_matches`](Self::text_matches) apply.
    pub fn text_not_matches(selector: impl Into<Selector>, regex: impl Into<String>) -> Self {
        let regex = regex.into();
        Self::new(selector, Test::TextNotMatches(TextNotMatches { regex }))
    }

    fn new(selector: impl Into<Selector>, test: Test) -> Self {
        Self {
            selector: selector.into(),
            predicate: Predicate {
                predicate: Some(test),
            },
        }
    }
}

/// The attribute with this name.
impl From<&str> for Selector {
    fn from(attribute: &str) -> Self {
        Self::from(attribute.to_owned())
    }
}

/// The attribute with this name.
impl From<String> for Selector {
    fn from(attribute: String) -> Self {
        Self {
            selector: Some(By::AttributeName(attribute)),
        }
    }
}

impl From<PseudoattributeType> for Selector {
    fn from(pseudoattribute: PseudoattributeType) -> Self {
        Self {
            selector: Some(By::PseudoattributeType(pseudoattribute.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_one_role_are_alternatives_and_roles_are_separate() {
        let constraints = OfferConstraints::default()
            .with_group("web", [AttributeConstraint::exists("ssd")])
            .with_group("web", [AttributeConstraint::not_exists("old")])
            .with_group("batch", [AttributeConstraint::text_equals("rack", "r1")]);
        let roles: Vec<_> = constraints.role_constraints.keys().collect();
        assert_eq!(roles, ["batch", "web"]);
        let web = &constraints.role_constraints["web"];
        assert_eq!(web.groups.len(), 2);
        assert_eq!(web.groups[0].attribute_constraints.len(), 1);
    }

    #[test]
    fn each_constraint_has_its_own_predicate() {
        let value = || "v".to_owned();
        let cases = [
            (AttributeConstraint::exists("a"), Test::Exists(Exists {})),
            (
                AttributeConstraint::not_exists("a"),
                Test::NotExists(NotExists {}),
            ),
            (
                AttributeConstraint::text_equals("a", "v"),
                Test::TextEquals(TextEquals { value: value() }),
            ),
            (
                AttributeConstraint::text_not_equals("a", "v"),
                Test::TextNotEquals(TextNotEquals { value: value() }),
            ),
            (
                AttributeConstraint::text_matches("a", "v"),
                Test::TextMatches(TextMatches { regex: value() }),
            ),
            (
                AttributeConstraint::text_not_matches("a", "v"),
                Test::TextNotMatches(TextNotMatches { regex: value() }),
            ),
        ];
        for (constraint, predicate) in cases {
            assert_eq!(constraint.selector, Selector::from("a"));
            assert_eq!(constraint.predicate.predicate, Some(predicate));
        }
    }

    #[test]
    fn a_pseudoattribute_is_not_the_attribute_of_that_name() {
        let host = AttributeConstraint::exists(PseudoattributeType::Hostname);
        assert_eq!(
            host.selector.selector,
            Some(By::PseudoattributeType(
                PseudoattributeType::Hostname.into()
            ))
        );
        assert_ne!(host, AttributeConstraint::exists("HOSTNAME"));
    }
}
