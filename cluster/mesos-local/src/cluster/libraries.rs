//! The shared libraries that libmesos wants beside itself: stand-ins for what this machine may
//! lack and a plain cluster never uses, and the real ones where they are used.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};

/// Where the shared libraries are that libmesos wants, in the work directory.
pub(super) const STAND_INS_DIR: &str = "lib";
/// Stand-ins for the shared libraries that libmesos wants and this machine may lack.
const STAND_INS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/stand_ins.rs"));
/// What makes a real OpenSSL serve in place of its stand-ins, which have the same names.
const OPENSSL: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/openssl.rs"));
/// What makes this machine's libevent 2.1 serve as the libevent 2.0 of old releases.
const LIBEVENT: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/libevent.rs"));
/// The library that checks secrets.
const SASL: &str = "libsasl2.so.2";
/// Where a 64-bit machine's dynamic loader looks in any case, by distribution.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu",
    "/lib/x86_64-linux-gnu",
    "/usr/lib64",
    "/lib64",
];

fn is_there(file: &str) -> bool {
    let mut directories = LIBRARIES.iter().map(Path::new);
    directories.any(|directory| directory.join(file).exists())
}

/// Whether this machine has a libsasl2 that can speak CRAM-MD5.
pub(crate) fn has_sasl() -> bool {
    is_there(SASL) && is_there("sasl2/libcrammd5.so")
}

/// Has the machine's own libsasl2 serve, in place of its stand-in.
pub(crate) fn leave_out_sasl(stand_ins: &Path) -> io::Result<()> {
    fs::remove_file(stand_ins.join(SASL))
}

/// Whether this release has its event loop in libevent, as those before 1.8 do. A cluster of it
/// runs where libevent 2.1 is installed (in Debian 12, the packages libevent-2.1-7,
/// libevent-openssl-2.1-7 and libevent-pthreads-2.1-7), and without TLS.
pub fn needs_libevent(version: &str) -> bool {
    let minor = version
        .strip_prefix("1.")
        .and_then(|rest| rest.split('.').next());
    minor
        .and_then(|text| text.parse::<u32>().ok())
        .is_some_and(|minor| minor < 8)
}

/// Fails, naming the packages, unless the machine has what [`put_libevent`] leads to.
pub(crate) fn require_libevent(version: &str) -> Result<(), Error> {
    let needed = ["core", "openssl", "pthreads"].map(|part| format!("libevent_{part}-2.1.so.7"));
    match needed.iter().find(|file| !is_there(file)) {
        None => Ok(()),
        Some(missing) => Err(Error::new(
            ErrorKind::Config,
            format!(
                "Mesos {version} needs libevent, and there is no {missing} on this machine: \
                 install libevent 2.1 (in Debian 12, the packages libevent-2.1-7, \
                 libevent-openssl-2.1-7 and libevent-pthreads-2.1-7), or use Mesos 1.8 or later"
            ),
        )),
    }
}

/// Adds this machine's libevent to the stand-ins, under the names that old releases want.
pub(crate) fn put_libevent(stand_ins: &Path) -> io::Result<()> {
    write(LIBEVENT, stand_ins)
}

/// Replaces the stand-ins for OpenSSL by these real libraries.
pub(super) fn put_openssl(work_dir: &Path, libraries: &[PathBuf]) -> io::Result<()> {
    let directory = work_dir.join(STAND_INS_DIR);
    write(OPENSSL, &directory)?;
    for library in libraries {
        let name = library.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        fs::copy(library, directory.join(name))?;
    }
    Ok(())
}

/// Writes the stand-ins into a directory that exists.
pub(crate) fn write_stand_ins(directory: &Path) -> io::Result<()> {
    write(STAND_INS, directory)
}

fn write(libraries: &[(&str, &[u8])], directory: &Path) -> io::Result<()> {
    for (name, bytes) in libraries {
        fs::write(directory.join(name), bytes)?;
    }
    Ok(())
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
