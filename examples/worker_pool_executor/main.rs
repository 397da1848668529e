//! Many tasks in one executor process, with a bounded number of them at work at a time.
//!
//! `cargo run --release --example worker_pool_executor -- --tasks 5000` starts a Mesos on this
//! machine, a scheduler here, and this very program once more as the executor, which an agent
//! starts; it prints what that took. With `--work` each task is a script, otherwise it is done
//! with at once.
//!
//! With `--backend native`, the scheduler and the executor run over libmesos. Set
//! `MESOS_NATIVE_LIBRARY` to a full libmesos: the one of the Python package has no executor
//! driver.

mod pool;
mod scheduler;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// Run many short tasks in one executor.
#[derive(Debug, Parser)]
struct Arguments {
    /// The master, as http://…; without it a local cluster is started
    #[arg(long)]
    master: Option<String>,
    /// How many tasks
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    tasks: u32,
    /// How many tasks the executor works on at a time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    workers: u32,
    /// What each task does, for the shell; without it there is nothing to do
    #[arg(long, default_value = "")]
    work: String,
    /// What scheduler and executor speak to Mesos with
    #[arg(long, value_enum, default_value_t)]
    backend: Backend,
    /// Another executor to compare with, for the shell
    #[arg(long)]
    executor: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Backend {
    /// The v1 HTTP API.
    #[default]
    Http,
    /// libmesos.
    Native,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    // An agent says so to the executors that it starts.
    let arguments = Arguments::parse();
    let result = if std::env::var_os("MESOS_EXECUTOR_ID").is_some() {
        pool::run(arguments.backend).await
    } else {
        scheduler::run(arguments).await
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("worker_pool_executor: {}", mesos::error_chain(&*error));
            ExitCode::FAILURE
        }
    }
}
