//! What a simulated master received and sent, with virtual times.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use mesos_core::backend::{Api, SchedulerApi};
use mesos_proto::v1::scheduler::{Call, Event};
use prost::Message as _;
use tokio::time::Instant;

use crate::lock::lock;

/// Everything that happened in a [simulation](crate::Builder::simulate), in its order: the calls
/// that the master received, the events that it sent, and the faults of its
/// [`Chaos`](crate::Chaos), with their virtual times. See
/// [`FakeMaster::trace`](crate::FakeMaster::trace).
///
/// Two runs with the same seed have equal traces. `Display` prints a line for each entry, with the
/// message as JSON. [`difference`](Self::difference) finds where two traces differ.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Trace(Vec<Entry>);

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    /// Since the start of the simulation.
    at: Duration,
    what: What,
}

#[derive(Clone, PartialEq, Eq)]
enum What {
    /// The encoded call, and the status of the response.
    Call(Bytes, Option<u16>),
    /// The encoded event.
    Event(Bytes),
    Fault(String),
}

impl Trace {
    /// The number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lines of [`Display`](fmt::Display), one by one.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(ToString::to_string)
    }

    /// The first entries that differ: the number of the entry, and both lines. `None` if the traces
    /// are equal.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let end = self.len().max(other.len());
        let number = (0..end).find(|&number| self.0.get(number) != other.0.get(number))?;
        let line = |trace: &Self| match trace.0.get(number) {
            Some(entry) => entry.to_string(),
            None => "(the end)".to_owned(),
        };
        let (this, that) = (line(self), line(other));
        Some(format!("entry {number}:\n  {this}\n  {that}"))
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("entries", &self.len())
            .finish()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>14.6} ", self.at.as_secs_f64())?;
        match &self.what {
            What::Call(body, status) => {
                let call = Call::decode(body.clone()).unwrap_or_default();
                write!(f, "> {} ", SchedulerApi::call_name(&call))?;
                match status {
                    Some(status) => write!(f, "{status} ")?,
                    None => f.write_str("unanswered ")?,
                }
                f.write_str(&json(&call))
            }
            What::Event(record) => {
                let event = Event::decode(record.clone()).unwrap_or_default();
                let name = event.r#type().as_str_name();
                write!(f, "< {name} {}", json(&event))
            }
            What::Fault(text) => write!(f, "! {text}"),
        }
    }
}

fn json(message: &impl serde::Serialize) -> String {
    // Fails only for values without a JSON form, such as NaN.
    serde_json::to_string(message).unwrap_or_default()
}

/// Where a master writes its trace.
pub(crate) struct Tracer(Option<(Instant, Mutex<Trace>)>);

impl Tracer {
    pub(crate) fn new(on: bool) -> Self {
        Self(on.then(|| (Instant::now(), Mutex::default())))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    fn push(&self, what: What) -> usize {
        let Some((start, trace)) = &self.0 else {
            return 0;
        };
        let mut trace = lock(trace);
        let at = start.elapsed();
        trace.0.push(Entry { at, what });
        trace.len() - 1
    }

    /// Returns the place for [`answered`](Self::answered).
    pub(crate) fn call(&self, body: Bytes) -> usize {
        self.push(What::Call(body, None))
    }

    pub(crate) fn answered(&self, place: usize, status: Option<u16>) {
        if let Some((_, trace)) = &self.0
            && let Some(entry) = lock(trace).0.get_mut(place)
            && let What::Call(_, found) = &mut entry.what
        {
            *found = status;
        }
    }

    pub(crate) fn event(&self, record: Bytes) {
        if self.is_on() {
            self.push(What::Event(record));
        }
    }

    pub(crate) fn fault(&self, text: impl Into<String>) {
        if self.is_on() {
            self.push(What::Fault(text.into()));
        }
    }

    pub(crate) fn trace(&self) -> Trace {
        let trace = self.0.as_ref().map(|(_, trace)| lock(trace).clone());
        trace.unwrap_or_default()
    }
}
