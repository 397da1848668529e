//! The log of requests.

use std::fmt;

use bytes::Bytes;
use mesos_core::backend::{Api, SchedulerApi};

use super::api::Wire;

/// A request as a [`FakeMaster`](crate::FakeMaster) or a
/// [`FakeAgent`](crate::FakeAgent) received it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Received<A: Api> {
    /// The number of the TCP connection, from 1 on, in the order in which they were accepted.
    pub connection: u64,
    /// The HTTP method, such as `POST`.
    pub method: String,
    /// The path, with the query if there is one.
    pub path: String,
    /// The headers in the order in which they arrived, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The complete body.
    pub body: Bytes,
    /// The decoded body, if its `Content-Type` is one of Mesos's and the body is a call.
    pub call: Option<A::Call>,
    /// The status of the response. `None` while there is no response, and if the connection was
    /// closed without a response.
    pub status: Option<u16>,
    /// The text of the response; empty for a stream.
    pub answer: String,
}

impl<A: Wire> Received<A> {
    /// The value of a header, by its name in lower case; the first value if there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The type of the call, if the request is a call.
    pub fn call_type(&self) -> Option<A::CallType> {
        self.call.as_ref().map(A::call_type)
    }

    /// Returns the call.
    ///
    /// # Panics
    /// If the request is not a call.
    pub fn into_call(mut self) -> A::Call {
        match self.call.take() {
            Some(call) => call,
            None => panic!("{self} is not a call"),
        }
    }
}

impl Received<SchedulerApi> {
    /// The `Mesos-Stream-Id` header of the request.
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
