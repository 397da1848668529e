//! Many tasks in one executor process, of which a limited number runs at a time.
//!
//! `cargo run --release --example worker_pool_executor -- --tasks 5000` starts a local Mesos and a
//! scheduler. The agent starts this program again as the executor. At the end the program prints
//! times and counts. With `--work` each task is a script; otherwise each task ends at once.
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
    /// The master, like http://HOST:5050; default: a local cluster
    #[arg(long)]
    master: Option<String>,
    /// Number of tasks
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    tasks: u32,
    /// Number of tasks that run at a time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    workers: u32,
    /// Shell command of each task; default: the task ends at once
    #[arg(long, default_value = "")]
    work: String,
    /// How scheduler and executor connect to Mesos
    #[arg(long, value_enum, default_value_t)]
    backend: Backend,
    /// Shell command of another executor, for comparison
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
    // Agents set this variable for their executors.
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
