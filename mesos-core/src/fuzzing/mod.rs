//! The bodies of the fuzz targets in `testing/fuzz/`: properties that hold for all inputs. The tests
//! run each body on its committed corpus.
//!
//! Compiled by `cargo fuzz`, which sets `cfg(fuzzing)`, and for the tests of this crate. Not part of
//! the public API. Each function panics if a property does not hold.

mod addresses;
mod environment;
mod resources;
#[cfg(test)]
mod tests;

pub use addresses::master_address;
pub use environment::executor_environment;
pub use resources::resources;

/// A password or a token in an input. No printed text may contain it.
const SECRET: &str = "s3cret";
