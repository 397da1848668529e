//! What has to hold for any bytes at all: the bodies of the fuzz targets in
//! `testing/fuzz/`, and, as a test, each over its committed corpus.
//!
//! Compiled by `cargo fuzz`, which sets `cfg(fuzzing)`, and for this crate's own
//! tests; no part of its interface. They live here because most of what a peer
//! can send is read by what is private to this crate. Each takes bytes and
//! panics where a promise is broken.

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

/// What stands for a password or a token in an input: nothing that is printed
/// may have it in it.
const SECRET: &str = "s3cret";

/// The text before the first line feed, and what is behind it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}
