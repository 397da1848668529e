//! Reads the PEM files in the settings, for both TLS libraries.

use std::path::{Path, PathBuf};

use mesos_core::{BoxError, Error, ErrorKind, Result};

/// The certificates in the file at `path`; at least one.
pub(super) fn certificates<C, E: Into<BoxError>>(
    path: &Path,
    parse: impl FnOnce(&[u8]) -> Result<Vec<C>, E>,
) -> Result<Vec<C>> {
    let read = std::fs::read(path).map_err(BoxError::from);
    match read.and_then(|pem| parse(&pem).map_err(Into::into)) {
        Ok(found) if found.is_empty() => Err(Error::new(
            ErrorKind::Config,
            format!(
                "{} does not contain a certificate in PEM format",
                path.display()
            ),
        )),
        Ok(found) => Ok(found),
        Err(source) => {
            let message = format!("cannot read the certificates in {}", path.display());
            Err(Error::new(ErrorKind::Config, message).with_source(source))
        }
    }
}

/// The files in a directory of CA certificates.
pub(super) fn entries(directory: &Path) -> Result<impl Iterator<Item = PathBuf>> {
    let entries = std::fs::read_dir(directory).map_err(|source| {
        let message = format!("cannot read the directory {}", directory.display());
        Error::new(ErrorKind::Config, message).with_source(source)
    })?;
    Ok(entries.flatten().map(|entry| entry.path()))
}
