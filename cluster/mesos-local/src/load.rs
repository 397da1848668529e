//! The released libmesos inside this process.

use mesos_native::Library;

use crate::error::{Error, ErrorKind};
use crate::libmesos::native_library_blocking;

/// Loads the [`native_library`](crate::native_library) of this version into this process, for a
/// scheduler over libmesos. A libmesos that `MESOS_NATIVE_LIBRARY` names is loaded instead.
///
/// A process can have one libmesos. Loading the same version again returns the same library.
///
/// ```no_run
/// # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
/// let library = mesos_local::load_libmesos(mesos_local::DEFAULT_VERSION).await?;
/// println!("loaded libmesos {}", library.version().unwrap_or("of an unknown version"));
/// # Ok(())
/// # }
/// ```
///
/// Dropping the future does not stop a download that is in progress.
///
/// # Errors
/// Those of [`native_library`](crate::native_library); [`ErrorKind::Start`] if the library cannot
/// be loaded, or if this process has already loaded another one.
pub async fn load_libmesos(version: &str) -> Result<Library, Error> {
    let version = version.to_owned();
    crate::blocking(move || {
        let path = native_library_blocking(&version)?;
        Library::open(path)
            .map_err(|cause| Error::because(ErrorKind::Start, "cannot load libmesos", cause))
    })
    .await
}
