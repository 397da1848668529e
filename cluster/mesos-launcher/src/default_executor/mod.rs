//! The program `mesos-default-executor`: it runs task groups, each task as a container below its
//! own (`src/launcher/default_executor.cpp` in Mesos' tree), on this workspace's own executor
//! driver and the agent's own API for containers.
//!
//! `handlers` answers the agent's events; `task` is the life of one task; `group` is what its
//! tasks share: one that fails or is killed takes the others along, and there are no restarts.
//! `agent` are the calls, and `check` runs the commands of checks.
//!
//! All that runs are the agent's containers, so that the agent can take them up again after its
//! own restart; this program then waits for them anew.

mod agent;
mod check;
mod group;
mod handlers;
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
    /// The directory with Mesos' programs, of which this one needs none
    #[arg(long)]
    launcher_dir: Option<PathBuf>,
}

/// The program: arguments and environment in, exit status out.
pub fn main() -> ExitCode {
    let Flags { launcher_dir: _ } = Flags::parse();
    executor_main::run("mesos-default-executor", run)
}

/// Runs a default executor until the agent has stored the last state of each of its tasks, or has
/// sent it away.
///
/// # Errors
/// What ended the driver, if it was not asked to end.
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
