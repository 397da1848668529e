//! The terminal of this process.

use std::io::{IsTerminal as _, Read as _};

use mesos::operator::TtySize;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::error::{Code, Error};

/// The size of a terminal whose size is not known.
pub(super) const VT100: TtySize = TtySize {
    rows: 24,
    columns: 80,
};

/// The size of the terminal on stdout or stdin.
pub(super) fn size() -> Option<TtySize> {
    let size = terminal_size::terminal_size_of(std::io::stdout())
        .or_else(|| terminal_size::terminal_size_of(std::io::stdin()));
    size.map(|(columns, rows)| TtySize {
        rows: rows.0.into(),
        columns: columns.0.into(),
    })
}

/// A terminal in raw mode: every key goes to the container. Dropping it restores the mode.
pub(super) struct Terminal(Termios);

impl Terminal {
    /// `None` if stdin is not a terminal.
    pub(super) fn raw() -> Result<Option<Self>, Error> {
        if !std::io::stdin().is_terminal() {
            return Ok(None);
        }
        let failed = |error| {
            Error::new(
                Code::Failure,
                format!("cannot set the terminal to raw mode: {error}"),
            )
        };
        let before = tcgetattr(std::io::stdin()).map_err(failed)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).map_err(failed)?;
        Ok(Some(Self(before)))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that is gone does not need its mode.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, &self.0);
    }
}

/// The changes of the terminal's size (SIGWINCH).
pub(super) struct Sizes(Signal);

impl Sizes {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self(signal(SignalKind::window_change())?))
    }

    /// The next size. Cancel safe.
    pub(super) async fn next(&mut self) -> TtySize {
        loop {
            match self.0.recv().await {
                Some(()) => {
                    if let Some(size) = size() {
                        return size;
                    }
                }
                None => std::future::pending().await,
            }
        }
    }
}

/// The input of this process. It is read by a thread, which does not delay the end of the process.
pub(super) fn input() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(4);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 4 << 10];
        let mut stdin = std::io::stdin();
        while let Ok(length @ 1..) = stdin.read(&mut buffer) {
            if sender.blocking_send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}
