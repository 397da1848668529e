//! The program `mesos-executor`, the command executor: it runs the one command of one task
//! (`src/launcher/executor.cpp` in Mesos' tree), on this workspace's own executor driver.
//!
//! [`CommandExecutor`] answers the agent's events, `task` watches over the running command,
//! `mesos-process` ends it with all that it started, and `containerizer launch` makes the command
//! out of a process.
//!
//! The command inherits stdout and stderr, which are the files of the sandbox. Checks and health
//! checks are performed by `checks`.

mod command;
mod flags;
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

/// The program: arguments and environment in, exit status out.
pub fn main() -> ExitCode {
    let flags = Flags::parse();
    executor_main::run("mesos-executor", |environment, backend| {
        run(flags, environment, backend)
    })
}

/// Runs a command executor over `backend` until the agent has stored the last state of its task,
/// or has sent it away. The task's processes have ended by then.
///
/// # Errors
/// What ended the driver, if it was not asked to end.
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
    // The driver may have ended without a word to the executor, and does not wait for processes.
    if let Some(task) = task.get() {
        task.kill(grace);
        task.ended().await;
    }
    end
}
