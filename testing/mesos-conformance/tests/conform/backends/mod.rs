//! The backends in their encodings, which are the columns of the table. A new backend needs a
//! function here.

mod http;
mod native;

use mesos_conformance::Harness;
use mesos_native::Library;
use mesos_testing::Encoding;

use crate::known;

/// The names of the backends.
pub(crate) const BACKENDS: [&str; 2] = ["http", "native"];

/// All backends; the native one only with a libmesos, of the same release as the clusters.
pub(crate) fn columns(library: Option<Library>) -> Vec<Harness> {
    let http = [Encoding::Protobuf, Encoding::Json].map(http::http);
    let http = http
        .into_iter()
        .map(|harness| harness.known_failures(known::HTTP));
    http.chain(library.map(native::native)).collect()
}

/// The same backend on a real Mesos whose executors use libmesos.
pub(crate) fn with_native_executors(harness: Harness) -> Harness {
    harness.known_failures(known::NATIVE_EXECUTORS)
}
