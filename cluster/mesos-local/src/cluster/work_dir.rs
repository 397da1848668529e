//! The files of a cluster: their paths, and those that must exist before the start.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};
use crate::libraries::write_stand_ins;
use crate::programs::Programs;

/// The directory of the shared libraries that libmesos needs, in the work directory.
pub(super) const STAND_INS_DIR: &str = "lib";
/// Mesos' own work directory.
pub(super) const MESOS_DIR: &str = "mesos";
/// The directory of the agents' helper programs (Mesos' flag `--launcher_dir`).
pub(super) const HELPERS_DIR: &str = "helpers";

/// A work directory that is prepared for a start.
pub(super) struct WorkDir {
    /// Absolute, without symbolic links.
    pub(super) path: PathBuf,
    /// Whether to remove the directory at the end, because the user did not name it.
    pub(super) temporary: bool,
}

impl WorkDir {
    /// Prepares the directory, or creates a temporary one.
    pub(super) fn prepare(directory: Option<&Path>, programs: &Programs) -> Result<Self, Error> {
        let made = match directory {
            Some(directory) => fs::create_dir_all(directory).map(|()| directory.to_owned()),
            None => tempfile::Builder::new()
                .prefix("mesos-local-")
                .tempdir()
                .map(tempfile::TempDir::keep),
        };
        made.and_then(fs::canonicalize)
            .and_then(|path| fill(&path, programs).map(|()| path))
            .map(|path| Self {
                path,
                temporary: directory.is_none(),
            })
            .map_err(|cause| {
                let place = directory.map_or_else(std::env::temp_dir, Path::to_owned);
                let message = format!(
                    "cannot create the cluster's work directory ({})",
                    place.display()
                );
                Error::because(ErrorKind::Config, message, cause)
            })
    }
}

fn fill(path: &Path, programs: &Programs) -> io::Result<()> {
    for directory in [STAND_INS_DIR, HELPERS_DIR, MESOS_DIR] {
        fs::create_dir_all(path.join(directory))?;
    }
    write_stand_ins(&path.join(STAND_INS_DIR))?;
    for (name, program) in &programs.helpers {
        let link = path.join(HELPERS_DIR).join(name);
        // A link of an earlier cluster in a kept directory.
        if link.is_symlink() {
            fs::remove_file(&link)?;
        }
        symlink(program, link)?;
    }
    Ok(())
}
