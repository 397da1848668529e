//! The error type of the drivers.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// A boxed error of any type, as handlers return it.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of a failure, coarse enough to match on.
///
/// | group | kinds |
/// |---|---|
/// | refused before anything was sent | [`Config`](Self::Config), [`Unsupported`](Self::Unsupported), [`OfferGone`](Self::OfferGone), [`Closed`](Self::Closed) |
/// | connection | [`Transport`](Self::Transport), [`Tls`](Self::Tls), [`Timeout`](Self::Timeout), [`HeartbeatLost`](Self::HeartbeatLost), [`Protocol`](Self::Protocol), [`Decode`](Self::Decode) |
/// | answers of Mesos | [`NotLeader`](Self::NotLeader), [`Unauthorized`](Self::Unauthorized), [`Forbidden`](Self::Forbidden), [`NotSubscribed`](Self::NotSubscribed), [`Rejected`](Self::Rejected), [`Unavailable`](Self::Unavailable) |
/// | end of a scheduler | [`FrameworkRemoved`](Self::FrameworkRemoved), [`FailoverTimeout`](Self::FailoverTimeout), [`TakenOver`](Self::TakenOver) |
/// | end of an executor | [`AgentLost`](Self::AgentLost), [`RecoveryTimeout`](Self::RecoveryTimeout), [`RegistrationTimeout`](Self::RegistrationTimeout), [`Unacknowledged`](Self::Unacknowledged) |
/// | failures of this process | [`Panicked`](Self::Panicked), [`Handler`](Self::Handler), [`Store`](Self::Store), [`Backend`](Self::Backend) |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting or an argument was refused before anything was sent. A driver that was
    /// subscribed before retries, because a file that a setting names may be about to change.
    Config,
    /// Connecting failed, or the connection broke.
    Transport,
    /// The TLS handshake failed: a certificate was refused, the two sides have no TLS version or
    /// cipher suite in common, or only one side expects TLS. Retryable, because a certificate may
    /// be renewed. Before the first subscription a scheduler's driver ends with this error.
    Tls,
    /// A deadline passed; the message names the deadline.
    Timeout,
    /// The addressed master is not the leader, or there is no leader now.
    NotLeader,
    /// The credentials are missing or wrong (HTTP 401).
    Unauthorized,
    /// The principal is not allowed to do this (HTTP 403).
    Forbidden,
    /// There is no subscription now, or Mesos does not know the subscription.
    NotSubscribed,
    /// Mesos refused the call and gave a reason.
    Rejected,
    /// Mesos cannot answer yet (404 while starting, 503).
    Unavailable,
    /// Nothing was received for several heartbeat intervals.
    HeartbeatLost,
    /// The peer violated the protocol, or is not Mesos. Retryable, because a proxy in front
    /// of Mesos answers like this while Mesos is unreachable. Before the first subscription a
    /// scheduler's driver ends with this error, because then the address is wrong.
    Protocol,
    /// A message could not be decoded.
    Decode,
    /// The framework was removed: torn down, or its failover timeout passed.
    FrameworkRemoved,
    /// The framework was removed, and this driver had been without a subscription for longer
    /// than the framework's failover timeout.
    FailoverTimeout,
    /// Another instance subscribed with this framework's id, or took over its state. A delayed SUBSCRIBE of this driver
    /// is not reported as a takeover: if the driver gave up a SUBSCRIBE without any answer in
    /// the previous two minutes, the driver resubscribes once.
    TakenOver,
    /// The offer was rescinded, or belongs to an earlier subscription.
    OfferGone,
    /// The driver has ended.
    Closed,
    /// A handler panicked.
    Panicked,
    /// A handler returned an error where the driver cannot continue.
    Handler,
    /// The framework's id could not be loaded, saved or cleared, or an executor's journal
    /// could not be written.
    Store,
    /// An executor lost its agent and must not outlive the agent, because its framework does
    /// not use checkpointing.
    AgentLost,
    /// An executor's agent stayed away for longer than the recovery timeout.
    RecoveryTimeout,
    /// An executor could not subscribe for the first time before its agent gives up.
    RegistrationTimeout,
    /// An executor ended before its agent had stored every update, or, after a SHUTDOWN,
    /// before every task had ended. The message has the numbers.
    Unacknowledged,
    /// The backend does not support the operation; see `capabilities()`.
    Unsupported,
    /// The backend itself failed; the source has the details. A driver that was subscribed
    /// before retries.
    Backend,
}

/// Whether Mesos may have acted on a call that failed. These three cases are complete, so a
/// `match` needs no other arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Nothing was sent.
    NotSent,
    /// Mesos answered that it refused the call.
    Refused,
    /// Mesos may have acted: the connection broke, or a deadline passed, after the call was
    /// sent.
    Unknown,
}

/// Why an operation of a driver failed. Cheap to clone, because one lost connection fails many
/// waiting calls.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    delivery: Delivery,
    message: String,
    status: Option<u16>,
    configuration: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with this message. [`delivery`](Self::delivery) starts with the value that
    /// `kind` implies.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        use ErrorKind::*;
        let delivery = match kind {
            Timeout | Protocol | Decode | HeartbeatLost | Backend => Delivery::Unknown,
            NotLeader | Unauthorized | Forbidden | NotSubscribed | Rejected | Unavailable
            | FrameworkRemoved | FailoverTimeout | TakenOver => Delivery::Refused,
            Config | Transport | Tls | OfferGone | Closed | Panicked | Handler | Store
            | Unsupported | AgentLost | RecoveryTimeout | RegistrationTimeout | Unacknowledged => {
                Delivery::NotSent
            }
        };
        Self(Arc::new(Inner {
            kind,
            delivery,
            message: message.into(),
            status: None,
            configuration: matches!(kind, Config | Unauthorized | Protocol | Tls | Unsupported),
            source: None,
        }))
    }

    /// Sets whether Mesos may have acted.
    #[must_use]
    pub fn with_delivery(self, delivery: Delivery) -> Self {
        self.map(|inner| inner.delivery = delivery)
    }

    /// Sets the HTTP status of the answer.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        self.map(|inner| inner.status = Some(status))
    }

    /// Sets the cause. The type of the cause is not part of the stable interface.
    #[must_use]
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        self.map(|inner| inner.source = Some(source.into()))
    }

    /// Marks the failure as one that a wrong setting usually causes; see
    /// [`is_configuration`](Self::is_configuration).
    #[must_use]
    pub fn with_configuration(self) -> Self {
        self.map(|inner| inner.configuration = true)
    }

    fn map(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// The kind of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether Mesos may have acted on the call.
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// The HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Whether a wrong setting is the usual cause: a wrong address, path or scheme, or a wrong or
    /// missing credential or certificate.
    ///
    /// True for the kinds `Config`, `Unauthorized`, `Protocol`, `Tls` and `Unsupported`. Also true
    /// for some failures of other kinds: the connection was refused, the host name was not
    /// resolved, or the API does not exist at the address (404). Such failures also occur while
    /// Mesos starts, so they are [retryable](Self::is_retryable). If they repeat for a driver that
    /// was never subscribed, a setting is probably wrong.
    pub fn is_configuration(&self) -> bool {
        self.0.configuration
    }

    /// Whether the same operation can succeed later without a change: after a wait, or after
    /// the driver has subscribed again. Whether the operation may already have taken effect
    /// is in [`delivery`](Self::delivery).
    pub fn is_retryable(&self) -> bool {
        use ErrorKind::*;
        matches!(
            self.0.kind,
            Transport
                | Tls
                | Timeout
                | NotLeader
                | NotSubscribed
                | Unavailable
                | HeartbeatLost
                | Protocol
                | Decode
        )
    }

    /// Whether this is a failure of the process itself, which may be temporary although it does
    /// not look so: a certificate that is being renewed, a token file that is being written, or a
    /// process without free descriptors or threads.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Config | ErrorKind::Backend)
    }

    /// Whether an attempt to subscribe that failed like this can succeed later. A driver that was
    /// subscribed before had a correct setting once, so it also retries
    /// [local](Self::is_local) failures.
    pub(crate) fn can_resubscribe(&self, subscribed_before: bool) -> bool {
        self.is_retryable() || (self.is_local() && subscribed_before)
    }
}

/// The message; with `{:#}` followed by all causes, as [`error_chain`] prints them.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return f.write_str(&error_chain(self));
        }
        f.write_str(&self.0.message)
    }
}

/// Readable, because this is what `fn main() -> Result<…>` prints: the message with its causes,
/// and the kind. With `{:#?}` all fields.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return write!(f, "{} ({:?})", error_chain(self), self.0.kind);
        }
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
/// use mesos::{Error, ErrorKind, error_chain};
///
/// let error = Error::new(ErrorKind::Transport, "cannot connect to 127.0.0.1:5050")
///     .with_source(std::io::Error::other("connection refused"));
/// assert_eq!(error_chain(&error), "cannot connect to 127.0.0.1:5050: connection refused");
/// assert_eq!(format!("{error:#}"), error_chain(&error));
/// ```
pub fn error_chain(error: &(dyn StdError + 'static)) -> String {
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
        assert_eq!(error_chain(&other), "slow: the cause");
    }

    #[test]
    fn the_debug_form_reads_as_a_message() {
        let error = Error::new(ErrorKind::Timeout, "slow").with_source("the cause");
        assert_eq!(format!("{error:?}"), "slow: the cause (Timeout)");
        assert!(format!("{error:#?}").contains("delivery: Unknown"));
    }
}
