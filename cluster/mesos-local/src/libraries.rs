//! The shared libraries that libmesos needs: stand-ins for those that this machine may lack and a
//! plain cluster never uses, and real libraries for those that a cluster does use.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};

/// A library by its file name, and its content.
type File = (&'static str, &'static [u8]);

/// Stand-ins for the shared libraries that libmesos needs and this machine may lack.
const STAND_INS: &[File] = include!(concat!(env!("OUT_DIR"), "/stand_ins.rs"));
/// Libraries with the names of the stand-ins for OpenSSL, which load a real OpenSSL.
const OPENSSL: &[File] = include!(concat!(env!("OUT_DIR"), "/openssl.rs"));
/// Libraries with the names of libevent 2.0, which load this machine's libevent 2.1.
const LIBEVENT: &[File] = include!(concat!(env!("OUT_DIR"), "/libevent.rs"));
/// The library that checks secrets.
pub(crate) const SASL: &str = "libsasl2.so.2";
/// The directories that a 64-bit machine's dynamic loader always searches, by distribution.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu",
    "/lib/x86_64-linux-gnu",
    "/usr/lib64",
    "/lib64",
];

fn is_installed(file: &str) -> bool {
    let mut directories = LIBRARIES.iter().map(Path::new);
    directories.any(|directory| directory.join(file).exists())
}

/// Whether this machine has libsasl2 with its mechanism CRAM-MD5.
pub(crate) fn has_sasl() -> bool {
    is_installed(SASL) && is_installed("sasl2/libcrammd5.so")
}

/// Removes the stand-in for libsasl2, so that this machine's libsasl2 is loaded.
pub(crate) fn remove_sasl_stand_in(stand_ins: &Path) -> io::Result<()> {
    fs::remove_file(stand_ins.join(SASL))
}

/// Whether this release has its event loop in libevent. Releases before 1.8 do. A cluster of such a
/// release needs libevent 2.1 (in Debian 12, the packages libevent-2.1-7, libevent-openssl-2.1-7 and
/// libevent-pthreads-2.1-7), and has no TLS.
pub fn needs_libevent(version: &str) -> bool {
    let minor = version
        .strip_prefix("1.")
        .and_then(|rest| rest.split('.').next());
    minor
        .and_then(|text| text.parse::<u32>().ok())
        .is_some_and(|minor| minor < 8)
}

/// Fails, naming the packages, unless this machine has libevent 2.1.
pub(crate) fn require_libevent(version: &str) -> Result<(), Error> {
    let needed = ["core", "openssl", "pthreads"].map(|part| format!("libevent_{part}-2.1.so.7"));
    match needed.iter().find(|file| !is_installed(file)) {
        None => Ok(()),
        Some(missing) => Err(Error::new(
            ErrorKind::Config,
            format!(
                "Mesos {version} needs libevent, but this machine does not have {missing}: \
                 install libevent 2.1 (in Debian 12, the packages libevent-2.1-7, \
                 libevent-openssl-2.1-7 and libevent-pthreads-2.1-7), or use Mesos 1.8 or later"
            ),
        )),
    }
}

/// Adds this machine's libevent to the stand-ins, under the names that old releases need.
pub(crate) fn write_libevent(stand_ins: &Path) -> io::Result<()> {
    write(LIBEVENT, stand_ins)
}

/// Replaces the stand-ins for OpenSSL by these real libraries.
pub(crate) fn write_openssl(stand_ins: &Path, libraries: &[PathBuf]) -> io::Result<()> {
    write(OPENSSL, stand_ins)?;
    for library in libraries {
        let name = library.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        fs::copy(library, stand_ins.join(name))?;
    }
    Ok(())
}

/// Writes the stand-ins into an existing directory.
pub(crate) fn write_stand_ins(directory: &Path) -> io::Result<()> {
    write(STAND_INS, directory)
}

fn write(libraries: &[File], directory: &Path) -> io::Result<()> {
    for (name, bytes) in libraries {
        fs::write(directory.join(name), bytes)?;
    }
    Ok(())
}

/// The libraries that a scheduler's process needs to load this release.
pub(crate) fn for_scheduler(version: &str) -> Result<Vec<File>, Error> {
    let sasl = has_sasl();
    let stand_ins = STAND_INS.iter().copied();
    let mut files: Vec<_> = stand_ins
        .filter(|(name, _)| !sasl || *name != SASL)
        .collect();
    if needs_libevent(version) {
        require_libevent(version)?;
        files.extend(LIBEVENT);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_before_1_8_need_libevent() {
        for version in ["1.4.3", "1.7.3"] {
            assert!(needs_libevent(version), "{version}");
        }
        for version in ["1.8.1", "1.10.0", "1.11.0", "2.0.0", ""] {
            assert!(!needs_libevent(version), "{version}");
        }
    }
}
