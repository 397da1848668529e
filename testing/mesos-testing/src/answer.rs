//! Answers to offers.

use std::time::Duration;

use mesos_core::{Offer, Result, SchedulerDriver};
use mesos_proto::v1::Filters;
use mesos_proto::v1::offer::Operation;

/// Accepts offers with their operations, and declines the other offers. The master offers the
/// unused resources again at its next allocation, so that a test does not wait for the five seconds
/// of the default filter.
///
/// The offers of one accept belong to one agent and one role. A round of `mesos-placement` has them
/// in this form.
///
/// # Errors
/// The error of the first call that failed. The offers of the later calls are declined by the
/// driver when they are dropped.
pub async fn answer_offers<M: Send + 'static>(
    driver: &SchedulerDriver<M>,
    accepts: impl IntoIterator<Item = (Vec<Offer>, Vec<Operation>)>,
    unused: Vec<Offer>,
) -> Result<()> {
    let at_once = Some(Filters::refuse(Duration::ZERO));
    for (offers, operations) in accepts {
        driver.accept(offers, operations, at_once).await?;
    }
    if !unused.is_empty() {
        driver.decline(unused, at_once).await?;
    }
    Ok(())
}
