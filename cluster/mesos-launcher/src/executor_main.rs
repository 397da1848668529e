//! What the executors here have in common as programs.

use std::error::Error as StdError;
use std::process::ExitCode;

use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{Disconnected, Error, StopReason, error_chain};
use mesos_http::HttpBackend;

/// The executor's password. A task's process and the commands of checks do not get it.
pub(crate) const TOKEN_VARIABLE: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";

/// Runs an executor over HTTP: environment in, exit status out.
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
    // One thread: an executor waits nearly all the time.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let end = runtime.block_on(executor(environment, backend));
    // An HTTP check that is under way must not keep it.
    runtime.shutdown_background();
    Ok(end?)
}

/// Says on stderr, a file of the sandbox, that the agent cannot be reached.
pub(crate) fn print_disconnected(program: &str, disconnected: &Disconnected) {
    eprintln!(
        "{program}: no connection to the agent: {}; trying again in {:?}",
        error_chain(&disconnected.error),
        disconnected.retry_in
    );
}
