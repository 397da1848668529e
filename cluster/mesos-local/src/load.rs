//! The released libmesos inside this process.

use mesos_native::Library;

use crate::cluster::{
    has_sasl, leave_out_sasl, needs_libevent, put_libevent, require_libevent, write_stand_ins,
};
use crate::error::{Error, ErrorKind};
use crate::libmesos::libmesos_blocking;

/// Loads [`libmesos`](crate::libmesos()) of this version into this process, with stand-ins for
/// the shared libraries that it wants and this machine may lack. What they stand in for does not
/// work: TLS; and authentication, unless this machine has libsasl2 with its CRAM-MD5 (in Debian,
/// the packages libsasl2-2 and libsasl2-modules). A libmesos that is named by `MESOS_NATIVE_LIBRARY`
/// is loaded as it is.
///
/// There is one libmesos in a process; the same version again gives the same library.
///
/// Dropping the future does not stop a download that is under way.
///
/// # Errors
/// Those of [`libmesos`](crate::libmesos()); [`ErrorKind::Start`] if the library cannot be loaded,
/// or another one is in the process already.
pub async fn load_libmesos(version: &str) -> Result<Library, Error> {
    let version = version.to_owned();
    crate::blocking(move || load(&version)).await
}

fn load(version: &str) -> Result<Library, Error> {
    let failed = |what: &str| {
        let text = format!("{what} for libmesos failed");
        move |cause: std::io::Error| Error::because(ErrorKind::Start, text, cause)
    };
    let path = libmesos_blocking(version)?;
    let library = if std::env::var_os(mesos_native::LIBRARY_VARIABLE).is_some() {
        Library::open(path)
    } else {
        // Needed while they are loaded and no longer.
        let directory = tempfile::tempdir().map_err(failed("making a directory"))?;
        write_stand_ins(directory.path()).map_err(failed("writing the stand-ins"))?;
        if needs_libevent(version) {
            require_libevent(version)?;
            put_libevent(directory.path()).map_err(failed("writing the way to libevent"))?;
        }
        if has_sasl() {
            leave_out_sasl(directory.path()).map_err(failed("making room for libsasl2"))?;
        }
        Library::open_with(path, directory.path())
    };
    library.map_err(|cause| Error::because(ErrorKind::Start, "libmesos cannot be used", cause))
}
