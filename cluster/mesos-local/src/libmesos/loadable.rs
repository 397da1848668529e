//! A libmesos that any program can load. The released file is a Python extension that needs shared
//! libraries which a machine may lack, so a program cannot load it alone.
//!
//! `libmesos.so`, a library without code, stands beside the released file. It needs the released
//! file and a Python library, and its DT_RPATH names the directory of stand-ins. The dynamic loader
//! searches that path for the dependencies of dependencies too, because the released file has no
//! path of its own (ld.so(8)). Tasks inherit no `LD_LIBRARY_PATH` from a program that loads it.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};
use crate::libraries::{self, SASL};

/// `libmesos.so`, which needs the released file.
const LOADABLE: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/loadable.rs"));
/// The file's name, as installations of Mesos have it.
const NAME: &str = "libmesos.so";
/// The directory of the stand-ins beside the file, as its DT_RPATH has it.
const STAND_INS: &str = "lib";

/// Whether a file made here has this name.
pub(super) fn is_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == NAME)
}

/// Makes the file beside `released`, unless it exists.
pub(super) fn make(released: &Path, version: &str) -> Result<PathBuf, Error> {
    let needed = libraries::for_scheduler(version)?;
    let path = released.with_file_name(NAME);
    let stand_ins = released.with_file_name(STAND_INS);
    let written = fs::create_dir_all(&stand_ins)
        .and_then(|()| remove_sasl(&stand_ins))
        .and_then(|()| place_all(&stand_ins, &needed))
        .and_then(|()| place_all(&path.with_file_name(""), LOADABLE));
    match written {
        Ok(()) => Ok(path),
        Err(cause) => Err(Error::because(
            ErrorKind::Cache,
            format!(
                "cannot write {} and the libraries that it needs",
                path.display()
            ),
            cause,
        )),
    }
}

/// Removes the stand-in for libsasl2 if this machine has the library now.
fn remove_sasl(stand_ins: &Path) -> io::Result<()> {
    let stand_in = stand_ins.join(SASL);
    if libraries::has_sasl() && stand_in.exists() {
        fs::remove_file(stand_in)?;
    }
    Ok(())
}

/// Replaces each file that has other content, and leaves the file alone that other processes may
/// have loaded: a new file gets the name when it is complete.
fn place_all(directory: &Path, files: &[(&str, &[u8])]) -> io::Result<()> {
    for (name, bytes) in files {
        let path = directory.join(name);
        if fs::read(&path).is_ok_and(|content| content == *bytes) {
            continue;
        }
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(bytes)?;
        // Temporary files are for their owner alone; a cache may be shared.
        fs::set_permissions(file.path(), Permissions::from_mode(0o644))?;
        file.persist(path)?;
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_once_and_replaced_if_they_differ() {
        let directory = tempfile::tempdir().expect("a directory");
        let released = directory.path().join("_scheduler.so");
        let path = make(&released, "1.11.0").expect("a file");
        assert_eq!(path, directory.path().join("libmesos.so"));
        let modified = |path: &Path| {
            let metadata = fs::metadata(path).expect("the file");
            metadata.modified().expect("a time")
        };
        let first = modified(&path);
        let stand_in = directory.path().join("lib/libcurl.so.4");
        let content = fs::read(&stand_in).expect("a stand-in");
        fs::write(&stand_in, "damaged").expect("the file");
        make(&released, "1.11.0").expect("the same file");
        assert_eq!(modified(&path), first);
        assert_eq!(fs::read(&stand_in).expect("a stand-in"), content);
    }
}
