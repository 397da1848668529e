//! Runs one handler of the user's: a panic becomes an error, an abort cancels it.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use super::link::Link;
use crate::HandlerResult;
use crate::backend::Api;
use crate::error::{Error, ErrorKind};

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
    let outcome = tokio::select! {
        biased;
        () = link.aborted() => return Ok(Handled::Aborted),
        // The handler's own state is dropped with the driver after a panic, so
        // nobody sees it half changed.
        outcome = AssertUnwindSafe(handler).catch_unwind() => outcome,
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

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "(no message)"
    }
}
