//! Addresses of masters and agents: parsing what users write.
//!
//! [`Master`] accepts every form of a master's address. [`Endpoint`] is the HTTP address of one
//! master or agent, and [`Ensemble`] a path in a ZooKeeper. Parsing does not connect, read a file
//! or resolve a name: that is up to a backend, which may use [`read_file`].
//!
//! A message of an [`AddressError`] never quotes a password: it omits all text before an `@`.

mod endpoint;
mod ensemble;
mod error;
mod file;
mod host;
mod master;
#[cfg(test)]
mod secrets;

pub use self::endpoint::{Endpoint, Scheme};
pub use self::ensemble::Ensemble;
pub use self::error::{AddressError, AddressErrorKind};
pub use self::file::read_file;
pub use self::master::{Location, Master};
