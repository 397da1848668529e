//! A scheduler and an executor that record the events that they receive.

mod executor;
mod outcome;
mod scheduler;

pub use executor::{ExecutorRecorder, RecordedExecutorEvent};
pub use outcome::{Gate, Handler, Outcome};
pub use scheduler::{Offered, RecordedEvent, Recorder};
