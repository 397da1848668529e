//! The commands: one module for each group, with its arguments and a function `run`.

mod agent;
mod completions;
mod config;
mod local;
mod man;
mod run;
mod task;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Error;

/// A command of the program.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    // Inspecting and changing the cluster.
    /// List, inspect, drain and remove agents
    #[command(subcommand)]
    Agent(agent::Command),
    /// List and inspect tasks, read their files, and run commands in their containers
    #[command(subcommand)]
    Task(task::Command),

    // Running tasks.
    /// Run a command as a task
    Run(run::Args),
    /// Run a real Mesos on this machine
    #[command(subcommand)]
    Local(local::Command),

    // The program itself.
    /// Show and change the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Print the completions for a shell
    Completions(completions::Args),
    /// Write the manual pages
    Man(man::Args),
}

/// Runs a command.
pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::Agent(command) => agent::run(command, context).await,
        Command::Task(command) => task::run(command, context).await,
        Command::Run(args) => run::run(&args, context).await,
        Command::Local(command) => local::run(command, context).await,
        Command::Config(command) => config::run(command, context),
        Command::Completions(args) => completions::run(&args, context),
        Command::Man(args) => man::run(&args),
    }
}
