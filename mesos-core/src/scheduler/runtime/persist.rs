//! Loads, saves and clears the framework's id in its store.

use std::future::Future;

use mesos_proto::v1::FrameworkId;

use super::Runtime;
use crate::StopReason;
use crate::error::{BoxError, Error, ErrorKind, Result};
use crate::scheduler::handle::Handle;
use crate::scheduler::session::is_removal;

impl<S, B, M> Runtime<S, B, M> {
    /// Loads the id of an earlier run, before the first SUBSCRIBE. Returns `Some(end)` if the
    /// driver has to end.
    pub(super) async fn load_id(&mut self) -> Option<Result<StopReason>> {
        let store = self.store.clone()?;
        let given = self.handle.framework_id();
        let stored = match store_result(&self.handle, "load the framework's id", store.load()).await
        {
            Ok(stored) => stored,
            Err(end) => return Some(end),
        };
        if let (Some(given), Some(stored)) = (&given, &stored)
            && given != stored
        {
            return Some(Err(Error::new(
                ErrorKind::Config,
                format!(
                    "the framework has the id {given}, but its store has the id {stored}; \
                     remove one of the two"
                ),
            )));
        }
        if let Some(id) = &stored {
            tracing::info!(framework_id = %id, "continuing as the stored framework");
            self.handle.shared().set_framework_id(stored.clone());
            self.session.continue_as(stored.clone());
        }
        self.stored = stored;
        None
    }

    /// Saves `id`, before the scheduler receives it and before any call is made.
    pub(super) async fn save_id(&mut self, id: &FrameworkId) -> Option<Result<StopReason>> {
        let store = self.store.clone()?;
        if self.stored.as_ref() == Some(id) {
            return None;
        }
        let what = format!("save the framework's id {id}");
        match store_result(&self.handle, &what, store.save(id)).await {
            Ok(()) => {
                self.stored = Some(id.clone());
                None
            }
            Err(end) => Some(end),
        }
    }

    /// Clears the store after a TEARDOWN. The id can never be used again, so the next scheduler
    /// must not load it.
    pub(super) async fn torn_down(&mut self) -> Result<StopReason> {
        self.stored = None;
        let Some(store) = self.store.clone() else {
            return Ok(StopReason::Stopped);
        };
        let what = "clear the id of the framework, which was torn down";
        match store_result(&self.handle, what, store.clear()).await {
            Ok(()) => Ok(StopReason::Stopped),
            Err(end) => end,
        }
    }

    /// The end of a driver, which names the store if the store's framework was removed: the next
    /// start ends in the same way.
    pub(super) fn with_store(&self, end: Result<StopReason>) -> Result<StopReason> {
        let Some(id) = &self.stored else {
            return end;
        };
        end.map_err(|error| match is_removal(error.kind()) {
            true => {
                let text = format!(
                    "Mesos has removed framework {id}, whose id is in the store; clear the store \
                     to start as a new framework, or use RemovedPolicy::NewFramework"
                );
                Error::new(error.kind(), text).with_source(error)
            }
            false => error,
        })
    }

    /// Clears the store after Mesos removed the framework with `id`.
    pub(super) async fn clear_id(&mut self, id: &FrameworkId) -> Option<Result<StopReason>> {
        tracing::warn!(framework_id = %id, "removed by Mesos; starting as a new framework");
        self.handle.shared().set_framework_id(None);
        self.stored = None;
        let reconciler = &self.handle.shared().reconciler;
        reconciler.change(|tracker, _| tracker.clear());
        let store = self.store.clone()?;
        let what = format!("clear the id {id} of the removed framework");
        store_result(&self.handle, &what, store.clear()).await.err()
    }
}

/// Waits for the store. The `Err` is the end of the driver.
async fn store_result<T>(
    handle: &Handle,
    what: &str,
    answer: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, Result<StopReason>> {
    tokio::select! {
        biased;
        () = handle.shared().link.aborted() => Err(Ok(StopReason::Aborted)),
        answer = answer => answer.map_err(|error| {
            let text = format!("the store failed to {what}");
            Err(Error::new(ErrorKind::Store, text).with_source(error))
        }),
    }
}
