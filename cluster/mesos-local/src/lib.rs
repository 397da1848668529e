//! A real Apache Mesos on this machine: a master and agents from the released libmesos, without
//! installing anything.
//!
//! [`LocalCluster`] is one cluster; it ends with the value, with nothing left behind. The program
//! `mesos-local` does the same from a shell. [`libmesos()`] is only the library, downloaded once
//! per machine, and [`load_libmesos`] takes it into this process, for frameworks over libmesos.
//! [`testing`] is for tests that need a real Mesos.
//!
//! This needs Linux on x86-64; on another Unix the crate compiles, and every start is an error that
//! says what to do instead.
//!
//! A cluster needs programs: `mesos-local` itself, and those of the crate mesos-launcher, which an
//! agent starts for its tasks. A program that uses the library finds them,
//! in this order, in the directory `MESOS_LOCAL_BIN_DIR`, by having cargo build them if it runs
//! under cargo (`cargo run`, `cargo test`, nextest), or beside its own executable.

mod cluster;
mod error;
mod libmesos;
mod libraries;
#[cfg(feature = "native")]
mod load;
mod platform;
mod programs;
mod release;
pub mod testing;
#[doc(hidden)]
pub mod wire;

pub use cluster::{Builder, LocalCluster};
pub use error::{Error, ErrorKind};
#[doc(hidden)]
pub use libmesos::openssl;
pub use libmesos::{libmesos, libmesos_blocking, native_library, native_library_blocking};
pub use libraries::needs_libevent;
#[cfg(feature = "native")]
pub use load::load_libmesos;
pub use release::{DEFAULT_VERSION, versions};

/// Runs blocking work on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(end) => Err(Error::because(
            ErrorKind::Start,
            "the work was ended early",
            end,
        )),
    }
}
