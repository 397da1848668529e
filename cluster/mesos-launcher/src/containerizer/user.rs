//! Becoming another user.

use std::ffi::CString;

use anyhow::{Context as _, Result, bail};
use nix::unistd::{Gid, Uid, User, geteuid, getgrouplist, setgid, setgroups, setuid};

/// A user to become, looked up.
#[derive(Debug)]
pub(crate) struct Identity {
    name: String,
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

impl Identity {
    /// Looks `name` up; `None` if this process is that user already, and nothing is to be
    /// changed, groups included.
    pub(crate) fn find(name: &str, supplementary_groups: &[u32]) -> Result<Option<Self>> {
        let found =
            User::from_name(name).with_context(|| format!("cannot look up the user `{name}`"))?;
        let Some(user) = found else {
            bail!("there is no user `{name}` on this machine");
        };
        if user.uid == geteuid() {
            return Ok(None);
        }
        let c_name = CString::new(name).context("a user's name has no NUL byte")?;
        let mut groups = getgrouplist(&c_name, user.gid)
            .with_context(|| format!("cannot look up the groups of the user `{name}`"))?;
        groups.extend(supplementary_groups.iter().copied().map(Gid::from_raw));
        Ok(Some(Self {
            name: name.to_owned(),
            uid: user.uid,
            gid: user.gid,
            groups,
        }))
    }

    /// Becomes that user.
    pub(crate) fn assume(&self) -> Result<()> {
        let name = &self.name;
        setgid(self.gid)
            .and_then(|()| setgroups(&self.groups))
            .and_then(|()| setuid(self.uid))
            .with_context(|| format!("cannot become the user `{name}` (uid {})", self.uid))
    }
}
