//! The requirements of cases that not every backend or release of Mesos meets.

/// A requirement of a case. Cases whose requirements a backend does not meet do not run;
/// [`Harness::without`](crate::Harness::without) gives the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Requirement {
    /// A proxy between driver and Mesos, which observes, delays, cuts or loses the traffic.
    Relay,
    /// Heartbeats of the master, which reveal its silence.
    Heartbeats,
    /// The master's responses to calls.
    Answers,
    /// TLS for one driver, independent of other drivers in the process.
    Tls,
    /// Authentication of a framework by principal and secret.
    Credentials,
    /// Single roles in SUPPRESS, REVIVE and SUBSCRIBE.
    SingleRoles,
}
