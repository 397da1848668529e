//! The command `mesos`: inspects and changes a Mesos cluster from a shell.
//!
//! `cli` has the global options, and `command` has one module for each group of commands. A command
//! receives its arguments and a [`Context`], which has the cluster and the output. `README.md`
//! describes the configuration and the exit codes.

#![forbid(unsafe_code)]

mod cli;
mod command;
mod config;
mod confirm;
mod context;
mod detach;
mod error;
mod output;
mod progress;
mod resolve;
mod signals;
mod state_dir;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use cli::Cli;
use context::Context;

#[tokio::main]
async fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    cli.global.color.write_global();
    if let Some(filter) = cli.global.log_filter() {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_env_filter(filter)
            .init();
    }
    let context = Context::new(&cli.global, |option| matches.value_source(option));
    match command::run(cli.command, &context).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
