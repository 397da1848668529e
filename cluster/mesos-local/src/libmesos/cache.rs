//! The cache directory, with one directory for each release of libmesos and for each other package.
//!
//! A package's marker (for libmesos, `_scheduler.so` itself) exists only if the package is complete.
//! `fill` downloads what is missing.

use std::path::PathBuf;

use crate::error::{Error, ErrorKind};

pub(super) const VARIABLE: &str = "MESOS_LOCAL_CACHE";

/// The cache directory.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(super) directory: PathBuf,
}

impl Cache {
    pub(crate) fn at(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// The cache that the environment names.
    pub(crate) fn from_environment() -> Result<Self, Error> {
        let variable = |name| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        // The XDG specification requires that relative paths are ignored.
        let base = || variable("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let home = || std::env::home_dir().filter(|path| path.is_absolute());
        variable(VARIABLE)
            .or_else(|| base().map(|base| base.join("mesos-local")))
            .or_else(|| home().map(|home| home.join(".cache/mesos-local")))
            .map(Self::at)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Cache,
                    format!(
                        "cannot find a home directory for the cache: set {VARIABLE} to a directory"
                    ),
                )
            })
    }

    /// The marker of the package in `directory`, if the package is complete.
    pub(super) fn complete(&self, directory: &str, marker: &str) -> Option<PathBuf> {
        let path = self.directory.join(directory).join(marker);
        path.is_file().then_some(path)
    }
}
