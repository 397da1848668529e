//! Mounts that the agent requests.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use nix::libc::c_ulong;
use nix::mount::{MsFlags, mount};
use serde::{Deserialize, Serialize};

/// The message ContainerMountInfo: the arguments of mount(2).
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mount {
    pub(in crate::containerizer) target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::containerizer) source: Option<String>,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(in crate::containerizer) filesystem: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::containerizer) flags: Option<c_ulong>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::containerizer) options: Option<String>,
}

impl Mount {
    /// Refuses flags that this program does not know, and mounts that the host would see.
    pub(in crate::containerizer) fn check(&self) -> Result<()> {
        if self.flags()?.contains(MsFlags::MS_SHARED) {
            bail!(
                "the mount at {} is shared with the host (bidirectional mount propagation), which \
                 this mesos-containerizer does not support",
                self.target
            );
        }
        Ok(())
    }

    fn flags(&self) -> Result<MsFlags> {
        let bits = self.flags.unwrap_or(0);
        MsFlags::from_bits(bits)
            .with_context(|| format!("the mount at {} has unknown flags: {bits}", self.target))
    }

    /// Mounts.
    pub(super) fn mount(&self) -> Result<()> {
        let flags = self.flags()?;
        let once = |flags| {
            mount(
                self.source.as_deref(),
                self.target.as_str(),
                self.filesystem.as_deref(),
                flags,
                self.options.as_deref(),
            )
            .with_context(|| {
                let source = self.source.as_deref().or(self.filesystem.as_deref());
                let source = source.unwrap_or("nothing");
                format!("cannot mount {source} at {}", self.target)
            })
        };
        once(flags)?;
        // The kernel ignores MS_RDONLY when it binds.
        if flags.contains(MsFlags::MS_BIND | MsFlags::MS_RDONLY) {
            once(flags | MsFlags::MS_REMOUNT)?;
        }
        Ok(())
    }

    /// Makes a directory to mount at, or a file if the source is a file.
    fn create_target(&self) -> Result<()> {
        let target = Path::new(&self.target);
        let Some(source) = self.source.as_deref().map(Path::new) else {
            return Ok(());
        };
        if target.exists() {
            return Ok(());
        }
        let made = if source.exists() && !source.is_dir() {
            let parent = target.parent().map_or(Ok(()), fs::create_dir_all);
            parent.and_then(|()| File::create(target).map(drop))
        } else {
            fs::create_dir_all(target)
        };
        made.with_context(|| format!("cannot create {} to mount at", self.target))
    }
}

/// Mounts of this namespace do not reach the host from here on, but mounts of the host still reach this
/// namespace.
pub(in crate::containerizer) fn receive_only() -> Result<()> {
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_SLAVE | MsFlags::MS_REC, none)
        .context("cannot make the mounts below / slaves of the host's")
}

/// Mounts all, in this order.
pub(in crate::containerizer) fn mount_all(mounts: &[Mount]) -> Result<()> {
    for mount in mounts {
        // The agent binds files of /proc to themselves to make them read-only. Which files exist
        // depends on the kernel.
        if mount.source.as_ref() == Some(&mount.target) && !Path::new(&mount.target).exists() {
            continue;
        }
        mount.create_target()?;
        mount.mount()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_mount_and_unknown_flags_are_refused() {
        let mount = |flags| Mount {
            target: "/t".into(),
            flags: Some(flags),
            ..Mount::default()
        };
        assert!(mount(4096 | 16384).check().is_ok());
        let error = mount(1 << 20).check().unwrap_err().to_string();
        assert!(error.contains("/t is shared with the host"), "{error}");
        let error = mount(1 << 40).check().unwrap_err().to_string();
        assert!(error.contains("unknown flags: 1099511627776"), "{error}");
    }
}
