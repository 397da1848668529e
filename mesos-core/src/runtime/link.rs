//! The state that a driver handle shares with its running loop.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use super::scope::in_handler;

use crate::StopReason;
use crate::backend::{Api, Calls};
use crate::error::{Delivery, Error, ErrorKind, Result};

/// How a driver has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// After a clean stop; `failover` keeps the framework registered.
    Stop { failover: bool },
    /// Immediately.
    Abort,
}

/// See the module.
pub(crate) struct Link<A: Api> {
    calls: watch::Sender<Option<Arc<dyn Calls<A>>>>,
    stop: watch::Sender<Option<Stop>>,
    end: watch::Sender<Option<Result<StopReason>>>,
}

impl<A: Api> Link<A> {
    pub(crate) fn new() -> Self {
        Self {
            calls: watch::Sender::new(None),
            stop: watch::Sender::new(None),
            end: watch::Sender::new(None),
        }
    }

    /// Sends calls to `calls` from now on.
    pub(crate) fn connect(&self, calls: Arc<dyn Calls<A>>) {
        self.calls.send_replace(Some(calls));
    }

    /// Calls fail from now on.
    pub(crate) fn disconnect(&self) {
        self.calls.send_replace(None);
    }

    /// The current destination of calls.
    pub(crate) fn calls(&self) -> Result<Arc<dyn Calls<A>>> {
        if let Some(calls) = self.calls.borrow().clone() {
            return Ok(calls);
        }
        if self.end.borrow().is_some() {
            return Err(closed());
        }
        Err(Error::new(
            ErrorKind::NotSubscribed,
            format!(
                "not subscribed now; make {} calls in or after the handler `subscribed`, wait with \
                 `when_subscribed`, or use a handle from `wait_for_subscription`",
                A::NAME
            ),
        )
        .with_delivery(Delivery::NotSent))
    }

    /// Waits for a subscription, and returns the destination of calls. Fails if
    /// the driver ends first. Cancel safe.
    pub(crate) async fn connected(&self) -> Result<Arc<dyn Calls<A>>> {
        let mut calls = self.calls.subscribe();
        let mut end = self.end.subscribe();
        let found = tokio::select! {
            biased;
            found = calls.wait_for(Option::is_some) => found.ok().and_then(|calls| calls.clone()),
            _ = end.wait_for(Option::is_some) => None,
        };
        found.ok_or_else(closed)
    }

    /// Whether there is a subscription.
    pub(crate) fn is_connected(&self) -> bool {
        self.calls.borrow().is_some()
    }

    /// Completes when there is no subscription. Cancel safe.
    pub(crate) async fn disconnected(&self) {
        let _ = self.calls.subscribe().wait_for(Option::is_none).await;
    }

    /// Completes when calls are no longer sent to `calls`. Cancel safe.
    pub(crate) async fn left(&self, calls: &Arc<dyn Calls<A>>) {
        let same = |now: &Option<Arc<dyn Calls<A>>>| {
            now.as_ref().is_some_and(|now| Arc::ptr_eq(now, calls))
        };
        let _ = self.calls.subscribe().wait_for(|now| !same(now)).await;
    }

    /// Requests the end of the loop. The first request counts, but an abort
    /// overrides a stop.
    pub(crate) fn request_stop(&self, stop: Stop) {
        self.stop.send_if_modified(|current| {
            let change = current.is_none() || (stop == Stop::Abort && *current != Some(stop));
            if change {
                *current = Some(stop);
            }
            change
        });
    }

    /// Completes when the end of the driver was requested. Cancel safe.
    pub(crate) async fn stop_requested(&self) -> Stop {
        let mut stop = self.stop.subscribe();
        // `self` owns the sender, so waiting cannot fail.
        match stop.wait_for(Option::is_some).await.map(|stop| *stop) {
            Ok(Some(stop)) => stop,
            _ => Stop::Abort,
        }
    }

    /// Whether the end of the driver was requested.
    pub(crate) fn is_stop_requested(&self) -> bool {
        self.stop.borrow().is_some()
    }

    /// Whether the driver was aborted.
    pub(crate) fn is_aborted(&self) -> bool {
        *self.stop.borrow() == Some(Stop::Abort)
    }

    /// Completes when the driver was aborted. Cancel safe.
    pub(crate) async fn aborted(&self) {
        let mut stop = self.stop.subscribe();
        let _ = stop.wait_for(|stop| *stop == Some(Stop::Abort)).await;
    }

    /// The loop has ended.
    pub(crate) fn finish(&self, end: Result<StopReason>) {
        self.end.send_replace(Some(end));
        self.disconnect();
    }

    /// Completes when the loop has ended. Cancel safe.
    pub(crate) async fn ended(&self) {
        let _ = self.end.subscribe().wait_for(Option::is_some).await;
    }

    /// Waits for the end of the loop and returns its result. Cancel safe.
    pub(crate) async fn join(&self) -> Result<StopReason> {
        if in_handler(self) {
            let text = "a handler cannot wait for the end of its own driver, because the driver \
                        ends only after the handler has returned; wait in a separate task";
            return Err(Error::new(ErrorKind::Config, text));
        }
        let mut end = self.end.subscribe();
        match end.wait_for(Option::is_some).await.map(|end| end.clone()) {
            Ok(Some(end)) => end,
            _ => Err(Error::new(ErrorKind::Closed, "the driver has ended")),
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the driver has ended")
}

impl<A: Api> fmt::Debug for Link<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("connected", &self.calls.borrow().is_some())
            .field("stop", &*self.stop.borrow())
            .field("ended", &self.end.borrow().is_some())
            .finish()
    }
}
