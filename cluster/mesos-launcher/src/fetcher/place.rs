//! A place for a file below a directory.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use cap_tempfile::TempFile;

/// A name in a directory that is below another directory, also if there are symlinks.
pub(super) struct Place {
    directory: Dir,
    name: OsString,
    /// From the other directory.
    path: PathBuf,
}

impl Place {
    /// The place `path` below `root`, with its directories, which are made. A leading `/` means
    /// `root`, as in Mesos. Mesos also follows `..` out of the sandbox, which is refused here.
    pub(super) fn below(root: &Path, path: &str) -> Result<Self> {
        let path = Path::new(path.trim_start_matches('/'));
        ensure!(
            !path.components().any(|part| part.as_os_str() == ".."),
            "the path {} leads out of the directory; remove the \"..\"",
            path.display()
        );
        let name = path.file_name().context("the path has no file name")?;
        let failed = || format!("cannot create {} below {}", path.display(), root.display());
        let mut directory =
            Dir::open_ambient_dir(root, ambient_authority()).with_context(failed)?;
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            directory.create_dir_all(parent).with_context(failed)?;
            directory = directory.open_dir(parent).with_context(failed)?;
        }
        let (name, path) = (name.to_owned(), path.to_owned());
        Ok(Self {
            directory,
            name,
            path,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Fills the file, which gets its name when it is complete. A process that is killed leaves
    /// no file, or a file with another name on file systems without `O_TMPFILE`.
    pub(super) fn fill(
        &self,
        mode: Mode,
        fill: impl FnOnce(&mut File) -> Result<()>,
    ) -> Result<()> {
        let name = self.name.display();
        let failed = || format!("cannot create the file {name}");
        let new = TempFile::new(&self.directory).with_context(failed)?;
        let mut file = new.as_file().try_clone().with_context(failed)?.into_std();
        // The mode 0666 under the umask. The umask is not readable without a change.
        let readable = file.metadata().with_context(failed)?.mode() & 0o666;
        fill(&mut file)?;
        let mode = match mode {
            Mode::Exact(mode) => mode,
            Mode::Masked(mode) => mode & (readable | (readable >> 2 & 0o111)),
        };
        file.set_permissions(Permissions::from_mode(mode))
            .with_context(failed)?;
        new.replace(&self.name).with_context(failed)
    }
}

/// The permissions of a new file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    Exact(u32),
    /// Under the umask. What others may not read, they may not execute.
    Masked(u32),
}
