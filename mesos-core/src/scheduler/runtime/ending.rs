//! Ends a driver on request.

use std::time::Duration;

use tokio::time::timeout;

use super::{Runtime, answered};
use crate::StopReason;
use crate::backend::{Calls, EventStream, Incoming, SchedulerApi};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Stop;
use crate::scheduler::handle::Handle;
use crate::scheduler::{Event, calls};

/// How long the driver waits for the answer to the last call, TEARDOWN.
const TEARDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a driver waits for the answers to its acknowledgements before it stops for failover.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

impl<S, B, M> Runtime<S, B, M> {
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
            if stop == (Stop::Stop { failover: true }) {
                // The queue ends with the subscription. A TEARDOWN needs no such wait,
                // because it is queued after the acknowledgements.
                let _ = timeout(FLUSH_TIMEOUT, self.flush()).await;
            }
            match end(&handle, stop, Some(calls)).await {
                Ok(StopReason::Stopped) => self.torn_down().await,
                end => end,
            }
        };
        tokio::select! {
            biased;
            () = handle.shared().link.aborted() => Ok(StopReason::Aborted),
            end = ending => end,
        }
    }

    async fn flush(&mut self) {
        while !self.answers.is_empty() {
            let answer = answered(&mut self.answers).await;
            self.acknowledgement_answered(answer);
        }
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
    let mut call = calls::teardown();
    call.framework_id = Some(framework_id);
    let teardown = async { calls.send(call).await?.await };
    timeout(TEARDOWN_TIMEOUT, teardown).await.map_err(|_| {
        let text = "TEARDOWN was not answered within 10 s";
        Error::new(ErrorKind::Timeout, text)
    })??;
    Ok(StopReason::Stopped)
}
