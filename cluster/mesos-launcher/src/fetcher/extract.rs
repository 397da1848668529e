//! Unpacks fetched archives. As in Mesos, the end of the name decides whether a file is unpacked,
//! and the content decides how.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::place::{Mode, Place};

/// The ends of names that Mesos unpacks (`src/launcher/fetcher.cpp`, `extract`).
const ARCHIVES: [&str; 8] = [
    ".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".zip",
];

/// Unpacks `archive` into `directory`. Returns false if the name is not that of an archive.
pub(super) fn extract(archive: &Path, directory: &Path) -> Result<bool> {
    let failed = || format!("cannot unpack {}", archive.display());
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    if ARCHIVES.iter().any(|end| name.ends_with(end)) {
        mesos_archive::unpack(archive, directory).with_context(failed)?;
    } else if let Some(stem) = name.strip_suffix(".gz") {
        let source = std::fs::File::open(archive).with_context(failed)?;
        let place = Place::below(directory, stem).with_context(failed)?;
        let fill = |file: &mut _| mesos_archive::decompress(source, file);
        place.fill(Mode::Masked(0o666), fill).with_context(failed)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}
