//! How long cases wait, and what a case reads that looks where it cannot.

use std::time::Duration;

/// How long a case waits for what should come from a real Mesos: agents send an
/// update again after 10 s only, and a master's heartbeats are 15 s apart.
pub(crate) const REAL_TIMEOUT: Duration = Duration::from_secs(60);

/// For a case that forgot to say what it needs.
pub(crate) const UNDECLARED: &str = "nothing stands between this driver and its Mesos: the case has to declare \
     Requirement::Relay, or to look at the wire only where there is one";
