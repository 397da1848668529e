//! Records what a scheduler and its master said, and replays it without Mesos.
//!
//! * [`RecordingBackend`] wraps a backend, in production or in a test, and writes a file.
//! * [`ReplayBackend`] plays the file to a scheduler, and reports the first call that differs from
//!   the recorded calls.
//!
//! So a failure in production becomes a test: record the scheduler, replay the recording in a
//! debugger, and keep it as a regression test. A scheduler that is deterministic, apart from ids,
//! makes the same calls in a replay.
//!
//! # The format
//! A recording is text with one JSON object in each line. The first line is the header:
//!
//! ```json
//! {"mesos-recording":1,"api":"scheduler","backend":"http","started":1767225600000,"capabilities":["InverseOffers"]}
//! ```
//!
//! `mesos-recording` is the version of the format, and `started` the time in milliseconds since 1970.
//! Every other line has a time `at` in microseconds since the start, and a `type`:
//!
//! | type | fields | what |
//! |---|---|---|
//! | `subscribe` | `subscription`, `call` | an attempt to subscribe; `subscription` counts the attempts from 1 on |
//! | `open` | `subscription`, `peer` | the attempt has succeeded |
//! | `refused` | `subscription`, `error` | the attempt has failed |
//! | `event` | `subscription`, `event` | an event, when the driver took it |
//! | `call` | `subscription`, `number`, `call` | a call, when the driver made it |
//! | `answer` | `number`, `error` | the answer to a call; without an error the call was accepted |
//! | `disconnected` | `subscription`, `error` | the backend reconnects by itself |
//! | `end` | `subscription`, `error` | the event stream has ended |
//! | `left` | `subscription` | the driver has left the subscription |
//!
//! Calls and events are in Mesos's JSON mapping. An error has `kind`, `delivery`, `message` and
//! `status`, as [`mesos_core::Error`].

#![forbid(unsafe_code)]

mod compare;
mod format;
mod record;
mod replay;
mod script;
mod writer;

pub use record::{Recording, RecordingBackend};
pub use replay::{Difference, ReplayBackend};
