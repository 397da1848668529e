//! The log: every request that came, whole.

use std::fmt;

use bytes::Bytes;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::Type;

/// A request as a [`FakeMaster`](crate::FakeMaster) received it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Received {
    /// Counts the TCP connections from 1, in the order of their acceptance.
    pub connection: u64,
    /// `POST`, …
    pub method: String,
    /// With its query, if it had one.
    pub path: String,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
    /// The body, if its Content-Type is one of Mesos' and it is a call.
    pub call: Option<Call>,
    /// What was answered; none while nothing is, and for ever where the
    /// connection was closed instead.
    pub status: Option<u16>,
    /// The text of the answer; empty for a stream.
    pub answer: String,
}

impl Received {
    /// The value of a header, by its name in lower case; the first if there
    /// are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The `Mesos-Stream-Id` that it carried.
    pub fn stream_id(&self) -> Option<&str> {
        self.header("mesos-stream-id")
    }

    /// The type of the call; none if it is no call.
    pub fn call_type(&self) -> Option<Type> {
        self.call.as_ref().map(Call::r#type)
    }

    /// The call.
    ///
    /// # Panics
    /// If it is none.
    pub fn into_call(self) -> Call {
        match self.call {
            Some(call) => call,
            None => panic!("{self} is no call"),
        }
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.call {
            Some(call) => f.write_str(call.r#type().as_str_name())?,
            None => write!(f, "{} {}", self.method, self.path)?,
        }
        write!(f, " on connection {}", self.connection)?;
        match self.status {
            Some(status) => write!(f, ", answered {status}")?,
            None => f.write_str(", not answered")?,
        }
        match self.answer.as_str() {
            "" => Ok(()),
            text => write!(f, ": {text}"),
        }
    }
}
