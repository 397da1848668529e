//! Prepares this process and executes the command in it.

use std::convert::Infallible;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Error, Result, bail, ensure};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::unistd::setsid;

use super::filesystem::{self, MOUNT_NAMESPACE};
use super::flags::{Flags, is_own_variable};
use super::launch_info::{LaunchCommand, LaunchEnvironment, LaunchInfo};
use super::user::Identity;
use super::{limits, signals, sync};

/// The PATH of a container without one (`host_default_path` in Mesos' `stout`).
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Who started this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The supervisor, which has handled the session and the pipe.
    Supervised,
    /// An executor or a user.
    Alone,
}

/// Executes the command in this process. Returns only if that fails, with the reason.
pub(super) fn run(flags: Flags, role: Role) -> Error {
    match try_run(flags, role) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// The launch info of the flags, and the mount namespace that they request.
pub(super) fn requested(flags: &Flags) -> Result<(LaunchInfo, Namespace)> {
    let json = flags.launch_info.as_deref();
    let info = LaunchInfo::parse(json.context("the flag --launch_info is missing")?)?;
    let namespace = Namespace::of(flags)?;
    if let Namespace::Of(pid) = namespace {
        ensure!(
            info.mounts.is_empty() && info.rootfs.is_none(),
            "a container in the mount namespace of process {pid} cannot have mounts or a root \
             filesystem of its own"
        );
    }
    Ok((info, namespace))
}

/// The mount namespace of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    /// That of this process.
    Inherited,
    New,
    /// That of the process with this id.
    Of(i32),
}

impl Namespace {
    fn of(flags: &Flags) -> Result<Self> {
        match (flags.unshare_namespace_mnt, flags.namespace_mnt_target) {
            (false, None) => Ok(Self::Inherited),
            (true, None) => Ok(Self::New),
            (false, Some(pid)) => Ok(Self::Of(pid)),
            (true, Some(_)) => bail!(
                "the flags --unshare_namespace_mnt and --namespace_mnt_target exclude each other"
            ),
        }
    }
}

fn try_run(flags: Flags, role: Role) -> Result<Infallible> {
    signals::unblock()?;
    if role == Role::Alone {
        // A session lets others kill the command with all its processes. The leader of a process
        // group has a session or a group of its own already.
        let _ = setsid();
        if let Some(mut pipe) = sync::pipe(&flags)? {
            sync::wait(&mut pipe, None)?;
        }
    }
    let (info, namespace) = requested(&flags)?;
    let (command, value) = info.argv()?;
    prepare_filesystem(&info, namespace)?;
    for command in &info.pre_exec_commands {
        run_pre_exec(command)?;
    }
    let user = match &info.user {
        Some(name) => Identity::find(name, &info.supplementary_groups)?,
        None => None,
    };
    // The user was searched in the host's files.
    match (&info.rootfs, namespace) {
        (Some(root), _) => filesystem::enter(root)?,
        (None, Namespace::Of(pid)) => filesystem::enter_namespace(pid)?,
        (None, Namespace::Inherited | Namespace::New) => {}
    }
    if let Some(limits) = &info.rlimits {
        limits::set(limits)?;
    }
    if let Some(directory) = &info.working_directory {
        enter(directory)?;
    }
    if let Some(user) = user {
        user.assume()?;
    }
    if info.no_new_privileges == Some(true) {
        prctl::set_no_new_privs().context("cannot set no_new_privileges")?;
    }
    let directory = info.working_directory.as_deref().map(Path::new);
    let mut process = process_of(command, value, directory);
    set_environment(&mut process, info.environment.as_ref());
    let program = process.get_program().to_string_lossy().into_owned();
    let error = process.exec();
    Err(error).with_context(|| format!("cannot execute `{program}`"))
}

/// Prepares the mounts and files of the container on the host's filesystem.
fn prepare_filesystem(info: &LaunchInfo, namespace: Namespace) -> Result<()> {
    if let Some(root) = &info.rootfs {
        filesystem::check(root)?;
    }
    if namespace == Namespace::New {
        unshare(CloneFlags::CLONE_NEWNS).context("cannot make a mount namespace")?;
    }
    if namespace == Namespace::New || info.clone_namespaces.contains(&MOUNT_NAMESPACE) {
        filesystem::receive_only()?;
    }
    filesystem::mount_all(&info.mounts)?;
    for path in &info.masked_paths {
        // As in Mesos, a container can start without a mask.
        if let Err(error) = filesystem::mask(path) {
            eprintln!("mesos-containerizer: {error:#}");
        }
    }
    let mut operations = info.file_operations.iter();
    operations.try_for_each(filesystem::Operation::execute)
}

/// Runs a command that an isolator requires before the container's command, as the agent's user
/// and in the agent's environment.
fn run_pre_exec(command: &LaunchCommand) -> Result<()> {
    let value = command.program()?;
    let mut process = process_of(command, value, None);
    set_environment(&mut process, None);
    let status = process
        .status()
        .with_context(|| format!("cannot run the pre-exec command `{value}`"))?;
    if !status.success() {
        bail!("the pre-exec command `{value}` failed: {status}");
    }
    Ok(())
}

/// Creates `directory` if it does not exist, and enters it.
fn enter(directory: &str) -> Result<()> {
    // Entering the directory fails if it could not be created.
    let made = fs::create_dir_all(directory);
    env::set_current_dir(directory).with_context(|| match made {
        Ok(()) => format!("cannot enter the working directory {directory}"),
        Err(error) => format!("cannot create the working directory {directory} ({error})"),
    })
}

/// The process that `command` describes. An executable without a directory in its name is
/// searched in `directory` before PATH, as Mesos does.
fn process_of(command: &LaunchCommand, value: &str, directory: Option<&Path>) -> Command {
    if command.shell {
        let mut process = Command::new("sh");
        process.args(["-c", value]);
        return process;
    }
    let here = directory.and_then(|directory| executable(directory, value));
    let mut process = Command::new(here.as_deref().unwrap_or(Path::new(value)));
    let mut words = command.arguments.iter();
    process.arg0(words.next().map_or(value, String::as_str));
    process.args(words);
    process
}

/// The file `name` in `directory`, if it is executable.
fn executable(directory: &Path, name: &str) -> Option<PathBuf> {
    let path = directory.join(name);
    let metadata = fs::metadata(&path).ok()?;
    (metadata.is_file() && metadata.permissions().mode() & 0o111 != 0).then_some(path)
}

/// Gives the process `environment`, else that of this process without this program's variables.
fn set_environment(process: &mut Command, environment: Option<&LaunchEnvironment>) {
    match environment {
        Some(environment) => {
            process.env_clear().env("PATH", DEFAULT_PATH);
            process.envs(environment.pairs());
        }
        None => {
            let own = env::vars_os().map(|(name, _)| name);
            for name in own.filter(|name| name.to_str().is_some_and(is_own_variable)) {
                process.env_remove(name);
            }
        }
    }
}
