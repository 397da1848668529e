//! What a case needs that not every backend, or every release of Mesos, has.

/// What a case may need that not every backend has. One that lacks it is not
/// asked; [`Harness::lacking`](super::Harness::lacking) says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Requirement {
    /// Something between the driver and Mesos that looks at what passes, and
    /// delays, cuts or loses it.
    Relay,
    /// The master's heartbeats, by which its silence is noticed.
    Heartbeats,
    /// What a master answers to a call.
    Answers,
    /// TLS for one driver, and not for another in the same process.
    Tls,
    /// Authentication of a framework by a principal and its secret.
    Credentials,
    /// Single roles in SUPPRESS, REVIVE and SUBSCRIBE.
    SingleRoles,
}
