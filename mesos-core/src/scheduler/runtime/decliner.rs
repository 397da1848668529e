//! Declines offers as they are dropped, also while a handler runs.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::send;
use crate::backend::{Calls, SchedulerApi};
use crate::scheduler::{SchedulerDriver, calls};

/// Lives as long as its subscription.
pub(super) struct Decliner(JoinHandle<()>);

impl Decliner {
    pub(super) fn start(driver: &SchedulerDriver, calls: &Arc<dyn Calls<SchedulerApi>>) -> Self {
        let driver = driver.clone();
        let calls = Arc::clone(calls);
        Self(tokio::spawn(async move {
            loop {
                let ids = driver.shared().ledger.dropped().await;
                tracing::debug!(count = ids.len(), "declining unused offers");
                // Its failure is no loss: an offer that is not declined is
                // void when the subscription ends.
                let _ = send(&driver, calls.as_ref(), calls::decline(ids, None)).await;
            }
        }))
    }
}

impl Drop for Decliner {
    fn drop(&mut self) {
        self.0.abort();
    }
}
