//! Promises that hold for any bytes: the bodies of fuzz targets in `testing/fuzz/`, and, as a test,
//! each over its committed corpus.
//!
//! Compiled by `cargo fuzz`, which sets `cfg(fuzzing)`, and for this crate's own tests. Not part of
//! the public API. They are here because the parsers are private to this crate. Each function takes
//! bytes and panics if a promise is broken.

mod addresses;
mod answers;
mod credentials;
mod events;
mod framing;
#[cfg(test)]
mod tests;

pub use addresses::{master_node, redirect};
pub use answers::answer;
pub use credentials::credentials_file;
pub use events::{event_json, event_protobuf};
pub use framing::recordio;

/// Stands for a password or a token in an input. Nothing that is printed may contain it.
const SECRET: &str = "s3cret";

/// The text before the first line feed, and the rest after it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}
