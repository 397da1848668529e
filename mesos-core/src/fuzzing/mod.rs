//! Promises that hold for any bytes: the bodies of fuzz targets in `testing/fuzz/`, and, as a test,
//! each over its committed corpus.
//!
//! Compiled by `cargo fuzz`, which sets `cfg(fuzzing)`, and for this crate's own tests. Not part of
//! the public API. Each function takes bytes and panics if a promise is broken.

mod environment;
mod resources;
#[cfg(test)]
mod tests;

pub use environment::executor_environment;
pub use resources::resources;

/// Stands for a password or a token in an input. Nothing that is printed may contain it.
const SECRET: &str = "s3cret";
