//! What both executors have in common as programs.

use std::error::Error as StdError;
use std::process::ExitCode;

use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{Disconnected, Error, StopReason, error_chain};
use mesos_http::HttpBackend;

/// The executor's token. The processes of tasks and checks do not receive it.
pub(crate) const TOKEN_VARIABLE: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";

/// Runs an executor over HTTP with the environment of this process, and returns the exit status.
pub(crate) fn run<F>(
    program: &str,
    executor: impl FnOnce(ExecutorEnvironment, HttpBackend) -> F,
) -> ExitCode
where
    F: Future<Output = Result<StopReason, Error>>,
{
    match try_run(executor) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {}", error_chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn try_run<F>(
    executor: impl FnOnce(ExecutorEnvironment, HttpBackend) -> F,
) -> Result<StopReason, Box<dyn StdError>>
where
    F: Future<Output = Result<StopReason, Error>>,
{
    let environment = ExecutorEnvironment::from_env_scrubbed()?;
    let backend = HttpBackend::for_executor(&environment)?;
    // One thread: an executor is idle nearly all the time.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let end = runtime.block_on(executor(environment, backend));
    // Does not wait for an HTTP check in progress.
    runtime.shutdown_background();
    Ok(end?)
}

/// Prints to stderr, a file of the sandbox, that the connection to the agent is lost.
pub(crate) fn print_disconnected(program: &str, disconnected: &Disconnected) {
    eprintln!(
        "{program}: lost the connection to the agent: {}; retrying in {:?}",
        error_chain(&disconnected.error),
        disconnected.retry_in
    );
}
