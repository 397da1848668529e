//! The program `mesos-containerizer`: what an agent starts for every container, on the host's
//! filesystem or on that of an image (`src/slave/containerizer/mesos/launch.cpp` in Mesos' tree).
//!
//! `launch` with a runtime directory is the supervisor. It waits for the agent, starts this program
//! again as `exec`, forwards signals to that process, and writes its wait status, always exactly
//! one value, into the file `status` of the directory. `exec`, and `launch` without a runtime
//! directory, become the command. The two are processes of one program rather than the halves of
//! a fork, so no code has to obey the restrictions between fork and exec.
//!
//! `guard` ends the processes of a task whose executor was killed.
//!
//! `network-cni-setup` gives a container with an image the host's files about names.
//!
//! Containers that need capabilities, seccomp, a network of their own or a terminal are refused with
//! an error that names the field.

mod descriptors;
mod filesystem;
mod flags;
mod guard;
mod launch_info;
mod limits;
mod network;
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
pub(crate) use guard::DISMISS;
pub(crate) use launch_info::{LaunchCommand, LaunchEnvironment, LaunchInfo};
use run::Role;
pub(crate) use user::Identity;

/// Runs the program with the arguments and the environment of this process, and returns the exit
/// status. Does not return if the process becomes the command.
pub fn main() -> ExitCode {
    let (flags, role) = match Cli::parse().command {
        Command::Launch(flags) => (flags, Role::Alone),
        Command::Exec(flags) => (flags, Role::Supervised),
        Command::Guard { pid } => {
            return match descriptors::close_inherited(&[]) {
                Ok(()) => guard::run(pid),
                Err(error) => failed(&error),
            };
        }
        Command::NetworkCniSetup(setup) => {
            return match network::set_up(&setup) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&error.context("cannot set up the files of a container")),
            };
        }
        Command::Other(words) => {
            let word = words.first().map(|word| word.to_string_lossy());
            return failed(&anyhow!(
                "the subcommand `{}` is not supported, only `launch` and `network-cni-setup` are; \
                 remove what needs it (shared mounts) from the agent's --isolation",
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

/// Executes the command in this process, or returns the reason and writes it to the report pipe.
fn become_command(flags: Flags, role: Role) -> Error {
    match report::open(flags.report_pipe) {
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
