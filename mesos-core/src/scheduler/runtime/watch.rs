//! Warns about a scheduler that blocks others: a handler that does not return, and offers that
//! are neither used nor declined.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::runtime::Background;
use crate::scheduler::handle::Handle;

/// The driver warns about a handler that runs for longer than this.
pub(super) const SLOW_HANDLER: Duration = Duration::from_secs(10);

/// The driver warns about offers that are held for longer than this.
const HELD_OFFERS: Duration = Duration::from_secs(60);

const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Starts the task that warns.
///
/// The task cannot run while a handler blocks the only thread of a runtime. The warning then
/// comes after the handler has returned.
pub(super) fn start(handle: &Handle) -> Background {
    let handle = handle.clone();
    Background::start("watch", async move {
        let shared = handle.shared();
        // The start time of the handler in the last warning.
        let mut warned: Option<Instant> = None;
        let mut held_before = 0;
        loop {
            sleep(CHECK_INTERVAL).await;
            if let Some((handler, since, elapsed)) = shared.monitor.running_handler()
                && elapsed >= SLOW_HANDLER
                && warned != Some(since)
            {
                warned = Some(since);
                tracing::warn!(
                    handler,
                    ?elapsed,
                    "the handler has not returned; nothing else is delivered until it does"
                );
            }
            let held = shared.ledger.older_than(HELD_OFFERS);
            if held > held_before {
                tracing::warn!(
                    offers = held,
                    "offers are held for over a minute; no other framework can use their \
                         resources: accept, decline or drop them"
                );
            }
            held_before = held;
        }
    })
}
