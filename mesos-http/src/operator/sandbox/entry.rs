//! What a folder of a sandbox contains.

use std::time::SystemTime;

use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::v1::FileInfo;

/// The bits of `st_mode` that are the type of a file.
const TYPE: u32 = 0o170_000;

/// A file or folder in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SandboxEntry {
    /// The name in its folder. Does not contain `/`, and is neither `.` nor `..`.
    pub name: String,
    /// What the entry is. For a symbolic link, what its target is.
    pub kind: EntryKind,
    /// The size in bytes.
    pub size: u64,
    /// The permissions: the lower 12 bits of `st_mode`.
    pub mode: u32,
    /// When the content last changed, to the second.
    pub modified: Option<SystemTime>,
    /// The number of hard links.
    pub links: i32,
    /// The owner's name on the agent, or the number if the owner does not have a name.
    pub owner: String,
    /// The group's name on the agent, or the number if the group does not have a name.
    pub group: String,
}

/// The kind of a [`SandboxEntry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A named pipe, a socket or a device.
    Special,
}

impl SandboxEntry {
    /// Checks what the agent lists in `folder`: the name may become the name of a local file.
    pub(super) fn new(folder: &str, info: FileInfo) -> Result<Self> {
        let name = info.path.strip_prefix(folder);
        let name = name.and_then(|rest| rest.strip_prefix('/'));
        let Some(name) = name.filter(|name| is_name(name)) else {
            let message = format!(
                "the agent lists {:?}, which cannot be a file in {folder:?}",
                info.path
            );
            return Err(Error::new(ErrorKind::Protocol, message));
        };
        let mode = info.mode.unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            kind: match mode & TYPE {
                0o100_000 => EntryKind::File,
                0o040_000 => EntryKind::Directory,
                _ => EntryKind::Special,
            },
            size: info.size.unwrap_or_default(),
            mode: mode & 0o7777,
            modified: info.mtime.map(SystemTime::from),
            links: info.nlink.unwrap_or_default(),
            owner: info.uid.unwrap_or_default(),
            group: info.gid.unwrap_or_default(),
        })
    }
}

fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(path: &str) -> Result<SandboxEntry> {
        let info = FileInfo {
            path: path.to_owned(),
            mode: Some(0o104_755),
            ..Default::default()
        };
        SandboxEntry::new("/s/run", info)
    }

    #[test]
    fn a_name_that_leads_out_of_its_folder_is_refused() {
        let entry = listed("/s/run/a..b").unwrap();
        assert_eq!((entry.name.as_str(), entry.mode), ("a..b", 0o4755));
        for path in [
            "/s/run",
            "/s/run/",
            "/s/run/..",
            "/s/run/.",
            "/s/run/../x",
            "/s/run/a/b",
            "/s/runx",
            "/etc/passwd",
            "a",
            "/s/run/a\0b",
        ] {
            assert_eq!(listed(path).unwrap_err().kind(), ErrorKind::Protocol);
        }
    }
}
