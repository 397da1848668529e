//! The loss of a subscription, as handlers receive it.

use std::time::Duration;

use crate::error::Error;

/// Why the driver is not subscribed, and when it retries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// The error that ended the subscription or the attempt.
    pub error: Error,
    /// The number of failed attempts since the last subscription; 0 if a subscription was just
    /// lost.
    pub attempts: u32,
    /// The wait before the next attempt. A leader change shortens the wait. Executors: zero if
    /// there will be no further attempt.
    pub retry_in: Duration,
    /// Schedulers: whether the outage has reached the framework's failover timeout. True once
    /// for each outage; at once if the timeout is 0.
    ///
    /// The master may have removed the framework and killed its tasks. Only the master knows:
    /// its timer started when the master noticed the disconnection, and a new leading master
    /// does not start a timer. So the driver keeps retrying, and ends only if the master
    /// refuses the framework's id.
    pub failover_timeout_passed: bool,
}
