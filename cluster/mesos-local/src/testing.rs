//! For tests that need a real Mesos, in this workspace and elsewhere.

use std::io;
use std::path::Path;

use crate::error::Error;
use crate::libraries;

/// The variable that, set to `1`, makes a test fail that cannot have its real Mesos.
pub const REQUIRE_VARIABLE: &str = "MESOS_REQUIRE_REAL";

/// The value, or `None` with a notice on stderr if this machine cannot have a real Mesos (see
/// [`ErrorKind::is_unavailable`](crate::ErrorKind::is_unavailable)); the test should return then.
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

/// Writes, into a directory that exists, stand-ins for the shared libraries that
/// [`libmesos`](crate::libmesos()) wants and this machine may lack: for a test that loads it into
/// its own process, with `mesos_native::Library::open_with`.
///
/// # Errors
/// A directory that is not there or cannot be written.
pub fn write_stand_ins(directory: &Path) -> io::Result<()> {
    libraries::write_stand_ins(directory)
}

/// Whether frameworks over libmesos can authenticate here: whether this machine has libsasl2 with
/// CRAM-MD5 (in Debian, the packages libsasl2-2 and libsasl2-modules), or one is required by
/// [`REQUIRE_VARIABLE`] and should be missed.
pub fn can_authenticate_drivers() -> bool {
    libraries::has_sasl() || std::env::var_os(REQUIRE_VARIABLE).is_some_and(|value| value == "1")
}

#[track_caller]
fn real<T>(result: Result<T, Error>, required: bool) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) if error.kind().is_unavailable() && !required => {
            eprintln!(
                "NOT TESTED: there is no real Mesos here, and {REQUIRE_VARIABLE} is not 1: {}",
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
    fn without_a_real_mesos_a_test_may_pass_unless_one_is_required() {
        assert_eq!(real(Ok(1), true), Some(1));
        assert_eq!(real(unavailable(), false), None);
    }

    #[test]
    #[should_panic(expected = "no real Mesos: no network")]
    fn a_required_real_mesos_that_is_not_there_fails_the_test() {
        real(unavailable(), true);
    }

    #[test]
    #[should_panic(expected = "no real Mesos: it crashed")]
    fn a_cluster_that_fails_to_start_is_never_taken_for_an_unavailable_one() {
        real::<()>(Err(Error::new(ErrorKind::Start, "it crashed")), false);
    }
}
