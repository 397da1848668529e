//! The program `mesos-containerizer`: what an agent starts for every container, for containers
//! on the host's filesystem (`src/slave/containerizer/mesos/launch.cpp` in Mesos' tree).
//!
//! `launch` with a runtime directory is the supervisor: it waits for the agent's word, starts
//! itself again as `exec`, hands signals on to it, and writes how it ended into the file
//! `status` there, always one value. `exec`, and `launch` without a runtime directory, become
//! the command. That the two are processes of one program and not the halves of a fork keeps
//! out code that may only do what is allowed between fork and exec.
//!
//! Containers that need more than a process (a root filesystem, mounts, namespaces,
//! capabilities, seccomp, a terminal) are refused, with the field that asks for it.

mod descriptors;
mod flags;
mod launch_info;
mod limits;
mod output;
mod report;
mod run;
mod signals;
mod status_file;
mod supervise;
mod sync;
mod user;

use std::process::ExitCode;

use anyhow::{Error, anyhow};
use clap::Parser as _;

use flags::{Cli, Command, Flags};
pub(crate) use flags::{LAUNCH_INFO_VARIABLE, REPORT_VARIABLE, is_own_variable};
pub(crate) use launch_info::{LaunchCommand, LaunchEnvironment, LaunchInfo};
use run::Role;
pub(crate) use user::Identity;

/// The program: arguments and environment in, exit status out. It does not return when it
/// becomes the command.
pub fn main() -> ExitCode {
    let (flags, role) = match Cli::parse().command {
        Command::Launch(flags) => (flags, Role::Alone),
        Command::Exec(flags) => (flags, Role::Supervised),
        Command::Other(words) => {
            let word = words.first().map(|word| word.to_string_lossy());
            return failed(&anyhow!(
                "the subcommand `{}` is not supported, only `launch` is; what needs it (networks, \
                 shared mounts) has to be off in the agent's --isolation",
                word.unwrap_or_default()
            ));
        }
    };
    match (descriptors::close_inherited(&flags.descriptors()), role) {
        (Err(error), _) => failed(&error),
        (Ok(()), Role::Alone) if flags.runtime_directory.is_some() => supervise::run(flags),
        (Ok(()), role) => failed(&become_command(flags, role)),
    }
}

/// Becomes the command, or says why not, on the report pipe too.
fn become_command(flags: Flags, role: Role) -> Error {
    match report::take(flags.report_pipe) {
        Ok(report) => {
            let error = run::run(flags, role);
            if let Some(mut report) = report {
                report.failed(&error);
            }
            error
        }
        Err(error) => error,
    }
}

fn failed(error: &Error) -> ExitCode {
    eprintln!("mesos-containerizer: {error:#}");
    ExitCode::FAILURE
}
