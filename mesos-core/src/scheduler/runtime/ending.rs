//! Ends a driver on request.

use std::sync::Arc;
use std::time::Duration;

use mesos_proto::v1::FrameworkId;
use tokio::time::{sleep, timeout};

use super::Runtime;
use super::acknowledge::answered;
use crate::StopReason;
use crate::backend::{Backend, Calls, EventStream, Incoming, SchedulerApi};
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::runtime::{Backoff, BackoffPolicy, Stop};
use crate::scheduler::handle::Handle;
use crate::scheduler::session::is_removal_text;
use crate::scheduler::{Event, calls};

/// How long the driver waits for the answer to the last call, TEARDOWN, and again for a
/// subscription that shows whether the TEARDOWN took effect.
const TEARDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a driver waits for the answers to the calls that were made before it stops.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

impl<S, B: Backend<SchedulerApi>, M> Runtime<S, B, M> {
    /// Ends the driver on request, over its subscription. An abort takes precedence.
    pub(super) async fn end_subscribed(
        &mut self,
        stop: Stop,
        events: &mut dyn EventStream<SchedulerApi>,
        calls: &dyn Calls<SchedulerApi>,
    ) -> Result<StopReason> {
        let handle = self.handle.clone();
        let ending = async {
            self.wait_for_id(stop, events).await;
            // The queue ends with the subscription, and a TEARDOWN must not overtake calls that
            // wait for space in the queue.
            let _ = timeout(FLUSH_TIMEOUT, self.flush()).await;
            match end(&handle, stop, Some(calls)).await {
                Ok(StopReason::Stopped) => self.torn_down().await,
                Err(error) if is_undecided(&error) => self.decide_teardown(error).await,
                end => end,
            }
        };
        tokio::select! {
            biased;
            () = handle.shared().link.aborted() => Ok(StopReason::Aborted),
            end = ending => end,
        }
    }

    /// Finds out whether a TEARDOWN that failed with `error` took effect: the master refuses
    /// another SUBSCRIBE of a framework that was torn down. Otherwise repeats the TEARDOWN.
    async fn decide_teardown(&mut self, error: Error) -> Result<StopReason> {
        let Some(id) = self.handle.framework_id() else {
            return Err(error);
        };
        tracing::warn!(
            error = %crate::error_chain(&error),
            "TEARDOWN was not answered; subscribing again to find out whether it took effect"
        );
        let backend = Arc::clone(&self.backend);
        let handle = self.handle.clone();
        let again = tear_down_again(backend.as_ref(), &handle, &id);
        let decided = timeout(TEARDOWN_TIMEOUT, again).await;
        if decided.is_ok() {
            return self.torn_down().await;
        }
        let stored = match self.stored {
            Some(_) => {
                "its id stays in the store, so the next start continues the framework or reports \
                 its removal"
            }
            None => "Mesos removes it at the latest when its failover timeout passes",
        };
        let text = format!(
            "framework {id} may be torn down or not, because TEARDOWN was not answered; {stored}"
        );
        let undecided = Error::new(error.kind(), text).with_delivery(error.delivery());
        Err(undecided.with_source(error))
    }

    async fn flush(&mut self) {
        while !self.answers.is_empty() {
            let answer = answered(&mut self.answers).await;
            self.acknowledgement_answered(answer);
        }
        self.acknowledgements.flush().await;
        self.handle.shared().in_flight.flush().await;
    }

    /// Waits for the id of a framework that is to be torn down. Without its id the framework
    /// would stay registered until its failover timeout.
    async fn wait_for_id(&mut self, stop: Stop, events: &mut dyn EventStream<SchedulerApi>) {
        if stop != (Stop::Stop { failover: false }) || self.handle.framework_id().is_some() {
            return;
        }
        if let Ok(Ok(Incoming::Event(event, record))) =
            timeout(TEARDOWN_TIMEOUT, events.next()).await
            && let Ok(Event::Subscribed { framework_id, .. }) = Event::lift(*event, record)
        {
            self.handle.shared().set_framework_id(Some(framework_id));
        }
    }
}

/// Ends the driver on request. `calls` is the subscription, if there is one.
pub(super) async fn end(
    handle: &Handle,
    stop: Stop,
    calls: Option<&dyn Calls<SchedulerApi>>,
) -> Result<StopReason> {
    let failover = match stop {
        Stop::Abort => return Ok(StopReason::Aborted),
        Stop::Stop { failover } => failover,
    };
    if failover {
        return Ok(StopReason::StoppedForFailover);
    }
    let Some(framework_id) = handle.framework_id() else {
        // Never subscribed, so there is nothing to tear down.
        return Ok(StopReason::Stopped);
    };
    let Some(calls) = calls else {
        return Err(Error::new(
            ErrorKind::NotSubscribed,
            format!(
                "stopped while disconnected, so framework {framework_id} could not be torn \
                 down; Mesos removes it when its failover timeout passes"
            ),
        )
        .with_delivery(crate::Delivery::NotSent));
    };
    tear_down(framework_id, calls).await?;
    Ok(StopReason::Stopped)
}

/// Sends a TEARDOWN and waits for its answer.
pub(super) async fn tear_down(id: FrameworkId, calls: &dyn Calls<SchedulerApi>) -> Result<()> {
    let mut call = calls::teardown();
    call.framework_id = Some(id);
    let teardown = async { calls.send(call).await?.await };
    timeout(TEARDOWN_TIMEOUT, teardown).await.map_err(|_| {
        let text = "TEARDOWN was not answered within 10 s";
        Error::new(ErrorKind::Timeout, text)
    })?
}

/// Whether a TEARDOWN that failed with `error` may have taken effect, or can succeed over another
/// subscription.
fn is_undecided(error: &Error) -> bool {
    error.delivery() == Delivery::Unknown || error.is_retryable()
}

/// Completes when the framework is torn down. Cancel safe.
async fn tear_down_again(backend: &dyn Backend<SchedulerApi>, handle: &Handle, id: &FrameworkId) {
    let policy = BackoffPolicy::new(Duration::from_millis(100), Duration::from_secs(1));
    let mut backoff = Backoff::new(policy);
    loop {
        match try_tear_down(backend, handle, id).await {
            Ok(()) => return,
            Err(error) => {
                let error = crate::error_chain(&error);
                tracing::debug!(%error, "the framework may not be torn down yet");
            }
        }
        sleep(backoff.next(fastrand::f64())).await;
    }
}

async fn try_tear_down(
    backend: &dyn Backend<SchedulerApi>,
    handle: &Handle,
    id: &FrameworkId,
) -> Result<()> {
    let subscribe = handle
        .shared()
        .subscribe_state()
        .subscribe(Some(id.clone()));
    let mut subscription = backend.subscribe(subscribe).await?;
    let Incoming::Event(event, record) = subscription.events.next().await? else {
        let text = "the subscription was lost";
        return Err(Error::new(ErrorKind::Transport, text));
    };
    match Event::lift(*event, record)? {
        Event::Error(message) if is_removal_text(&message) => Ok(()),
        Event::Subscribed { .. } => tear_down(id.clone(), subscription.calls.as_ref()).await,
        other => {
            let text = format!("expected SUBSCRIBED or ERROR, received {other:?}");
            Err(Error::new(ErrorKind::Protocol, text))
        }
    }
}
