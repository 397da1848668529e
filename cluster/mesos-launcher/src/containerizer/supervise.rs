//! The supervisor: starts the process that becomes the command, and records how it ended.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode};

use anyhow::{Context as _, Result};
use nix::unistd::Pid;

use super::flags::{Flags, LAUNCH_INFO_VARIABLE};
use super::signals::Signals;
use super::status_file::{self, EXIT_1, StatusFile};
use super::{failed, output, run, sync};

/// How a supervision ended, as a wait status.
enum End {
    /// The status of the command, or of the process that should have become the command.
    OfTheCommand(i32),
    /// A signal arrived before that process was started.
    Early(i32),
}

/// Runs the container. The result is a failure only if the supervision itself failed.
pub(super) fn run(mut flags: Flags) -> ExitCode {
    let runtime_directory = flags.runtime_directory.take().unwrap_or_default();
    let status = match StatusFile::create(&runtime_directory) {
        Ok(status) => status,
        Err(error) => return failed(&error),
    };
    let (wait_status, code) = match supervise(flags) {
        Ok(End::OfTheCommand(wait_status)) => (wait_status, ExitCode::SUCCESS),
        Ok(End::Early(wait_status)) => (wait_status, ExitCode::FAILURE),
        Err(error) => (EXIT_1, failed(&error)),
    };
    match status.write(wait_status) {
        Ok(()) => code,
        Err(error) => failed(&error),
    }
}

fn supervise(flags: Flags) -> Result<End> {
    let signals = Signals::block()?;
    let pipe = sync::pipe(&flags)?;
    let sandbox_output = flags.sandbox_output;
    // Before the wait, so that the agent receives the error at once.
    let (info, _) = run::requested(&flags)?;
    if sandbox_output && let Some(sandbox) = info.sandbox() {
        output::into_sandbox(sandbox)?;
    }
    drop(info);
    let json = flags.launch_info.unwrap_or_default();
    if let Some(mut pipe) = pipe
        && let Some(signal) = sync::wait(&mut pipe, Some(&signals))?
    {
        return Ok(End::Early(status_file::killed_by(signal)));
    }
    let child = start(json)?;
    forward(&signals, child).map(End::OfTheCommand)
}

fn start(json: String) -> Result<Child> {
    // This program, even if it is a copy in memory or its file was replaced.
    Command::new("/proc/self/exe")
        .arg0("mesos-containerizer")
        .arg("exec")
        .env(LAUNCH_INFO_VARIABLE, json)
        .env_remove("MESOS_CONTAINERIZER_RUNTIME_DIRECTORY")
        .env_remove("MESOS_CONTAINERIZER_PIPE_READ")
        .env_remove("MESOS_CONTAINERIZER_PIPE_WRITE")
        .spawn()
        .context("cannot start the process that becomes the command")
}

/// Forwards signals until the child has ended. The child is the only one: the kernel gives orphans to
/// the nearest subreaper, and this process is not a subreaper.
fn forward(signals: &Signals, mut child: Child) -> Result<i32> {
    let process = Pid::from_raw(i32::try_from(child.id()).context("a process id out of range")?);
    loop {
        let signal = signals.wait()?;
        if !signal.is_about_children() {
            signal.send(process);
        } else if let Some(status) = child.try_wait().context("cannot wait for the command")? {
            return Ok(status_file::wait_status(status));
        }
    }
}
