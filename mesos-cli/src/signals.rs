//! The signals that end the program.

use std::future::poll_fn;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Code, Error};

/// Listens for signals. One value for the whole program, because it keeps signals that arrive
/// between waits.
#[derive(Debug)]
pub(crate) struct Signals(Vec<(SignalKind, Signal)>);

impl Signals {
    /// SIGINT and SIGTERM.
    pub(crate) fn new() -> Result<Self, Error> {
        Self::of(&[SignalKind::interrupt(), SignalKind::terminate()])
    }

    /// SIGINT, SIGTERM and SIGHUP: the terminal was closed. `nohup` has no effect on a program that
    /// listens for SIGHUP.
    pub(crate) fn with_hangup() -> Result<Self, Error> {
        Self::of(&[
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ])
    }

    fn of(kinds: &[SignalKind]) -> Result<Self, Error> {
        let listen = |kind: &SignalKind| match signal(*kind) {
            Ok(signal) => Ok((*kind, signal)),
            Err(error) => Err(Error::new(
                Code::Failure,
                format!("cannot handle signals: {error}"),
            )),
        };
        kinds.iter().map(listen).collect::<Result<_, _>>().map(Self)
    }

    /// Waits for the next signal. Cancel safe.
    pub(crate) async fn next(&mut self) -> SignalKind {
        poll_fn(|context| {
            for (kind, signal) in &mut self.0 {
                if signal.poll_recv(context).is_ready() {
                    return Poll::Ready(*kind);
                }
            }
            Poll::Pending
        })
        .await
    }
}
