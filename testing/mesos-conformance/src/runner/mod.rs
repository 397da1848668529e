//! Running many cases and showing the results: as a table of one release of Mesos, or as a
//! matrix of several.

mod matrix;
mod play;
mod table;

pub use matrix::{Matrix, Outcome};
pub use play::{Job, JobResult, play};
pub use table::{Format, Table, encoding, mark, world};
