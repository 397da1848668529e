//! The files of a cluster: where each is, and those that have to be there before it starts.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};
use crate::programs::Programs;

/// Stand-ins for the shared libraries that libmesos wants and this machine may lack.
const STAND_INS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/stand_ins.rs"));
/// What makes a real OpenSSL serve in place of its stand-ins, which have the same names.
const FORWARDERS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/forwarders.rs"));
/// Where they are put, in the work directory.
pub(super) const STAND_INS_DIR: &str = "lib";
/// Mesos' own work directory.
pub(super) const MESOS_DIR: &str = "mesos";
/// The directory of the agents' helper programs (Mesos' flag `--launcher_dir`).
pub(super) const HELPERS_DIR: &str = "helpers";

/// A work directory that is ready for a start.
pub(super) struct WorkDir {
    /// Absolute, without symbolic links.
    pub(super) path: PathBuf,
    /// Whether nobody asked for this one, and it can go in the end.
    pub(super) temporary: bool,
}

impl WorkDir {
    /// Prepares the directory, or a new temporary one.
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
                    "cannot make the cluster's work directory ({})",
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
        // From an earlier cluster in a directory that was kept.
        if link.is_symlink() {
            fs::remove_file(&link)?;
        }
        symlink(program, link)?;
    }
    Ok(())
}

/// Replaces the stand-ins for OpenSSL by these real libraries.
pub(super) fn put_openssl(work_dir: &Path, libraries: &[PathBuf]) -> io::Result<()> {
    let directory = work_dir.join(STAND_INS_DIR);
    for (name, bytes) in FORWARDERS {
        fs::write(directory.join(name), bytes)?;
    }
    for library in libraries {
        let name = library.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        fs::copy(library, directory.join(name))?;
    }
    Ok(())
}

/// The library that checks secrets.
const SASL: &str = "libsasl2.so.2";
/// Where a 64-bit machine's dynamic loader looks in any case, by distribution.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu",
    "/lib/x86_64-linux-gnu",
    "/usr/lib64",
    "/lib64",
];

/// Whether this machine has a libsasl2 that can speak CRAM-MD5.
pub(crate) fn has_sasl() -> bool {
    LIBRARIES.iter().map(Path::new).any(|directory| {
        directory.join(SASL).exists() && directory.join("sasl2/libcrammd5.so").exists()
    })
}

/// Has the machine's own libsasl2 serve, in place of its stand-in.
pub(crate) fn leave_out_sasl(stand_ins: &Path) -> io::Result<()> {
    fs::remove_file(stand_ins.join(SASL))
}

/// Writes the stand-ins into a directory that exists.
pub(crate) fn write_stand_ins(directory: &Path) -> io::Result<()> {
    for (name, bytes) in STAND_INS {
        fs::write(directory.join(name), bytes)?;
    }
    Ok(())
}
