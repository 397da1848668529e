//! The optional features of backends.

use std::fmt;

/// A feature that not every backend supports. A call that needs a missing feature fails with
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Inverse offers arrive and can be answered.
    InverseOffers,
    /// Operations may carry an id, and their status is reported.
    OperationFeedback,
    /// SHUTDOWN of an executor.
    ShutdownExecutor,
    /// KILL with a kill policy.
    KillPolicy,
    /// KILL that names the agent.
    KillOnAgent,
    /// SUPPRESS and REVIVE of single roles.
    PerRoleSuppression,
    /// UPDATE_FRAMEWORK.
    UpdateFramework,
    /// Offer constraints (Mesos 1.11).
    OfferConstraints,
    /// Calls are answered by Mesos. Without this feature an answer only means that the call was
    /// queued locally.
    CallResults,
}

impl Capability {
    const ALL: [Self; 9] = [
        Self::InverseOffers,
        Self::OperationFeedback,
        Self::ShutdownExecutor,
        Self::KillPolicy,
        Self::KillOnAgent,
        Self::PerRoleSuppression,
        Self::UpdateFramework,
        Self::OfferConstraints,
        Self::CallResults,
    ];

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of [`Capability`] values.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(u32);

impl Capabilities {
    /// All features.
    pub fn all() -> Self {
        Capability::ALL.into_iter().collect()
    }

    /// Whether `capability` is in the set.
    pub fn contains(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// The features in the set.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL
            .into_iter()
            .filter(move |capability| self.contains(*capability))
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(members: I) -> Self {
        Self(members.into_iter().fold(0, |bits, one| bits | one.bit()))
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
