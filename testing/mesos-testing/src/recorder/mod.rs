//! A scheduler and an executor that write down what they are told.

mod executor;
mod outcome;
mod scheduler;

pub use executor::{ExecutorRecorder, RecordedExecutorEvent};
pub use outcome::{Gate, Handler, Outcome};
pub use scheduler::{Offered, RecordedEvent, Recorder};
