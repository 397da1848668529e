//! For tests that need a real Mesos, in this workspace and elsewhere.

mod image;

use std::io;
use std::path::Path;

use crate::cluster::images;
use crate::error::Error;
use crate::libraries;

pub use image::write_image;

/// The variable that, set to `1`, makes a test fail if it cannot have a real Mesos.
pub const REQUIRE_VARIABLE: &str = "MESOS_REQUIRE_REAL";

/// The value. `None`, with a notice on stderr, if this machine cannot have a real Mesos (see
/// [`ErrorKind::is_unavailable`](crate::ErrorKind::is_unavailable)): then the test should return.
///
/// ```no_run
/// # async fn test() {
/// let cluster = mesos_local::LocalCluster::builder().start().await;
/// let Some(cluster) = mesos_local::testing::require_real(cluster) else { return };
/// # }
/// ```
///
/// # Panics
/// On any other error, and with `MESOS_REQUIRE_REAL=1` on every error.
#[track_caller]
pub fn require_real<T>(result: Result<T, Error>) -> Option<T> {
    let required = std::env::var_os(REQUIRE_VARIABLE).is_some_and(|value| value == "1");
    real(result, required)
}

/// Writes stand-ins for the shared libraries that [`libmesos`](crate::libmesos()) needs and this
/// machine may lack into an existing directory: for a test that loads the released file with
/// `mesos_native::Library::open_with`. Others load [`native_library`](crate::native_library).
///
/// # Errors
/// The directory does not exist or is not writable.
pub fn write_stand_ins(directory: &Path) -> io::Result<()> {
    libraries::write_stand_ins(directory)
}

/// Whether frameworks over libmesos can authenticate on this machine: it has libsasl2 with CRAM-MD5
/// (in Debian, the packages libsasl2-2 and libsasl2-modules). Always true with [`REQUIRE_VARIABLE`],
/// so that a test fails without the library.
pub fn can_authenticate_drivers() -> bool {
    libraries::has_sasl() || std::env::var_os(REQUIRE_VARIABLE).is_some_and(|value| value == "1")
}

/// Whether this process can start agents with images (see
/// [`Builder::images`](crate::Builder::images)). If not, prints a notice, and the test should return.
pub fn can_have_images() -> bool {
    match images::lacking() {
        Some(what) => {
            eprintln!("NOT TESTED: agents with images need {what}");
            false
        }
        None => true,
    }
}

#[track_caller]
fn real<T>(result: Result<T, Error>, required: bool) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) if error.kind().is_unavailable() && !required => {
            eprintln!(
                "NOT TESTED: a real Mesos is not available, and {REQUIRE_VARIABLE} is not 1: {}",
                error.report()
            );
            None
        }
        Err(error) => panic!("no real Mesos: {}", error.report()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn unavailable() -> Result<(), Error> {
        Err(Error::new(ErrorKind::Download, "no network"))
    }

    #[test]
    fn without_a_real_mesos_a_test_is_skipped_unless_one_is_required() {
        assert_eq!(real(Ok(1), true), Some(1));
        assert_eq!(real(unavailable(), false), None);
    }

    #[test]
    #[should_panic(expected = "no real Mesos: no network")]
    fn a_missing_real_mesos_fails_the_test_if_one_is_required() {
        real(unavailable(), true);
    }

    #[test]
    #[should_panic(expected = "no real Mesos: it crashed")]
    fn a_cluster_that_fails_to_start_always_fails_the_test() {
        real::<()>(Err(Error::new(ErrorKind::Start, "it crashed")), false);
    }
}
