//! The subcommand `network-cni-setup`, by which the agent gives a container with an image the host's
//! files about names (`src/slave/containerizer/mesos/isolators/network/cni/cni.cpp` in Mesos' tree).
//!
//! Containers are in the host's network. A container network, which has a host name of its own, is
//! refused.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use nix::mount::{MsFlags, mount};

use super::filesystem::{enter_namespace, receive_only};

#[derive(Debug, Args)]
#[command(rename_all = "snake_case", disable_help_flag = true)]
pub(super) struct Setup {
    /// Not used: the agent writes each flag of the subcommand, and `--help=false` too
    #[arg(long, hide = true)]
    help: Option<String>,

    /// The first process of the container
    #[arg(long)]
    pid: i32,

    /// The root filesystem of the container
    #[arg(long)]
    rootfs: Option<PathBuf>,

    /// The host's file for /etc/hosts
    #[arg(long)]
    etc_hosts_path: Option<PathBuf>,

    /// The host's file for /etc/hostname
    #[arg(long)]
    etc_hostname_path: Option<PathBuf>,

    /// The host's file for /etc/resolv.conf
    #[arg(long)]
    etc_resolv_conf: Option<PathBuf>,

    /// Whether the container cannot write to the files
    #[arg(long, value_parser = BoolishValueParser::new(), action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", num_args = 0..=1,
          require_equals = true)]
    bind_readonly: bool,

    /// Whether to replace the host's files too: not supported
    #[arg(long, value_parser = BoolishValueParser::new(), action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", num_args = 0..=1,
          require_equals = true)]
    bind_host_files: bool,

    /// The host name of the container: not supported
    #[arg(long)]
    hostname: Option<String>,
}

/// Mounts the files in the container's mount namespace.
pub(super) fn set_up(setup: &Setup) -> Result<()> {
    ensure!(
        setup.hostname.is_none() && !setup.bind_host_files,
        "container networks are not supported: containers use the host's network"
    );
    let files = [
        ("etc/hosts", &setup.etc_hosts_path),
        ("etc/hostname", &setup.etc_hostname_path),
        ("etc/resolv.conf", &setup.etc_resolv_conf),
    ];
    enter_namespace(setup.pid)?;
    // The container's own process may not have come so far.
    receive_only()?;
    let Some(root) = &setup.rootfs else {
        return Ok(());
    };
    for (name, source) in files {
        if let Some(source) = source {
            bind(source, &root.join(name), setup.bind_readonly)?;
        }
    }
    Ok(())
}

/// Mounts the file `source` over the file `target`, which is created if it does not exist.
fn bind(source: &Path, target: &Path, read_only: bool) -> Result<()> {
    let failed = || format!("cannot mount {} at {}", source.display(), target.display());
    ensure!(source.is_file(), "{}: the file does not exist", failed());
    // A mount at a link would be at a file of the host.
    if target.is_symlink() {
        fs::remove_file(target).with_context(failed)?;
    }
    if !target.exists() {
        let parent = target.parent().map_or(Ok(()), fs::create_dir_all);
        parent.with_context(failed)?;
        File::create(target).with_context(failed)?;
    }
    let none: Option<&str> = None;
    let plain = MsFlags::MS_BIND | MsFlags::MS_NOEXEC | MsFlags::MS_NODEV | MsFlags::MS_NOSUID;
    mount(Some(source), target, none, plain, none).with_context(failed)?;
    if read_only {
        let remount = plain | MsFlags::MS_RDONLY | MsFlags::MS_REMOUNT;
        mount(none, target, none, remount, none).with_context(failed)?;
    }
    Ok(())
}
