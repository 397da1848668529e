//! Apache Mesos through its own C++ library, libmesos, found and loaded at run time.
//!
//! Building this crate takes a C++ compiler and nothing of Mesos: no header, no
//! protobuf, no libmesos. One build works with every release that exports the classes
//! it calls (1.4 to 1.11 were tried), because functions are called by their mangled
//! names, messages cross as bytes, and the sizes of C++ objects are asked of the
//! library.
//!
//! [`Library`] finds and checks a libmesos, [`NativeBackend`] runs schedulers over it and
//! [`NativeExecutorBackend`] executors, [`local`] runs a whole cluster inside the process.
//! What this crate leaves to others: getting a libmesos (mesos-local), and everything that
//! a framework does (mesos-core).
//!
//! # Which libraries
//! Linux, with libmesos and this crate built against libstdc++ and its string type of
//! GCC 5 or later. Elsewhere [`Library::open`] returns an error that says so.
//!
//! # Features
//! * `zookeeper`: masters that are found by addresses like `zk://…`. Off by default: it brings
//!   some 60 crates.
//!
//! # A process with libmesos in it
//! * There is one libmesos in a process and it is never unloaded.
//! * It reads its settings from the environment (`MESOS_*`, `LIBPROCESS_*`, `GLOG_*`)
//!   when it first starts something; changing a variable later has no effect.
//! * It logs to stderr, ignores SIGPIPE, and **ends the process** on settings that it
//!   cannot use. The reason is on stderr, after `EXIT with status 1: ` or in a line
//!   that begins with `F`, unless `MESOS_QUIET` hides it.
//! * Do not fork without exec: its threads do not exist in the child.
#![deny(unsafe_code)]

mod backend;
mod error;
mod library;
pub mod local;
mod preflight;
mod sys;

pub use backend::{NativeBackend, NativeExecutorBackend};
pub use error::{Error, ErrorKind, Result};
pub use library::{LIBRARY_VARIABLE, Library};
