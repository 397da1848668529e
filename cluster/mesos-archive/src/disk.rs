//! Writes members below one directory, whatever symlinks there are.
//!
//! Each path is resolved by `cap-std`, which never leaves the directory, up to the directory of the
//! member. The last name is then made with a system call that does not follow symlinks.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_NOW};
use rustix::io::Errno;

use crate::member::{Kind, Member, path};

pub(crate) struct Disk {
    root: Dir,
    /// What the directories get at the end. A directory needs all permissions of its owner before.
    later: Vec<Later>,
    /// How many bytes may still be written. Only fuzzing has a limit.
    pub(crate) budget: u64,
}

struct Later {
    path: PathBuf,
    mode: Option<Mode>,
    times: Option<Timestamps>,
}

impl Disk {
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        Dir::open_ambient_dir(directory, ambient_authority()).map(Self::new)
    }

    pub(crate) fn new(root: Dir) -> Self {
        Self {
            root,
            later: Vec::new(),
            budget: u64::MAX,
        }
    }

    /// A file without a name, which ends with its descriptor.
    pub(crate) fn temporary_file(&self) -> io::Result<File> {
        cap_tempfile::TempFile::new_anonymous(&self.root).map(cap_std::fs::File::into_std)
    }

    /// Makes the member with its directories. Returns the open file if the member has content.
    pub(crate) fn make(&mut self, member: &Member, has_content: bool) -> Result<Option<File>> {
        let place = path(&member.path)?;
        let Some(name) = place.file_name() else {
            // The directory itself exists and stays as it is.
            ensure!(
                member.kind == Kind::Directory,
                "the path is that of the target directory"
            );
            return Ok(None);
        };
        if let Kind::HardLink(target) = &member.kind
            && path(target)? == place
        {
            // GNU tar writes such a member if a file is added twice.
            let exists = self.root.symlink_metadata(&place);
            exists.context("the hard link is its own target")?;
            return Ok(None);
        }
        let parent = self.parent(&place)?;
        let file = match self.make_at(&parent, name, member, &place) {
            Err(error) if in_the_way(&error) => {
                if self.clear(&parent, name, member, &place)? {
                    self.later.push(Later {
                        path: place,
                        mode: None,
                        times: member.times(),
                    });
                    return Ok(None);
                }
                self.make_at(&parent, name, member, &place)?
            }
            made => made?,
        };
        if has_content && matches!(member.kind, Kind::HardLink(_)) {
            // PAX allows a hard link to carry the content.
            let found = rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile {
                let flags = OFlags::WRONLY | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = rustix::fs::openat(&parent, name, flags, Mode::empty())?;
                return Ok(Some(File::from(file)));
            }
        }
        Ok(file)
    }

    /// The directory for the last name of a path. Missing directories are made.
    fn parent(&self, place: &Path) -> Result<Dir> {
        let directory = place.parent().unwrap_or(Path::new(""));
        match self.directory(directory) {
            Ok(parent) => return Ok(parent),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(refused(error, directory)),
        }
        let mut above = PathBuf::new();
        let mut parent = self.root.try_clone()?;
        for name in directory {
            let made = rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o777));
            above.push(name);
            parent = match self.directory(&above) {
                Ok(next) => next,
                // libarchive replaces a file that is in the way of a directory.
                Err(error) if error.kind() == ErrorKind::NotADirectory => {
                    rustix::fs::unlinkat(&parent, name, AtFlags::empty())
                        .and_then(|()| {
                            rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o777))
                        })
                        .with_context(|| {
                            format!("cannot replace {} by a directory", above.display())
                        })?;
                    self.directory(&above)
                        .map_err(|error| refused(error, &above))?
                }
                Err(error) => {
                    made.with_context(|| format!("cannot make the directory {}", above.display()))?;
                    return Err(refused(error, &above));
                }
            };
        }
        Ok(parent)
    }

    fn directory(&self, directory: &Path) -> io::Result<Dir> {
        if directory.as_os_str().is_empty() {
            return self.root.try_clone();
        }
        self.root.open_dir(directory)
    }

    fn make_at(
        &mut self,
        parent: &Dir,
        name: &OsStr,
        member: &Member,
        place: &Path,
    ) -> Result<Option<File>> {
        // The kernel applies the umask. libarchive drops the other bits without its flag PERM.
        let mode = Mode::from_raw_mode(member.mode & 0o777);
        let device = |kind, major, minor| {
            let device = rustix::fs::makedev(major, minor);
            rustix::fs::mknodat(parent, name, kind, mode, device)
        };
        match &member.kind {
            Kind::File => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                let file = rustix::fs::openat(parent, name, flags, mode)?;
                return Ok(Some(File::from(file)));
            }
            Kind::Directory => {
                rustix::fs::mkdirat(parent, name, mode | Mode::RWXU)?;
                let made = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
                self.later.push(Later {
                    path: place.to_owned(),
                    mode: Some(Mode::from_raw_mode(made.st_mode) & mode),
                    times: member.times(),
                });
                return Ok(None);
            }
            Kind::Symlink(target) => {
                ensure!(!target.is_empty(), "the symlink has no target");
                rustix::fs::symlinkat(target.as_slice(), parent, name)?;
            }
            Kind::HardLink(target) => {
                self.link(target, parent, name)?;
                return Ok(None);
            }
            Kind::Fifo => rustix::fs::mknodat(parent, name, FileType::Fifo, mode, 0)?,
            Kind::CharacterDevice { major, minor } => {
                device(FileType::CharacterDevice, *major, *minor)?;
            }
            Kind::BlockDevice { major, minor } => device(FileType::BlockDevice, *major, *minor)?,
        }
        if let Some(times) = member.times() {
            // A time that the file system cannot hold is not worth a failed task.
            let _ = rustix::fs::utimensat(parent, name, &times, AtFlags::SYMLINK_NOFOLLOW);
        }
        Ok(None)
    }

    /// Links an existing member. The target is the path of a member, so symlinks on the way to the
    /// target must stay below the directory as well. A symlink itself is linked, not followed.
    fn link(&self, target: &[u8], parent: &Dir, name: &OsStr) -> Result<()> {
        let target = path(target)?;
        let last = target.file_name().context("the hard link has no target")?;
        let directory = target.parent().unwrap_or(Path::new(""));
        let from = self
            .directory(directory)
            .map_err(|error| refused(error, directory))?;
        match rustix::fs::linkat(&from, last, parent, name, AtFlags::empty()) {
            Err(Errno::NOENT) => bail!(
                "the target {} of the hard link is missing",
                target.display()
            ),
            result => Ok(result?),
        }
    }

    /// Removes what is in the place of a new member, as libarchive does. Returns true if the member
    /// is a directory and the directory exists, which then keeps its mode.
    fn clear(&self, parent: &Dir, name: &OsStr, member: &Member, place: &Path) -> Result<bool> {
        if member.kind == Kind::Directory {
            match self.root.metadata(place) {
                Ok(found) if found.is_dir() => return Ok(true),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(refused(error, place)),
            }
        }
        let found = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let is_directory = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
        let flags = if is_directory {
            AtFlags::REMOVEDIR
        } else {
            AtFlags::empty()
        };
        rustix::fs::unlinkat(parent, name, flags)
            .with_context(|| format!("cannot replace {}", place.display()))?;
        Ok(false)
    }

    /// Ends a file that was filled.
    pub(crate) fn close(&self, file: &File, member: &Member) {
        if let Some(times) = member.times() {
            let _ = rustix::fs::futimens(file, &times);
        }
    }

    /// Gives the directories their modes and times: after their members, and the deepest first.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.later.sort_by(|one, other| other.path.cmp(&one.path));
        for later in &self.later {
            // A later member can have replaced the directory.
            if let Some(directory) = self.open_directory(&later.path) {
                later.apply(&directory).with_context(|| {
                    format!("cannot change the directory {}", later.path.display())
                })?;
            }
        }
        Ok(())
    }

    fn open_directory(&self, place: &Path) -> Option<OwnedFd> {
        let parent = self.directory(place.parent()?).ok()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(parent, place.file_name()?, flags, Mode::empty()).ok()
    }
}

impl Later {
    fn apply(&self, directory: &OwnedFd) -> Result<()> {
        if let Some(mode) = self.mode {
            rustix::fs::fchmod(directory, mode)?;
        }
        if let Some(times) = &self.times {
            let _ = rustix::fs::futimens(directory, times);
        }
        Ok(())
    }
}

impl Member {
    fn times(&self) -> Option<Timestamps> {
        let (seconds, nanoseconds) = self.modified?;
        Some(Timestamps {
            last_access: Timespec {
                tv_sec: 0,
                tv_nsec: UTIME_NOW,
            },
            last_modification: Timespec {
                tv_sec: seconds,
                tv_nsec: nanoseconds.into(),
            },
        })
    }
}

/// Whether a member could not be made because its name is taken.
fn in_the_way(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(&Errno::EXIST | &Errno::ISDIR))
}

/// The error for a directory that cannot be opened.
fn refused(error: io::Error, directory: &Path) -> anyhow::Error {
    let directory = directory.display();
    // cap-std refuses a path that leads outside without a system call that failed.
    let outside = error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none();
    let text = if outside {
        format!("{directory} leads outside of the target directory")
    } else {
        format!("cannot open the directory {directory}")
    };
    anyhow::Error::new(error).context(text)
}
