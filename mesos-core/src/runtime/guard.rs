//! Runs one handler of the user's: a panic becomes an error, an abort cancels
//! it. Also what its outcome, and the driver's own, mean for those who wait.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use super::link::Link;
use crate::backend::Api;
use crate::error::{Error, ErrorKind};
use crate::{End, HandlerResult};

tokio::task_local! {
    /// The link whose handler this task is running, as an address.
    static HANDLER: usize;
}

fn address<A: Api>(link: &Link<A>) -> usize {
    std::ptr::from_ref(link).addr()
}

/// Whether the caller is a handler of `link`'s driver, which delivers nothing
/// and does not reconnect until the handler has returned. Waiting for either
/// there would be for ever.
pub(crate) fn in_handler<A: Api>(link: &Link<A>) -> bool {
    HANDLER
        .try_with(|inside| *inside == address(link))
        .unwrap_or_default()
}

/// How a handler ended, as far as the driver goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Handled {
    /// It returned `Ok`.
    Done,
    /// It returned an error, which has been logged.
    Failed(String),
    /// The driver was aborted while it ran; it was dropped.
    Aborted,
}

/// Awaits `handler`. An error means that it panicked.
pub(crate) async fn guarded<A: Api>(
    link: &Link<A>,
    name: &'static str,
    handler: impl Future<Output = HandlerResult>,
) -> Result<Handled, Error> {
    if link.is_aborted() {
        return Ok(Handled::Aborted);
    }
    let outcome = tokio::select! {
        // Most handlers never wait, and then nobody has to watch for an abort.
        biased;
        // The handler's own state is dropped with the driver after a panic, so
        // nobody sees it half changed.
        outcome = AssertUnwindSafe(HANDLER.scope(address(link), handler)).catch_unwind() => outcome,
        () = link.aborted() => return Ok(Handled::Aborted),
    };
    match outcome {
        Ok(Ok(())) => Ok(Handled::Done),
        Ok(Err(error)) => {
            let text = crate::error::chain(error.as_ref());
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

/// What a handler's outcome means for the driver; `None` to go on.
pub(crate) fn ended(handled: Result<Handled, Error>) -> Option<Result<End, Error>> {
    match handled {
        Ok(Handled::Done | Handled::Failed(_)) => None,
        Ok(Handled::Aborted) => Some(Ok(End::Aborted)),
        Err(panicked) => Some(Err(panicked)),
    }
}

/// Tells those who wait in `join` how a driver ended, also when its task is
/// dropped with the runtime that it ran in.
pub(crate) struct Finish<T: FnMut(Result<End, Error>)> {
    end: Option<Result<End, Error>>,
    tell: T,
}

impl<T: FnMut(Result<End, Error>)> Finish<T> {
    /// `tell` is called once, when this is dropped.
    pub(crate) fn new(tell: T) -> Self {
        Self { end: None, tell }
    }

    /// The driver has ended.
    pub(crate) fn with(mut self, end: Result<End, Error>) {
        tracing::info!(?end, "driver ended");
        self.end = Some(end);
    }
}

impl<T: FnMut(Result<End, Error>)> Drop for Finish<T> {
    fn drop(&mut self) {
        let gone = || {
            let text = "the runtime that the driver ran in is gone";
            Err(Error::new(ErrorKind::Closed, text))
        };
        (self.tell)(self.end.take().unwrap_or_else(gone));
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "(no message)"
    }
}
