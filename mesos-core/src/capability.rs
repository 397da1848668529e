//! What a backend can do beyond the least common part.

use std::fmt;

/// Something that not every backend can do. A call that needs it fails with
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where it is missing.
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
    /// The answer to a call is Mesos' own, not just "queued".
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
    /// All of them.
    pub fn all() -> Self {
        Capability::ALL.into_iter().collect()
    }

    /// Whether `capability` is in the set.
    pub fn contains(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// The members.
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
