//! How a driver ends that was asked to.

use std::time::Duration;

use tokio::time::timeout;

use super::Runtime;
use crate::End;
use crate::backend::{Calls, EventStream, Incoming, SchedulerApi};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Stop;
use crate::scheduler::{Event, SchedulerDriver, calls};

/// How long the last call, TEARDOWN, may take to be answered.
const TEARDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long acknowledgements that are under way may take before a driver leaves.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

impl<S, B> Runtime<S, B> {
    /// Ends the driver as asked, over its subscription. An abort overrules.
    pub(super) async fn leave(
        &mut self,
        stop: Stop,
        events: &mut dyn EventStream<SchedulerApi>,
        calls: &dyn Calls<SchedulerApi>,
    ) -> Result<End> {
        let driver = self.driver.clone();
        let leaving = async {
            self.learn_id(stop, events).await;
            if stop == (Stop::Stop { failover: true }) {
                // The line ends with the subscription. A TEARDOWN needs no such
                // wait: it is behind them in line.
                let _ = timeout(FLUSH_TIMEOUT, self.flush()).await;
            }
            match end(&driver, stop, Some(calls)).await {
                Ok(End::Stopped) => self.torn_down().await,
                end => end,
            }
        };
        tokio::select! {
            biased;
            () = driver.shared().link.aborted() => Ok(End::Aborted),
            end = leaving => end,
        }
    }

    async fn flush(&mut self) {
        while !self.answers.is_empty() {
            let answer = self.answered().await;
            self.own_call_answered(answer);
        }
    }

    /// A framework that asked for an id and stops before it heard of it would
    /// stay registered until its failover timeout. So wait for the id.
    async fn learn_id(&mut self, stop: Stop, events: &mut dyn EventStream<SchedulerApi>) {
        if stop != (Stop::Stop { failover: false }) || self.driver.framework_id().is_some() {
            return;
        }
        if let Ok(Ok(Incoming::Event(event, record))) =
            timeout(TEARDOWN_TIMEOUT, events.next()).await
            && let Ok(Event::Subscribed { framework_id, .. }) = Event::lift(*event, record)
        {
            self.driver.shared().set_framework_id(Some(framework_id));
        }
    }
}

/// Ends the driver as asked. `calls` is the subscription, if there is one.
pub(super) async fn end(
    driver: &SchedulerDriver,
    stop: Stop,
    calls: Option<&dyn Calls<SchedulerApi>>,
) -> Result<End> {
    let failover = match stop {
        Stop::Abort => return Ok(End::Aborted),
        Stop::Stop { failover } => failover,
    };
    if failover {
        return Ok(End::StoppedForFailover);
    }
    let Some(framework_id) = driver.framework_id() else {
        // Never subscribed, so there is nothing to tear down.
        return Ok(End::Stopped);
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
    Ok(End::Stopped)
}
