//! The program `mesos-executor`, the command executor: it runs the one command of one task
//! (`src/launcher/executor.cpp` in Mesos' tree), on this workspace's own executor driver.
//!
//! [`CommandExecutor`] answers the agent's events, `task` watches over the running command,
//! `mesos-process` ends it with all that it started, and `containerizer launch` makes the command
//! out of a process.
//!
//! The command inherits stdout and stderr, which are the files of the sandbox. Health checks and
//! checks, which need further programs, are refused.

mod command;
mod flags;
mod handlers;
mod task;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use mesos_core::backend::{Backend, ExecutorApi};
use mesos_core::{End, Error, ExecutorDriver, chain, executor::ExecutorEnvironment};
use mesos_http::HttpBackend;

pub use flags::Flags;
pub use handlers::CommandExecutor;

/// The program: arguments and environment in, exit status out.
pub fn main() -> ExitCode {
    let flags = Flags::parse();
    let environment = match ExecutorEnvironment::take_env() {
        Ok(environment) => environment,
        Err(error) => return failed(&error),
    };
    let backend = match HttpBackend::for_executor(&environment) {
        Ok(backend) => backend,
        Err(error) => return failed(&error),
    };
    // One thread: an executor waits nearly all the time.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(run(flags, environment, backend)) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
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
) -> Result<End, Error>
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

/// How long a task may take to end after SHUTDOWN: a second less than the agent waits, for the
/// last update to get through, and another one that Mesos leaves for noticing the end.
fn shutdown_grace(environment: &ExecutorEnvironment) -> Duration {
    let margin = Duration::from_secs(2);
    environment.shutdown_grace_period.saturating_sub(margin)
}

fn failed(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    eprintln!("mesos-executor: {}", chain(error));
    ExitCode::FAILURE
}
