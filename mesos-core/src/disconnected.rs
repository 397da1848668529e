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
    /// The wait before the next attempt.
    pub retry_in: Duration,
}
