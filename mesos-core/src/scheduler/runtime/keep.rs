//! Loads, saves and forgets the framework's id.

use std::future::Future;

use mesos_proto::v1::FrameworkId;

use super::Runtime;
use crate::End;
use crate::error::{BoxError, Error, ErrorKind, Result};
use crate::scheduler::SchedulerDriver;

impl<S, B> Runtime<S, B> {
    /// Before the first SUBSCRIBE. The id of an earlier run is taken over.
    /// Something is how the driver ends.
    pub(super) async fn recall(&mut self) -> Option<Result<End>> {
        let store = self.store.clone()?;
        let given = self.driver.framework_id();
        let stored = match ask(&self.driver, "load the framework's id", store.load()).await {
            Ok(stored) => stored,
            Err(end) => return Some(end),
        };
        if let (Some(given), Some(stored)) = (&given, &stored)
            && given != stored
        {
            return Some(Err(Error::new(
                ErrorKind::Config,
                format!(
                    "the framework was given the id {given}, but its store has {stored}; give \
                     none, or clear the store"
                ),
            )));
        }
        if stored.is_some() {
            tracing::info!(framework_id = ?stored, "continuing as the stored framework");
            self.driver.shared().set_framework_id(stored.clone());
            self.session.continue_as(stored.clone());
        }
        self.stored = stored;
        None
    }

    /// Before the scheduler hears of `id` and before any call is made.
    pub(super) async fn keep(&mut self, id: &FrameworkId) -> Option<Result<End>> {
        let store = self.store.clone()?;
        if self.stored.as_ref() == Some(id) {
            return None;
        }
        let what = format!("save the framework's id {id}");
        match ask(&self.driver, &what, store.save(id)).await {
            Ok(()) => {
                self.stored = Some(id.clone());
                None
            }
            Err(end) => Some(end),
        }
    }

    /// The framework was torn down as the scheduler wanted it. Its id can never
    /// be used again, so whoever starts next must not find it.
    pub(super) async fn torn_down(&mut self) -> Result<End> {
        self.stored = None;
        let Some(store) = self.store.clone() else {
            return Ok(End::Stopped);
        };
        let what = "clear the id of the framework, which was torn down";
        match ask(&self.driver, what, store.clear()).await {
            Ok(()) => Ok(End::Stopped),
            Err(end) => end,
        }
    }

    /// Mesos removed the framework with `id`.
    pub(super) async fn forget(&mut self, id: &FrameworkId) -> Option<Result<End>> {
        tracing::warn!(framework_id = %id, "removed by Mesos; starting as a new framework");
        self.driver.shared().set_framework_id(None);
        self.stored = None;
        let reconciler = &self.driver.shared().reconciler;
        reconciler.change(|plan, _| plan.forget_all());
        let store = self.store.clone()?;
        let what = format!("clear the id {id} of the removed framework");
        ask(&self.driver, &what, store.clear()).await.err()
    }
}

/// What the store answered; an error is how the driver ends.
async fn ask<T>(
    driver: &SchedulerDriver,
    what: &str,
    answer: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, Result<End>> {
    tokio::select! {
        biased;
        () = driver.shared().link.aborted() => Err(Ok(End::Aborted)),
        answer = answer => answer.map_err(|error| {
            let text = format!("the store could not {what}");
            Err(Error::new(ErrorKind::Store, text).with_source(error))
        }),
    }
}
