//! A real Apache Mesos on this machine: a master and agents from the released libmesos, without an
//! installation.
//!
//! * [`LocalCluster`] is one cluster. Dropping the value ends all its processes and removes its files.
//!   The program `mesos-local` runs a cluster from a shell.
//! * [`native_library`] is a libmesos for schedulers over libmesos, downloaded once per machine;
//!   `load_libmesos` (feature `native`) loads it into this process.
//! * [`testing`] is for tests that need a real Mesos.
//!
//! This needs Linux on x86-64. On another Unix the crate compiles, and every start fails with an
//! error that says what to do.
//!
//! # Features
//! * `cli` (default): the program `mesos-local`, and downloads inside of the calling program.
//! * `arguments` (part of `cli`): the module `arguments`, the options of a program that starts a cluster.
//! * `native` (part of `cli`): `load_libmesos`.
//!
//! A dependency on the library needs none of them. `default-features = false` saves most of the
//! crates that this one depends on.
//!
//! # Programs
//! A cluster needs programs: `mesos-local` itself, and those of the crate mesos-launcher, which an
//! agent starts for its tasks. The library searches them in this order: in the directory
//! `MESOS_LOCAL_BIN_DIR`; under cargo (`cargo run`, `cargo test`, nextest) cargo builds them; beside
//! the executable of the calling program.

#[cfg(feature = "arguments")]
pub mod arguments;
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

/// Runs blocking work on another thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(end) => Err(Error::because(
            ErrorKind::Start,
            "the thread of a blocking call was canceled or has panicked",
            end,
        )),
    }
}
