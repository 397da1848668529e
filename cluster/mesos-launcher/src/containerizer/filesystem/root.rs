//! The root filesystem of a container, and the mount namespace that has the root filesystem.

use std::env;
use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, setns};
use nix::unistd::pivot_root;

/// Fails unless `root` is the path of a directory without symbolic links, as the agent writes it.
pub(in crate::containerizer) fn check(root: &str) -> Result<()> {
    let real = Path::new(root).canonicalize();
    let real = real.with_context(|| format!("the root filesystem {root} cannot be used"))?;
    ensure!(
        real == Path::new(root),
        "the root filesystem {root} is not an absolute path without symbolic links: its path is {}",
        real.display()
    );
    Ok(())
}

/// Makes `root`, which is a mount point, the root of this mount namespace, and the working directory.
/// No process of the namespace can reach the old root afterwards.
pub(in crate::containerizer) fn enter(root: &str) -> Result<()> {
    let failed = || format!("cannot change the root to {root}");
    env::set_current_dir(root).with_context(failed)?;
    // The old root is mounted over the new one, and then removed: that needs no directory in an image,
    // which can be read-only (the example in pivot_root(2)).
    pivot_root(".", ".").with_context(failed)?;
    umount2(".", MntFlags::MNT_DETACH).with_context(failed)?;
    env::set_current_dir("/").with_context(failed)
}

/// Enters the mount namespace of the process `pid`, and its root.
pub(in crate::containerizer) fn enter_namespace(pid: i32) -> Result<()> {
    let path = format!("/proc/{pid}/ns/mnt");
    let file = File::open(&path).with_context(|| format!("cannot open {path}"))?;
    setns(file, CloneFlags::CLONE_NEWNS)
        .with_context(|| format!("cannot enter the mount namespace of process {pid}"))
}
