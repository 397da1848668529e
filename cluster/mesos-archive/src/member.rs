//! A member of an archive.

use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use crate::disk::Disk;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    /// The target as it is.
    Symlink(Vec<u8>),
    /// The path of an earlier member.
    HardLink(Vec<u8>),
    Fifo,
    CharacterDevice {
        major: u32,
        minor: u32,
    },
    BlockDevice {
        major: u32,
        minor: u32,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    /// The permissions, of which the lowest nine bits are used.
    pub(crate) mode: u32,
    /// The time of modification, in seconds since 1970 and nanoseconds.
    pub(crate) modified: Option<(i64, u32)>,
}

/// A part of a file's content: its place in the file and its length, in bytes.
pub(crate) type Region = (u64, u64);

/// The names on a path, without empty names and dots. Mesos unpacks with
/// `ARCHIVE_EXTRACT_SECURE_NODOTDOT`, so a `..` is an error even if it stays inside.
pub(crate) fn path(bytes: &[u8]) -> Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    ensure!(!bytes.contains(&0), "the path {:?} contains a NUL", shown());
    let mut path = PathBuf::new();
    for name in bytes.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => bail!("the path {:?} contains \"..\"", shown()),
            name => path.push(std::ffi::OsStr::from_bytes(name)),
        }
    }
    Ok(path)
}

impl Member {
    /// Makes the member. A file gets the regions from `data`, one after the other, and the length.
    /// Returns the number of bytes that were read.
    pub(crate) fn write(
        &self,
        disk: &mut Disk,
        data: &mut impl Read,
        regions: &[Region],
        length: u64,
    ) -> Result<u64> {
        let name = || format!("{:?}", String::from_utf8_lossy(&self.path));
        let file = disk
            .make(self, length > 0)
            .with_context(|| format!("cannot make the member {}", name()))?;
        let Some(mut file) = file else {
            return Ok(0);
        };
        let mut read = 0;
        let mut content = || -> Result<()> {
            let mut end = 0;
            // GNU tar ends a map by an empty region at the end of the file.
            for (at, bytes) in regions.iter().filter(|(_, bytes)| *bytes > 0) {
                let left = disk.budget.checked_sub(*bytes);
                disk.budget = left.context("the archive is larger than allowed")?;
                if *at != end {
                    file.seek(SeekFrom::Start(*at))?;
                }
                let copied = io::copy(&mut data.by_ref().take(*bytes), &mut file)?;
                read += copied;
                ensure!(copied == *bytes, "the archive ends too early");
                end = at
                    .checked_add(*bytes)
                    .context("a sparse region ends too late")?;
            }
            if end != length {
                file.set_len(length)?;
            }
            Ok(())
        };
        content().with_context(|| format!("cannot write the member {}", name()))?;
        disk.close(&file, self);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_two_dots_or_a_nul_is_refused_and_others_are_relative() {
        for (bytes, expected) in [
            (&b"a/b"[..], Some("a/b")),
            (b"./a//./b/", Some("a/b")),
            (b"/etc/passwd", Some("etc/passwd")),
            (b"", Some("")),
            (b".", Some("")),
            (b"...", Some("...")),
            (b"a/..b", Some("a/..b")),
            (b"..", None),
            (b"a/../b", None),
            (b"a/..", None),
            (b"a\0b", None),
        ] {
            let path = path(bytes).ok();
            assert_eq!(
                path.as_deref(),
                expected.map(std::path::Path::new),
                "{bytes:?}"
            );
        }
    }
}
