//! The program `mesos-default-executor`: it runs task groups, each task as a container below its
//! own (`src/launcher/default_executor.cpp` in Mesos' tree), on this workspace's own executor
//! driver and the agent's own API for containers.
//!
//! `handlers` handles the agent's events, and `task` runs one task. A task that fails or is killed
//! ends the others of its group, and nothing is restarted. `agent` makes the calls, and `nested` runs
//! the commands of checks.
//!
//! Everything that runs is a container of the agent, so the agent can recover the containers after
//! its restart. This program then waits for them again.

mod agent;
mod handlers;
mod nested;
mod task;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mesos_core::{Error, ErrorKind, ExecutorDriver, StopReason, executor::ExecutorEnvironment};
use mesos_http::HttpBackend;

use crate::executor_main;

pub use handlers::DefaultExecutor;

/// Runs the task groups of a Mesos agent.
#[derive(Debug, Parser)]
#[command(name = "mesos-default-executor", version, rename_all = "snake_case")]
struct Flags {
    /// The directory with Mesos' programs; this program does not need them
    #[arg(long)]
    launcher_dir: Option<PathBuf>,
}

/// Runs the program with the arguments and the environment of this process, and returns the exit
/// status.
pub fn main() -> ExitCode {
    let Flags { launcher_dir: _ } = Flags::parse();
    executor_main::run("mesos-default-executor", run)
}

/// Runs a default executor until the agent has stored the last state of each of its tasks, or has
/// shut the executor down.
///
/// # Errors
/// The error that ended the driver.
pub async fn run(
    environment: ExecutorEnvironment,
    backend: HttpBackend,
) -> Result<StopReason, Error> {
    let executor = DefaultExecutor::new(&environment, backend.clone());
    let executor = executor.ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            "the default executor needs the address of its agent",
        )
    })?;
    ExecutorDriver::run(executor, environment, backend).await
}
