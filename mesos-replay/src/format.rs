//! The lines of a recording.

use mesos_core::{Delivery, Error, ErrorKind};
use mesos_proto::v1::scheduler::{Call, Event};
use serde::{Deserialize, Serialize};

/// The version of the format. A change that an older program would misread gets the next number.
pub(crate) const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    #[serde(rename = "mesos-recording")]
    pub(crate) version: u32,
    /// `scheduler`.
    pub(crate) api: String,
    /// The name of the backend.
    pub(crate) backend: String,
    /// Milliseconds since 1970 in UTC.
    pub(crate) started: u64,
    /// The names of the features of the backend.
    pub(crate) capabilities: Vec<String>,
}

/// Every other line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line<L = Entry> {
    /// Microseconds since the start.
    pub(crate) at: u64,
    #[serde(flatten)]
    pub(crate) entry: L,
}

/// What happened. Subscriptions have numbers from 1 on, and so have the calls of the recording.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// The SUBSCRIBE of an attempt.
    Subscribe { subscription: u64, call: Box<Call> },
    /// The attempt has succeeded.
    Open { subscription: u64, peer: String },
    /// The attempt has failed.
    Refused { subscription: u64, error: Fault },
    Event {
        subscription: u64,
        event: Box<Event>,
    },
    /// The backend reconnects by itself.
    Disconnected { subscription: u64, error: Fault },
    Call {
        subscription: u64,
        number: u64,
        call: Box<Call>,
    },
    /// The answer to a call; without an error it was accepted.
    Answer {
        number: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Fault>,
    },
    /// The event stream has ended.
    End { subscription: u64, error: Fault },
    /// The driver has left the subscription.
    Left { subscription: u64 },
}

/// An error, as far as a recording has it: without its causes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fault {
    kind: String,
    delivery: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

impl Fault {
    /// The subscription has ended before the call.
    pub(crate) fn not_sent(name: &str) -> Self {
        let text = format!("{name} was not sent: its subscription has ended");
        let error = Error::new(ErrorKind::NotSubscribed, text);
        Self::from(&error.with_delivery(Delivery::NotSent))
    }
}

impl From<&Error> for Fault {
    fn from(error: &Error) -> Self {
        Self {
            kind: format!("{:?}", error.kind()),
            delivery: format!("{:?}", error.delivery()),
            message: mesos_core::error_chain(error).to_string(),
            status: error.status(),
        }
    }
}

impl From<&Fault> for Error {
    fn from(fault: &Fault) -> Self {
        // A newer kind is replayed as a failure of the backend.
        let kind = KINDS.iter().find(|kind| format!("{kind:?}") == fault.kind);
        let delivery = match fault.delivery.as_str() {
            "NotSent" => Delivery::NotSent,
            "Refused" => Delivery::Refused,
            _ => Delivery::Unknown,
        };
        let error = Self::new(*kind.unwrap_or(&ErrorKind::Backend), &fault.message);
        let error = error.with_delivery(delivery);
        match fault.status {
            Some(status) => error.with_status(status),
            None => error,
        }
    }
}

/// The kinds that backends report.
const KINDS: [ErrorKind; 16] = [
    ErrorKind::Config,
    ErrorKind::Transport,
    ErrorKind::Tls,
    ErrorKind::Timeout,
    ErrorKind::NotLeader,
    ErrorKind::Unauthorized,
    ErrorKind::Forbidden,
    ErrorKind::NotSubscribed,
    ErrorKind::Rejected,
    ErrorKind::Unavailable,
    ErrorKind::HeartbeatLost,
    ErrorKind::Protocol,
    ErrorKind::Decode,
    ErrorKind::TakenOver,
    ErrorKind::Unsupported,
    ErrorKind::Backend,
];
