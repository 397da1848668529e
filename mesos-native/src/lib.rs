//! Apache Mesos frameworks over Mesos's own C++ library, libmesos, which is found and loaded at run
//! time.
//!
//! Building this crate requires only a C++ compiler: no header, no protobuf and no library of Mesos.
//! One build works with every release that exports the required classes (1.4 to 1.11 were tested).
//! Functions are called by their mangled names, messages are passed as bytes, and the sizes of C++
//! objects are measured at run time.
//!
//! [`Library`] finds and checks a libmesos. [`NativeBackend`] runs schedulers over libmesos, and
//! [`NativeBackend::for_executor`] makes the backend for executors. [`local`] runs a whole cluster
//! inside the process. Downloading libmesos is the task of mesos-local, and everything that a
//! framework does is in mesos-core.
//!
//! # Supported libraries
//! Linux only. libmesos and this crate must be built against libstdc++ with the string type that GCC
//! has used since version 5. On other systems [`Library::open`] returns an error.
//!
//! # Features
//! * `zookeeper`: masters that are found by `zk://…` addresses. Off by default, because it adds about
//!   60 crates.
//!
//! # Effects on the process
//! * A process can load one libmesos, which is never unloaded.
//! * libmesos reads its settings from the environment (`MESOS_*`, `LIBPROCESS_*`, `GLOG_*`) when it
//!   first starts something. Later changes of a variable have no effect.
//! * libmesos logs to stderr, ignores SIGPIPE, and **ends the process** if it cannot use a setting.
//!   The reason is on stderr, after `EXIT with status 1: ` or in a line that begins with `F`, unless
//!   `MESOS_QUIET` hides it.
//! * Do not fork without exec: the threads of libmesos do not exist in the child.
#![deny(unsafe_code)]

mod advertised;
mod backend;
mod error;
mod library;
pub mod local;
mod lock;
mod preflight;
mod sys;

pub use backend::{NativeBackend, NativeExecutorBackend};
pub use error::{LibraryError, LibraryErrorKind};
pub use library::{LIBRARY_VARIABLE, Library};
