//! Timeouts of cases, and the message of a case that lacks a requirement.

use std::time::Duration;

/// How long a case waits for an event of a real Mesos: agents repeat an update only after 10 s, and
/// the heartbeats of a master are 15 s apart.
pub(crate) const REAL_TIMEOUT: Duration = Duration::from_secs(60);

/// For a case that does not declare its requirement.
pub(crate) const UNDECLARED: &str = "there is no proxy between this driver and its Mesos: require Requirement::Relay, or check \
     that wire() is Some";
