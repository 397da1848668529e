//! The log: every request that came, whole.

use std::fmt;

use bytes::Bytes;
use mesos_core::backend::{Api, SchedulerApi};

use super::api::Wire;

/// A request as a [`FakeMaster`](crate::FakeMaster) or a
/// [`FakeAgent`](crate::FakeAgent) received it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Received<A: Api> {
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
    pub call: Option<A::Call>,
    /// What was answered; none while nothing is, and for ever where the
    /// connection was closed instead.
    pub status: Option<u16>,
    /// The text of the answer; empty for a stream.
    pub answer: String,
}

impl<A: Wire> Received<A> {
    /// The value of a header, by its name in lower case; the first if there
    /// are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The type of the call; none if it is no call.
    pub fn call_type(&self) -> Option<A::CallType> {
        self.call.as_ref().map(A::call_type)
    }

    /// The call.
    ///
    /// # Panics
    /// If it is none.
    pub fn into_call(mut self) -> A::Call {
        match self.call.take() {
            Some(call) => call,
            None => panic!("{self} is no call"),
        }
    }
}

impl Received<SchedulerApi> {
    /// The `Mesos-Stream-Id` that it carried.
    pub fn stream_id(&self) -> Option<&str> {
        self.header("mesos-stream-id")
    }
}

impl<A: Wire> fmt::Display for Received<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.call {
            Some(call) => f.write_str(A::call_name(call))?,
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
