//! Running many cases and showing the results: as a table of one release of Mesos, or as a
//! matrix of several.

mod matrix;
mod run;
mod table;

pub use matrix::{Matrix, Outcome};
pub use run::{Job, JobResult, run_jobs};
pub use table::{Format, Table, encoding, mark, world};
