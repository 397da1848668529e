//! Changes of files in a new container, such as the links in its directory /dev.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use serde::{Deserialize, Serialize};

use super::mount::Mount;

/// The message ContainerFileOperation.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "operation")]
pub(crate) enum Operation {
    #[serde(rename = "SYMLINK")]
    Symlink { symlink: Pair },
    #[serde(rename = "MOUNT")]
    Mount { mount: Mount },
    #[serde(rename = "RENAME")]
    Rename { rename: Pair },
    #[serde(rename = "MKDIR")]
    Mkdir { mkdir: Directory },
}

/// The messages Symlink and Rename.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Pair {
    source: String,
    target: String,
}

/// The message Mkdir.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Directory {
    target: String,
    #[serde(default)]
    recursive: bool,
}

impl Operation {
    pub(in crate::containerizer) fn execute(&self) -> Result<()> {
        match self {
            Self::Symlink { symlink: pair } => symlink(&pair.source, &pair.target)
                .with_context(|| format!("cannot link {} to {}", pair.target, pair.source)),
            Self::Mount { mount } => mount.mount(),
            Self::Rename { rename: pair } => rename(pair),
            Self::Mkdir { mkdir } => {
                let path = Path::new(&mkdir.target);
                let made = match mkdir.recursive {
                    true => fs::create_dir_all(path),
                    // The operation succeeds for a directory that exists.
                    false if path.is_dir() => Ok(()),
                    false => fs::create_dir(path),
                };
                made.with_context(|| format!("cannot create the directory {}", mkdir.target))
            }
        }
    }
}

/// Renames a file, or copies the file if the target is on another filesystem.
fn rename(Pair { source, target }: &Pair) -> Result<()> {
    let failed = || format!("cannot rename {source} to {target}");
    match fs::rename(source, target) {
        Err(error) if error.raw_os_error() == Some(Errno::EXDEV as i32) => {
            let status = Command::new("mv").args(["-f", source, target]).status();
            let status = status.with_context(failed)?;
            ensure!(status.success(), "{}: mv failed: {status}", failed());
            Ok(())
        }
        renamed => renamed.with_context(failed),
    }
}

/// Hides a file behind /dev/null, or a directory behind an empty one. A path that does not exist needs
/// no mask.
pub(in crate::containerizer) fn mask(path: &str) -> Result<()> {
    let read_only = MsFlags::MS_RDONLY;
    let none: Option<&str> = None;
    let target = Path::new(path);
    let masked = if target.is_file() {
        let flags = MsFlags::MS_BIND | read_only;
        mount(Some("/dev/null"), target, none, flags, none)
    } else if target.is_dir() {
        mount(none, target, Some("tmpfs"), read_only, Some("size=0"))
    } else {
        Ok(())
    };
    masked.with_context(|| format!("cannot mask {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execute(json: &serde_json::Value) -> Result<()> {
        let operation: Operation = serde_json::from_value(json.clone()).unwrap();
        operation.execute()
    }

    #[test]
    fn directories_links_and_renames_are_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let deep = serde_json::json!({
            "operation": "MKDIR", "mkdir": { "target": path("a/b"), "recursive": true },
        });
        execute(&deep).unwrap();
        let again = serde_json::json!({ "operation": "MKDIR", "mkdir": { "target": path("a") } });
        execute(&again).unwrap();
        let link = serde_json::json!({
            "operation": "SYMLINK", "symlink": { "source": "b", "target": path("a/link") },
        });
        execute(&link).unwrap();
        let error = execute(&link).unwrap_err().to_string();
        assert!(
            error.contains("cannot link") && error.contains("a/link to b"),
            "{error}"
        );
        let moved = serde_json::json!({
            "operation": "RENAME", "rename": { "source": path("a/link"), "target": path("l") },
        });
        execute(&moved).unwrap();
        assert_eq!(fs::read_link(path("l")).unwrap(), Path::new("b"));
        let error = execute(&moved).unwrap_err().to_string();
        assert!(error.contains("cannot rename"), "{error}");
    }
}
