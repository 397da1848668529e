//! The program `mesos-executor`, the command executor: it runs the one command of one task
//! (`src/launcher/executor.cpp` in Mesos' tree), on this workspace's own executor driver.
//!
//! [`CommandExecutor`] handles the agent's events, `task` supervises the running command,
//! `mesos-process` ends the command with the processes that it started, and
//! `mesos-containerizer launch` becomes the command. `guard` is a process that ends the command if
//! this executor is killed. A daemon of the command (a process in its own session whose parent has
//! ended) survives both; only a cgroup of the agent contains daemons.
//!
//! The command inherits stdout and stderr, which are the files of the sandbox. `checks` performs
//! checks and health checks.

mod command;
mod flags;
mod guard;
mod handlers;
mod task;

use std::process::ExitCode;

use clap::Parser as _;
use mesos_core::backend::{Backend, ExecutorApi};
use mesos_core::{Error, ExecutorDriver, StopReason, executor::ExecutorEnvironment};

use crate::executor_main;
use crate::task_settings::shutdown_grace;

pub use flags::Flags;
pub use handlers::CommandExecutor;

/// Runs the program with the arguments and the environment of this process, and returns the exit
/// status.
pub fn main() -> ExitCode {
    let flags = Flags::parse();
    executor_main::run("mesos-executor", |environment, backend| {
        run(flags, environment, backend)
    })
}

/// Runs a command executor over `backend` until the agent has stored the last state of its task, or
/// has shut the executor down. The task's processes have ended when this returns.
///
/// # Errors
/// The error that ended the driver.
pub async fn run<B>(
    flags: Flags,
    environment: ExecutorEnvironment,
    backend: B,
) -> Result<StopReason, Error>
where
    B: Backend<ExecutorApi> + 'static,
{
    let grace = shutdown_grace(&environment);
    let executor = CommandExecutor::new(flags, grace);
    let task = executor.task();
    let end = ExecutorDriver::run(executor, environment, backend).await;
    // The driver may end without an event for the executor, and does not wait for processes.
    if let Some(task) = task.get() {
        task.kill(grace);
        task.ended().await;
    }
    end
}
