//! Reports: why something was not placed.

mod display;

use crate::{Constraint, InvalidRequest};

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
    /// The executor with this id does not run on the agent, or its `ExecutorInfo` is known and has
    /// resources of the same role.
    Executor(String),
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
