//! The one error type of the driver surface, and the two questions it answers.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// A boxed error of any type, as handlers return it.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, coarse enough to match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting or an argument was refused before anything was sent.
    Config,
    /// Connecting, the TLS handshake or the socket failed.
    Transport,
    /// A deadline passed; the message names it.
    Timeout,
    /// The addressed master is not the leader, or there is no leader now.
    NotLeader,
    /// The credentials are missing or wrong (HTTP 401).
    Unauthorized,
    /// The principal may not do this (HTTP 403 about authorization).
    Forbidden,
    /// There is no subscription now, or Mesos does not know of it.
    NotSubscribed,
    /// Mesos refused the call and said why.
    Rejected,
    /// Mesos is there but cannot answer yet (404 while starting, 503).
    Unavailable,
    /// Nothing was received for several heartbeat intervals.
    HeartbeatLost,
    /// The peer broke the protocol, or is no Mesos. Worth another attempt,
    /// because a proxy in front of a Mesos answers like this while it has lost
    /// it; but a scheduler's driver ends with it before its first subscription,
    /// because then the address is wrong.
    Protocol,
    /// Bytes that should be a message are none.
    Decode,
    /// The framework was removed: torn down, or its failover timeout passed.
    FrameworkRemoved,
    /// The framework was removed, and this driver had been without a
    /// subscription for longer than the framework's failover timeout.
    FailoverTimeout,
    /// Another instance subscribed with this framework's id. That it was a
    /// SUBSCRIBE of this driver, held up on its way, is ruled out: one that was
    /// sent and not answered within the two minutes before has the driver
    /// subscribe again, once for each.
    TakenOver,
    /// The offer was rescinded, or belongs to an earlier subscription.
    OfferGone,
    /// The driver has stopped.
    Closed,
    /// A handler panicked.
    Panicked,
    /// A handler returned an error where the driver cannot go on.
    Handler,
    /// The framework's id could not be loaded, saved or cleared, or an
    /// executor's journal could not be kept.
    Store,
    /// An executor lost its agent, and may not outlive it: its framework has
    /// no checkpointing.
    AgentLost,
    /// An executor's agent stayed away for longer than the recovery timeout.
    RecoveryTimeout,
    /// An executor could not subscribe for the first time before its agent
    /// gives it up.
    RegistrationTimeout,
    /// An executor ended before its agent had stored every update, or, after a
    /// SHUTDOWN, before every task had ended. The message says how many.
    Unacknowledged,
    /// This backend cannot do that; see `capabilities()`.
    Unsupported,
    /// The backend itself failed; the source says how.
    Backend,
}

/// Whether Mesos may have acted on a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Nothing left this process.
    NotSent,
    /// Mesos answered that it did not act.
    Refused,
    /// It may have acted: the connection broke, or time ran out, after the
    /// call was on its way.
    Unknown,
}

/// Why a driver operation failed. Cheap to clone: one lost connection answers
/// many waiting calls.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    delivery: Delivery,
    message: String,
    status: Option<u16>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error that says `message`. [`delivery`](Self::delivery) starts as
    /// what `kind` implies.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        use ErrorKind::*;
        let delivery = match kind {
            Timeout | Protocol | Decode | HeartbeatLost | Backend => Delivery::Unknown,
            NotLeader | Unauthorized | Forbidden | NotSubscribed | Rejected | Unavailable
            | FrameworkRemoved | FailoverTimeout | TakenOver => Delivery::Refused,
            Config | Transport | OfferGone | Closed | Panicked | Handler | Store | Unsupported
            | AgentLost | RecoveryTimeout | RegistrationTimeout | Unacknowledged => {
                Delivery::NotSent
            }
        };
        Self(Arc::new(Inner {
            kind,
            delivery,
            message: message.into(),
            status: None,
            source: None,
        }))
    }

    /// Sets whether Mesos may have acted.
    #[must_use]
    pub fn with_delivery(self, delivery: Delivery) -> Self {
        self.map(|inner| inner.delivery = delivery)
    }

    /// Keeps the HTTP status that was answered.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        self.map(|inner| inner.status = Some(status))
    }

    /// Keeps the cause. Its type is no part of the stable interface.
    #[must_use]
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        self.map(|inner| inner.source = Some(source.into()))
    }

    fn map(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether Mesos may have acted on the call.
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// The HTTP status, where one was answered.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Whether the same operation can succeed later without a change: after a
    /// wait, or after the driver has subscribed again. Says nothing about
    /// whether it may already have had its effect; ask
    /// [`delivery`](Self::delivery) for that.
    pub fn is_retryable(&self) -> bool {
        use ErrorKind::*;
        matches!(
            self.0.kind,
            Transport
                | Timeout
                | NotLeader
                | NotSubscribed
                | Unavailable
                | HeartbeatLost
                | Protocol
                | Decode
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind)
            .field("delivery", &self.0.delivery)
            .field("message", &self.0.message);
        if let Some(status) = self.0.status {
            out.field("status", &status);
        }
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// An error with all its causes on one line, for logs and terminals.
///
/// ```
/// use mesos_core::{Error, ErrorKind, chain};
///
/// let error = Error::new(ErrorKind::Transport, "cannot connect to 127.0.0.1:5050")
///     .with_source(std::io::Error::other("connection refused"));
/// assert_eq!(chain(&error), "cannot connect to 127.0.0.1:5050: connection refused");
/// ```
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_to_one_clone_is_there_and_not_in_the_other() {
        let error = Error::new(ErrorKind::Timeout, "slow").with_source("the cause");
        let other = error.clone().with_delivery(Delivery::NotSent);
        assert_eq!(error.delivery(), Delivery::Unknown);
        assert_eq!(other.delivery(), Delivery::NotSent);
        assert_eq!(chain(&other), "slow: the cause");
    }
}
