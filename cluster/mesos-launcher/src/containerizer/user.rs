//! Changes the user of this process.

use std::ffi::CString;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use nix::unistd::{Gid, Uid, User, chown, geteuid, getgrouplist, setgid, setgroups, setuid};

/// The ids of the user to change to.
#[derive(Debug)]
pub(crate) struct Identity {
    name: String,
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

impl Identity {
    /// Finds the user. `None` if this process is that user already; then the groups stay unchanged
    /// too.
    pub(crate) fn find(name: &str, supplementary_groups: &[u32]) -> Result<Option<Self>> {
        let found =
            User::from_name(name).with_context(|| format!("cannot find the user `{name}`"))?;
        let Some(user) = found else {
            bail!("the user `{name}` does not exist on this machine");
        };
        if user.uid == geteuid() {
            return Ok(None);
        }
        let c_name = CString::new(name).context("a user name cannot contain a NUL byte")?;
        let mut groups = getgrouplist(&c_name, user.gid)
            .with_context(|| format!("cannot find the groups of the user `{name}`"))?;
        groups.extend(supplementary_groups.iter().copied().map(Gid::from_raw));
        Ok(Some(Self {
            name: name.to_owned(),
            uid: user.uid,
            gid: user.gid,
            groups,
        }))
    }

    /// Makes the user the owner of a file or directory.
    pub(crate) fn give(&self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("cannot give {} to `{}`", path.display(), self.name))
    }

    /// Changes the user and the groups of this process.
    pub(crate) fn assume(&self) -> Result<()> {
        let name = &self.name;
        setgid(self.gid)
            .and_then(|()| setgroups(&self.groups))
            .and_then(|()| setuid(self.uid))
            .with_context(|| format!("cannot change to the user `{name}` (uid {})", self.uid))
    }
}
