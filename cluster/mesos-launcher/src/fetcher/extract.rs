//! Unpacks fetched archives. The end of the name selects the format, as in Mesos.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use flate2::read::MultiGzDecoder;

/// Unpacks `archive` into `directory`. Returns false if the name is not that of an archive.
pub(super) fn extract(archive: &Path, directory: &Path) -> Result<bool> {
    let name = archive.to_string_lossy();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let open = || File::open(archive);
    let unpacked = if ends(&[".tar"]) {
        open().and_then(|file| tar::Archive::new(file).unpack(directory))
    } else if ends(&[".tgz", ".tar.gz"]) {
        open().and_then(|file| tar::Archive::new(MultiGzDecoder::new(file)).unpack(directory))
    } else if ends(&[".zip"]) {
        let unzip = |file| zip::ZipArchive::new(file)?.extract(directory);
        open().and_then(|file| unzip(file).map_err(io::Error::from))
    } else if ends(&[".tbz2", ".tar.bz2", ".txz", ".tar.xz"]) {
        return extract_by_tar(archive, directory).map(|()| true);
    } else if let Some(stem) = name.strip_suffix(".gz") {
        let target = directory.join(Path::new(stem).file_name().unwrap_or_default());
        open().and_then(|file| {
            let mut target = File::create(target)?;
            io::copy(&mut MultiGzDecoder::new(file), &mut target).map(drop)
        })
    } else {
        return Ok(false);
    };
    unpacked.with_context(|| format!("cannot unpack {}", archive.display()))?;
    Ok(true)
}

/// Unpacks rare formats with the program `tar`.
fn extract_by_tar(archive: &Path, directory: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.arg("-xf").arg(archive).arg("-C").arg(directory);
    let status = tar.status().context("cannot run tar")?;
    ensure!(
        status.success(),
        "cannot unpack {}: tar: {status}",
        archive.display()
    );
    Ok(())
}
