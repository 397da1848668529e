//! The filesystem of a container: mounts, and the root filesystem of an image
//! (`src/slave/containerizer/mesos/launch.cpp` and `src/linux/fs.cpp` in Mesos' tree).
//!
//! The agent has made the root filesystem, and usually the mount namespace. This program mounts what
//! the launch info lists, and makes the root filesystem the root of the namespace.

mod mount;
mod operation;
mod root;

pub(super) use mount::{Mount, mount_all, receive_only};
pub(super) use operation::{Operation, mask};
pub(super) use root::{check, enter, enter_namespace};

/// `CLONE_NEWNS` of `sched.h`, as the launch info lists namespaces.
pub(super) const MOUNT_NAMESPACE: i64 = nix::libc::CLONE_NEWNS as i64;
