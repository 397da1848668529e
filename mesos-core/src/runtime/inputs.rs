//! Inputs of the program's own to its handlers, after a delay.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::spawn;
use crate::error::{Error, ErrorKind};

/// An input that is to be sent after a delay. Dropping the timer does not cancel the input.
#[derive(Clone, Debug)]
pub struct Timer(AbortHandle);

impl Timer {
    #[track_caller]
    pub(crate) fn start<M: Send + 'static>(
        delay: Duration,
        inputs: UnboundedSender<M>,
        input: M,
    ) -> Self {
        let task = spawn("send_after", async move {
            tokio::select! {
                biased;
                () = sleep(delay) => drop(inputs.send(input)),
                () = inputs.closed() => {}
            }
        });
        Self(task.abort_handle())
    }

    /// Cancels the input. Does nothing if the input was sent already.
    pub fn cancel(&self) {
        self.0.abort();
    }
}

pub(crate) fn input_closed() -> Error {
    Error::new(
        ErrorKind::Closed,
        "the driver has ended and receives no more inputs",
    )
}
