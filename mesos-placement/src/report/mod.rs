//! Reports: why something was not placed.

mod display;

use crate::{Constraint, Field, InvalidRequest};

/// Everything that a round did not place, with the reasons.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The unplaced requests. Equal requests are one entry.
    pub unplaced: Vec<Unplaced>,
}

impl Report {
    /// Whether everything was placed.
    pub fn is_empty(&self) -> bool {
        self.unplaced.is_empty()
    }
}

/// Equal requests with instances that were not placed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Unplaced {
    /// The names of the requests.
    pub requests: Vec<String>,
    /// The number of instances that were not placed.
    pub missing: u64,
    /// The number of instances that were requested.
    pub requested: u64,
    /// The number of offers that were checked. The offers of one agent for one role count as one.
    pub offers: usize,
    /// The requirements that offers failed, with the state at the end of the round.
    pub reasons: Vec<Reason>,
}

/// A requirement that offers failed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reason {
    /// What was required.
    pub requirement: Requirement,
    /// The number of offers that failed the requirement.
    pub failed: usize,
    /// The number of offers that failed this requirement and no other.
    pub only_this: usize,
    /// The offer that came nearest.
    pub nearest: Option<Nearest>,
    /// What to check or to change.
    pub hint: Option<String>,
}

/// What a request requires of an offer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Requirement {
    /// The request is valid.
    Valid(InvalidRequest),
    /// There is an offer.
    Offer,
    /// The offer is for this role.
    Role(String),
    /// The offer has this amount of a resource.
    Resource {
        /// The name of the resource, with its role if the request names one: `cpus`, `cpus(web)`.
        name: String,
        /// The amount, as text.
        amount: String,
    },
    /// The offer has these ports or volumes.
    Part(String),
    /// The constraint holds.
    Constraint(Constraint),
    /// No task with the same value of the field avoids this label of the request.
    Avoided {
        /// The key of the label.
        key: String,
        /// The value of the label.
        value: String,
        /// What the two agents must not have in common.
        field: Field,
    },
    /// The executor with this id does not run on the agent, or its `ExecutorInfo` is known and has
    /// resources of the same role.
    Executor(String),
    /// The resources with this name of the executor that runs on the agent are revocable if those
    /// of the task are, and not revocable otherwise
    /// (`validateRevocableAndNonRevocableResources` in src/master/validation.cpp).
    SameKind {
        /// The name of the resource.
        resource: String,
        /// The id of the executor.
        executor: String,
        /// Whether the resource of the running executor is revocable.
        revocable: bool,
    },
    /// All tasks of the instance fit together.
    Together,
}

/// The offer that came nearest to a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Nearest {
    /// The host name of the agent.
    pub agent: String,
    /// The available amount, as text.
    pub available: String,
    /// How much more was needed, as text.
    pub missing: String,
}
