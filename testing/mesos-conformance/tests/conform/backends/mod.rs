//! The backends, in their encodings: the columns of the table. A further
//! backend is a further function here.

mod http;
mod native;

use mesos_conformance::Harness;
use mesos_native::Library;
use mesos_testing::Encoding;

use crate::known;

/// The names of all.
pub(crate) const BACKENDS: [&str; 2] = ["http", "native"];

/// All of them; the native one with this libmesos, which is of the release that
/// the clusters are.
pub(crate) fn columns(library: Option<Library>) -> Vec<Harness> {
    let http = [Encoding::Protobuf, Encoding::Json].map(http::http);
    let http = http
        .into_iter()
        .map(|harness| harness.known_failures(known::HTTP));
    http.chain(library.map(native::native)).collect()
}

/// The same backend where the executors of a real Mesos are over libmesos.
pub(crate) fn with_native_executors(harness: Harness) -> Harness {
    harness.known_failures(known::NATIVE_EXECUTORS)
}
