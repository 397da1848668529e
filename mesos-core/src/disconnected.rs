//! The loss of a subscription, as handlers are told of it.

use std::time::Duration;

use crate::error::Error;

/// Why there is no subscription, and what comes next.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// What ended the subscription, or made the attempt fail.
    pub error: Error,
    /// Failed attempts since the last subscription; 0 when one was just lost.
    pub attempts: u32,
    /// The wait before the next attempt. Less, if the backend gets to know
    /// another leader before it is over. Executors: zero where there will be no
    /// attempt, because the agent is given up.
    pub retry_in: Duration,
    /// Schedulers: true the first time that this is told after the subscription
    /// has been away for the framework's failover timeout (at once where that
    /// is 0). The master may have removed the framework by now, and killed its
    /// tasks; only the master knows, because its clock started when *it*
    /// noticed, and a new leading master starts none. So the driver goes on
    /// trying, and ends only if the master refuses the framework's id.
    pub failover_timeout_passed: bool,
}
