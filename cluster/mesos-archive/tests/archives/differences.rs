//! The intended differences from libarchive.

/// What the fetcher does instead.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// It fails with an error that contains the text; libarchive unpacks the archive.
    Error(&'static str),
    /// It unpacks these paths.
    Tree(&'static [&'static str]),
}

pub(crate) struct Difference {
    /// The name of the archive. A `*` stands for any text.
    pub(crate) name: &'static str,
    pub(crate) expected: Expected,
}

impl Difference {
    pub(crate) fn is_for(&self, name: &str) -> bool {
        let mut parts = self.name.split('*');
        let start = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(start) else {
            return false;
        };
        let mut last = None;
        for part in parts {
            let Some(at) = rest.find(part) else {
                return false;
            };
            rest = &rest[at + part.len()..];
            last = Some(part);
        }
        rest.is_empty() || last.is_some_and(|last| !last.is_empty() && rest.ends_with(last))
    }
}

const fn refused(name: &'static str, error: &'static str) -> Difference {
    Difference {
        name,
        expected: Expected::Error(error),
    }
}

const fn unpacked(name: &'static str, paths: &'static [&'static str]) -> Difference {
    Difference {
        name,
        expected: Expected::Tree(paths),
    }
}

/// The content of the archive of all harmless kinds.
const MIXED: &[&str] = &[
    "big",
    "d",
    "d/run",
    "directory",
    "directory/with",
    "directory/with/a-long-name",
    "h",
    "l",
    "sparse",
];

pub(crate) const DIFFERENCES: &[Difference] = &[
    // Nothing outside of the target is written. Mesos follows the symlinks.
    refused(
        "tar-*-ESCAPE-*.tar",
        "leads outside of the target directory",
    ),
    refused(
        "zip-ESCAPE-through-symlink.zip",
        "leads outside of the target directory",
    ),
    // libarchive replaces the target directory by a file.
    refused(
        "tar-*-empty-name.tar",
        "the path is that of the target directory",
    ),
    refused(
        "tar-*-file-named-dot.tar",
        "the path is that of the target directory",
    ),
    // libarchive makes an empty file.
    refused("tar-*-symlink-empty.tar", "the symlink has no target"),
    // libarchive makes a file of the part, as if the part were the whole.
    refused(
        "odd-continued-volume.tar",
        "of another volume, which is not supported",
    ),
    // libarchive ends without the members whose entries are lost.
    refused("zip-cut-in-directory.zip", "the zip is damaged"),
    // Formats that the ends of names make unlikely.
    refused(
        "compressed-Z.tgz",
        "a file of the program compress, which is not supported",
    ),
    refused("other-7zip.tar", "a 7-Zip archive, which is not supported"),
    refused("other-cpio.tar", "a cpio archive, which is not supported"),
    refused("other-newc.tar", "a cpio archive, which is not supported"),
    refused(
        "other-iso9660.tar",
        "an ISO 9660 image, which is not supported",
    ),
    refused("other-xar.tar", "a XAR archive, which is not supported"),
    refused("other-ar.tar", "an ar archive, which is not supported"),
    refused("other-warc.tar", "a WARC archive, which is not supported"),
    refused("other-mtree.tar", "an mtree list, which is not supported"),
    // libarchive refuses what other programs unpack.
    unpacked("odd-two-pax-headers.tar", &["two"]),
    unpacked("odd-hard-link-to-itself.tar", &["f"]),
    unpacked("zip-method-7z-deflate64.zip", &["f"]),
    // Data behind the compressed data is ignored, as libarchive ignores such data for gzip and bzip2.
    unpacked("compressed-xz-garbage-behind.tgz", MIXED),
    unpacked("compressed-zst-*-behind.tgz", MIXED),
    // The ACL in a PAX header does not change the mode of the header.
    unpacked("odd-pax-acl.tar", &["f"]),
    // libarchive reads a compressed zip without its directory, so that a symlink becomes a file.
    unpacked("zip-symlink-compressed.tgz", &["f", "l"]),
];
