//! A backend for schedulers of which one leads.

use std::sync::Arc;

use async_trait::async_trait;
use mesos_core::backend::{Backend, SchedulerApi, Subscription};
use mesos_core::{BoxError, Capabilities, Error, ErrorKind, Result};
use mesos_proto::v1::scheduler::Call;

use super::Store;

/// Subscribes only while this process leads: a subscription ends that of the leader.
#[derive(Debug)]
pub(crate) struct Gate<B> {
    backend: B,
    store: Store,
}

impl<B> Gate<B> {
    pub(crate) fn new(backend: B, store: Store) -> Self {
        Self { backend, store }
    }

    /// Whether this process leads. A task of its own, because the event loop does not poll an attempt
    /// to subscribe while a handler waits for the store.
    async fn leads(&self) -> Result<bool, BoxError> {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move { store.confirm_lead().await }).await?
    }
}

#[async_trait]
impl<B: Backend<SchedulerApi>> Backend<SchedulerApi> for Gate<B> {
    fn name(&self) -> &'static str {
        self.backend.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.backend.capabilities()
    }

    async fn subscribe(&self, call: Call) -> Result<Subscription<SchedulerApi>> {
        match self.leads().await {
            Ok(true) => {}
            Ok(false) => return Err(not_leading("another process uses the state")),
            Err(error) => {
                let message =
                    "cannot find out whether this process leads, so it does not subscribe";
                return Err(Error::new(ErrorKind::Unavailable, message).with_source(error));
            }
        }
        let subscription = self.backend.subscribe(call).await?;
        // The process may have been paused in between.
        match self.leads().await {
            Ok(false) => Err(not_leading("another process uses the state")),
            Ok(true) | Err(_) => Ok(subscription),
        }
    }

    fn principal(&self) -> Option<&str> {
        self.backend.principal()
    }

    async fn leader_changed(&self) {
        self.backend.leader_changed().await;
    }
}

/// The end of a runner that does not lead any more.
pub(crate) fn not_leading(why: &str) -> Error {
    let message = format!(
        "this process does not lead any more: {why}; start it again, so that it waits and takes \
         over when the leader ends"
    );
    Error::new(ErrorKind::TakenOver, message)
}
