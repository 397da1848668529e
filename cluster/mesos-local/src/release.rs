//! The Mesos releases that can be downloaded, each with its archive and the archive's SHA-256.
//! The module `libmesos` finds, downloads and checks the archives.

use crate::error::{Error, ErrorKind};

/// The release that is used by default.
pub const DEFAULT_VERSION: &str = "1.11.0";

/// The file inside the archive that is libmesos: a Python extension with all of Mesos linked in.
pub(crate) const MEMBER: &str = "_scheduler.so";

/// One archive of a package index, and its place in the cache.
#[cfg(feature = "cli")]
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// For messages: a name and a version.
    pub(crate) what: String,
    /// The project's name in a Python package index, in its normalized form.
    pub(crate) project: &'static str,
    /// The archive's file name, by which its link on the index page is found.
    pub(crate) file: String,
    /// SHA-256 of the archive, in lower-case hexadecimal.
    pub(crate) sha256: String,
    /// The directory in the cache.
    pub(crate) directory: String,
    /// The file in `directory` that exists only if the package is complete.
    pub(crate) marker: &'static str,
    /// What a user can do instead of downloading the package, for messages.
    pub(crate) instead: &'static str,
}

/// A release of Mesos.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub(crate) version: String,
    /// SHA-256 of the archive, in lower-case hexadecimal.
    #[cfg(feature = "cli")]
    pub(crate) sha256: String,
}

/// The last release of each minor version that is published as a package, oldest first.
const RELEASES: [(&str, &str); 8] = [
    (
        "1.4.3",
        "2f1893a2a0c26ce31208c843c3815ce6821eb83f0808c57287938fe1eccea51c",
    ),
    (
        "1.5.3",
        "777d62491c1d968644b6fb855967fdbb189c7b93c17ae576ec6e2a6bcb7610fc",
    ),
    (
        "1.6.2",
        "6744b50967fbc1cc634b711c1a73ebc709437c5c6783c3db687cfa7363e8a3d7",
    ),
    (
        "1.7.3",
        "14f75c9d6d849d71e8fe476b2e9d6ec2243964ec2a692eb1ffd9c6692051f89b",
    ),
    (
        "1.8.1",
        "3a0bfe4151ab0bfd7f94359743342f39fd9e21f72ab9c53151117f491200e2e0",
    ),
    (
        "1.9.0",
        "6829dc7ee6400b7a6d186e966a25d217638b365f5a9ba0b783222a5858f56dcf",
    ),
    (
        "1.10.0",
        "76f111c32a0cd82fc23aff61a85215d4d9ceebb34654d93264d8e64a27483ff5",
    ),
    (
        "1.11.0",
        "1d376f20bca6d05ee8b90c1c123a452b28753497ccc2f1c80ea3ac94c12e8f6e",
    ),
];

impl Release {
    /// The release of this version.
    pub(crate) fn named(version: &str) -> Result<Self, Error> {
        RELEASES
            .iter()
            .find(|(known, _)| *known == version)
            .map(|(version, _sha256)| Self {
                version: (*version).into(),
                #[cfg(feature = "cli")]
                sha256: (*_sha256).into(),
            })
            .ok_or_else(|| {
                let known: Vec<_> = versions().collect();
                Error::new(
                    ErrorKind::UnknownVersion,
                    format!(
                        "Mesos {version:?} cannot be downloaded: choose one of {}, or set \
                         MESOS_NATIVE_LIBRARY to the path of another libmesos",
                        known.join(", ")
                    ),
                )
            })
    }

    /// The archive of the release.
    #[cfg(feature = "cli")]
    pub(crate) fn package(&self) -> Package {
        Package {
            what: format!("Mesos {}", self.version),
            project: "mesos-scheduler",
            file: format!("mesos.scheduler-{}.linux-x86_64.tar.gz", self.version),
            sha256: self.sha256.clone(),
            directory: self.version.clone(),
            marker: MEMBER,
            instead: "set MESOS_NATIVE_LIBRARY to the path of an installed libmesos",
        }
    }
}

/// The versions of Mesos that can be downloaded, oldest first.
///
/// ```
/// assert!(mesos_local::versions().any(|version| version == mesos_local::DEFAULT_VERSION));
/// ```
pub fn versions() -> impl Iterator<Item = &'static str> {
    RELEASES.iter().map(|(version, _)| *version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_about_an_unknown_version_lists_the_known_ones() {
        let error = Release::named("2.0").expect_err("2.0 is unknown");
        assert_eq!(error.kind(), ErrorKind::UnknownVersion);
        assert!(error.to_string().contains("1.10.0, 1.11.0"), "{error}");
    }

    #[test]
    fn every_release_is_pinned_to_a_different_sha256() {
        let mut hashes: Vec<_> = RELEASES.iter().map(|(_, sha256)| *sha256).collect();
        assert!(hashes.iter().all(|hash| {
            hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        }));
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), RELEASES.len());
    }
}
