//! Starts the process that becomes the command of a task.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use mesos_process::Child;
use mesos_proto::v1::{CommandInfo, TaskInfo, environment};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::Command;

use super::Flags;
use super::guard::Guard;
use crate::checks::ProcessRunner;
use crate::containerizer::{
    Identity, LAUNCH_INFO_VARIABLE, LaunchCommand, LaunchEnvironment, LaunchInfo, REPORT_VARIABLE,
    is_own_variable,
};
use crate::executor_main::TOKEN_VARIABLE;

/// Receives whether the command runs.
#[derive(Debug)]
pub(super) struct LaunchReport(Receiver);

impl LaunchReport {
    /// Waits until the command runs or has ended. The error is the reason why it cannot run.
    pub(super) async fn wait(mut self) -> Result<(), String> {
        let mut reason = String::new();
        match self.0.read_to_string(&mut reason).await {
            Ok(0) => Ok(()),
            Ok(_) => Err(reason),
            Err(error) => Err(format!(
                "cannot read the report of mesos-containerizer: {error}"
            )),
        }
    }
}

/// The process of a task.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) child: Child,
    pub(super) guard: Guard,
    pub(super) report: LaunchReport,
    /// Runs the commands of checks where the task runs.
    pub(super) checks: ProcessRunner,
}

/// Starts the process that becomes the command of `task`.
pub(super) fn start(flags: &Flags, task: &TaskInfo) -> Result<Started> {
    if flags.rootfs.is_some()
        && let Some(user) = &flags.user
        && let Some(user) = Identity::find(user, &[])?
    {
        // An agent gives the sandbox to its own user if the task has an image.
        user.give(&env::current_dir().context("cannot find the sandbox")?)?;
    }
    let info = launch_info(flags, task, env::vars_os().filter_map(utf8))?;
    let info = serde_json::to_string(&info).context("cannot write the launch info as JSON")?;
    let program = launcher_directory(flags)?.join("mesos-containerizer");

    let (reader, writer) = nix::unistd::pipe().context("cannot make a pipe")?;
    fcntl(&reader, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).context("cannot set up a pipe")?;
    let child = spawn(&program, info, &writer, flags.rootfs.is_some())
        .with_context(|| format!("cannot start {}", program.display()))?;
    // Otherwise the pipe would never end.
    drop(writer);
    let reader = Receiver::from_owned_fd(reader).context("cannot read a pipe")?;
    let guard = Guard::start(&program, &child);
    let checks = match &flags.rootfs {
        Some(_) => ProcessRunner::in_container(program, child.pid()),
        None => ProcessRunner::default(),
    };
    Ok(Started {
        child,
        guard,
        report: LaunchReport(reader),
        checks,
    })
}

/// `new_mounts`: the task gets a mount namespace, so that its root is not that of this process.
fn spawn(program: &PathBuf, info: String, report: &OwnedFd, new_mounts: bool) -> io::Result<Child> {
    let mut command = Command::new(program);
    command
        .arg("launch")
        .arg(format!("--unshare_namespace_mnt={new_mounts}"))
        .env(LAUNCH_INFO_VARIABLE, info)
        .env(REPORT_VARIABLE, report.as_raw_fd().to_string())
        .env_remove(TOKEN_VARIABLE);
    Child::spawn_leader(command)
}

fn utf8((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

fn launcher_directory(flags: &Flags) -> Result<PathBuf> {
    if let Some(directory) = &flags.launcher_dir {
        return Ok(directory.clone());
    }
    let own = env::current_exe().context("cannot find the path of this program")?;
    Ok(own.parent().map(PathBuf::from).unwrap_or_default())
}

/// The launch info for mesos-containerizer. Fields that it does not support are passed on, and it
/// refuses them by name.
fn launch_info(
    flags: &Flags,
    task: &TaskInfo,
    own: impl Iterator<Item = (String, String)>,
) -> Result<LaunchInfo> {
    let command = match (&flags.task_command, &task.command) {
        (Some(json), _) => json_flag("--task_command", json)?,
        (None, Some(command)) => launch_command(command),
        (None, None) => bail!("the task has no command for the command executor to run"),
    };
    let added = match &flags.task_environment {
        Some(json) => json_flag("--task_environment", json)?,
        None => LaunchEnvironment::default(),
    };
    // Later variables override earlier ones.
    let variables = own
        .filter(|(name, _)| name != TOKEN_VARIABLE && !is_own_variable(name))
        .chain(owned_pairs(&added))
        .chain(command.environment.iter().flat_map(owned_pairs))
        .chain(role(task).map(|role| ("MESOS_ALLOCATION_ROLE".to_owned(), role)));
    let variables: BTreeMap<String, String> = variables.collect();
    let mut info = LaunchInfo {
        environment: Some(LaunchEnvironment::from_pairs(variables)),
        user: flags.user.clone(),
        supplementary_groups: flags.task_supplementary_groups.clone(),
        // Only a root filesystem needs a working directory: this process is in the sandbox.
        working_directory: flags.rootfs.as_ref().and_then(|_| {
            let inside = flags.working_directory.as_ref();
            inside.or(flags.sandbox_directory.as_ref()).cloned()
        }),
        command: Some(LaunchCommand {
            environment: None,
            ..command
        }),
        rootfs: flags.rootfs.clone(),
        ..LaunchInfo::default()
    };
    if let Some(path) = &flags.tty_slave_path {
        let name = "tty_slave_path".to_owned();
        info.rest.insert(name, Value::from(path.as_str()));
    }
    for (name, json) in [
        ("effective_capabilities", &flags.effective_capabilities),
        ("bounding_capabilities", &flags.bounding_capabilities),
    ] {
        if let Some(json) = json {
            info.rest.insert(name.to_owned(), json_flag(name, json)?);
        }
    }
    if let Some(json) = &flags.task_launch_info {
        info.isolate_as(json_flag("--task_launch_info", json)?);
    }
    Ok(info)
}

fn json_flag<T: serde::de::DeserializeOwned>(name: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).with_context(|| format!("the value of {name} is invalid JSON"))
}

fn owned_pairs(environment: &LaunchEnvironment) -> impl Iterator<Item = (String, String)> + '_ {
    let pairs = environment.pairs();
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// The role that the task's resources are allocated to. A task has one role.
fn role(task: &TaskInfo) -> Option<String> {
    let allocation = task.resources.first()?.allocation_info.as_ref()?;
    allocation.role.clone()
}

fn launch_command(command: &CommandInfo) -> LaunchCommand {
    let variables = command
        .environment
        .iter()
        .flat_map(|environment| &environment.variables);
    // The agent resolves secrets. Unresolved ones are left out.
    let plain = variables
        .filter(|variable| variable.r#type != Some(environment::variable::Type::Secret as i32));
    let pairs = plain.map(|variable| {
        (
            variable.name.clone(),
            variable.value.clone().unwrap_or_default(),
        )
    });
    LaunchCommand {
        shell: command.shell.unwrap_or(true),
        value: command.value.clone(),
        arguments: command.arguments.clone(),
        environment: Some(LaunchEnvironment::from_pairs(pairs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> impl Iterator<Item = (String, String)> {
        let variables = [
            ("BOTH", "executor"),
            ("OWN", "1"),
            ("MESOS_CONTAINERIZER_LAUNCH_INFO", "{}"),
            (TOKEN_VARIABLE, "s3cret"),
        ];
        variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
    }

    fn task(command: CommandInfo) -> TaskInfo {
        TaskInfo {
            command: Some(command),
            ..TaskInfo::default()
        }
    }

    fn pairs(info: &LaunchInfo) -> Vec<(&str, &str)> {
        info.environment.as_ref().unwrap().pairs().collect()
    }

    #[test]
    fn the_tasks_variables_override_others_and_exclude_the_executors_token() {
        let command = CommandInfo::sh("true")
            .with_env("BOTH", "task")
            .with_env("T", "2");
        let flags = Flags {
            task_environment: Some(
                r#"{"variables":[{"name":"BOTH","value":"isolator"},{"name":"I","value":"3"}]}"#
                    .into(),
            ),
            ..Flags::default()
        };
        let info = launch_info(&flags, &task(command), own()).unwrap();
        assert_eq!(
            pairs(&info),
            [("BOTH", "task"), ("I", "3"), ("OWN", "1"), ("T", "2")]
        );
    }

    #[test]
    fn the_flag_task_command_replaces_the_tasks_command() {
        let flags = Flags {
            task_command: Some(r#"{"shell":false,"value":"/bin/a","arguments":["a","b"]}"#.into()),
            ..Flags::default()
        };
        let info = launch_info(&flags, &task(CommandInfo::sh("true")), own()).unwrap();
        let command = info.command.unwrap();
        assert_eq!(command.value.as_deref(), Some("/bin/a"));
        assert_eq!(command.arguments, ["a", "b"]);
        assert!(!command.shell);
    }

    #[test]
    fn fields_about_isolation_are_passed_to_the_containerizer_which_refuses_them() {
        let flags = Flags {
            rootfs: Some("/r".into()),
            sandbox_directory: Some("/mnt/mesos/sandbox".into()),
            tty_slave_path: Some("/dev/pts/0".into()),
            effective_capabilities: Some("{}".into()),
            task_launch_info: Some(r#"{"a_field_of_a_newer_mesos":1}"#.into()),
            ..Flags::default()
        };
        let info = launch_info(&flags, &task(CommandInfo::sh("true")), own()).unwrap();
        let names: Vec<_> = info.rest.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "a_field_of_a_newer_mesos",
                "effective_capabilities",
                "tty_slave_path"
            ]
        );
        assert_eq!(info.rootfs.as_deref(), Some("/r"));
        assert_eq!(
            info.working_directory.as_deref(),
            Some("/mnt/mesos/sandbox")
        );
    }

    #[test]
    fn a_missing_command_and_invalid_json_are_errors_that_name_them() {
        let error = launch_info(&Flags::default(), &TaskInfo::default(), own()).unwrap_err();
        assert!(error.to_string().contains("has no command"), "{error}");
        let flags = Flags {
            task_command: Some("{".into()),
            ..Flags::default()
        };
        let error = launch_info(&flags, &TaskInfo::default(), own()).unwrap_err();
        assert!(error.to_string().contains("--task_command"), "{error}");
    }
}
