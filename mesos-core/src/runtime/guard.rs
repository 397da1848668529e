//! Runs one handler of the program: a panic becomes an error, an abort cancels the handler. Also
//! reports the end of the driver to those who wait for it.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use super::link::Link;
use super::scope::as_handler;
use crate::backend::Api;
use crate::error::{Error, ErrorKind, error_chain};
use crate::{HandlerResult, StopReason};

/// How a handler ended, if the driver continues.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Handled {
    /// The handler returned `Ok`.
    Done,
    /// The handler returned an error, which was logged.
    Failed(String),
    /// The driver was aborted while the handler ran, and the handler was dropped.
    Aborted,
}

/// Awaits `handler`.
///
/// # Errors
/// The handler panicked.
pub(crate) async fn guarded<A: Api>(
    link: &Link<A>,
    name: &'static str,
    handler: impl Future<Output = HandlerResult>,
) -> Result<Handled, Error> {
    if link.is_aborted() {
        return Ok(Handled::Aborted);
    }
    let outcome = tokio::select! {
        // Most handlers never wait, and then there is no need to watch for an abort.
        biased;
        // After a panic the scheduler or executor is dropped with the driver, so no code sees
        // half of a change.
        outcome = AssertUnwindSafe(as_handler(link, handler)).catch_unwind() => outcome,
        () = link.aborted() => return Ok(Handled::Aborted),
    };
    match outcome {
        Ok(Ok(())) => Ok(Handled::Done),
        Ok(Err(error)) => {
            let text = error_chain(error.as_ref());
            tracing::error!(handler = name, error = %text, "handler failed");
            Ok(Handled::Failed(text))
        }
        Err(panic) => Err(Error::new(
            ErrorKind::Panicked,
            format!(
                "the handler `{name}` panicked: {}",
                panic_text(panic.as_ref())
            ),
        )),
    }
}

/// Whether the driver ends after a handler; `None` to continue.
pub(crate) fn ended(handled: Result<Handled, Error>) -> Option<Result<StopReason, Error>> {
    match handled {
        Ok(Handled::Done | Handled::Failed(_)) => None,
        Ok(Handled::Aborted) => Some(Ok(StopReason::Aborted)),
        Err(panicked) => Some(Err(panicked)),
    }
}

/// Reports the end of a driver to those who wait in `join`, also when the driver's task is
/// dropped with its tokio runtime.
pub(crate) struct Finish<T: FnMut(Result<StopReason, Error>)> {
    end: Option<Result<StopReason, Error>>,
    report: T,
}

impl<T: FnMut(Result<StopReason, Error>)> Finish<T> {
    /// Calls `report` once, when this value is dropped.
    pub(crate) fn new(report: T) -> Self {
        Self { end: None, report }
    }

    /// The driver has ended.
    pub(crate) fn with(mut self, end: Result<StopReason, Error>) {
        match &end {
            Ok(reason) => tracing::info!(?reason, "driver ended"),
            Err(error) => tracing::error!(error = %error_chain(error), "driver ended"),
        }
        self.end = Some(end);
    }
}

impl<T: FnMut(Result<StopReason, Error>)> Drop for Finish<T> {
    fn drop(&mut self) {
        let dropped = || {
            let text = "the tokio runtime of the driver was shut down";
            Err(Error::new(ErrorKind::Closed, text))
        };
        (self.report)(self.end.take().unwrap_or_else(dropped));
    }
}

pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "(no message)"
    }
}
