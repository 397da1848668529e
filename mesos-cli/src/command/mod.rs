//! The commands: one module for each group, with its arguments and a function `run`.

mod agent;
mod completions;
mod config;
mod doctor;
mod events;
mod framework;
mod lint;
pub(crate) mod local;
mod maintenance;
mod man;
mod quota;
mod reservation;
mod role;
mod run;
mod service;
mod status;
mod stock;
mod task;
mod top;
mod volume;
mod weights;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Error;

/// A command of the program.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    // Inspecting and changing the cluster.
    /// Show the cluster on one screen
    Status,
    /// List, inspect, drain and remove agents
    #[command(subcommand)]
    Agent(agent::Command),
    /// List and inspect tasks, read their files, and run commands in their containers
    #[command(subcommand)]
    Task(task::Command),
    /// List, inspect and end frameworks
    #[command(subcommand)]
    Framework(framework::Command),
    /// List the roles
    #[command(subcommand)]
    Role(role::Command),
    /// Show and change the quotas of roles
    #[command(subcommand)]
    Quota(quota::Command),
    /// Show and change the weights of roles
    #[command(subcommand)]
    Weights(weights::Command),
    /// List, create and remove reservations
    #[command(subcommand)]
    Reservation(reservation::Command),
    /// List, create, resize and destroy persistent volumes
    #[command(subcommand)]
    Volume(volume::Command),
    /// Plan, start and stop the maintenance of machines
    #[command(subcommand)]
    Maintenance(maintenance::Command),
    /// Follow the events of the cluster
    Events(events::Args),
    /// Watch the cluster: agents, tasks, frameworks, roles and events, as they change
    Top(top::Args),
    /// Check the connection to the cluster, and say what to change
    Doctor,

    // Running tasks.
    /// Run a command as a task, or the jobs of a file
    Run(run::Args),
    /// Keep services running, and change them
    Service(service::Args),
    /// Run a real Mesos on this machine
    #[command(subcommand)]
    Local(local::Command),

    // Files.
    /// Find mistakes in the description of a task, an executor or a framework
    Lint(lint::Args),

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
        Command::Status => status::run(context).await,
        Command::Agent(command) => agent::run(command, context).await,
        Command::Task(command) => task::run(command, context).await,
        Command::Run(args) => run::run(&args, context).await,
        Command::Service(args) => service::run(args, context).await,
        Command::Local(command) => local::run(command, context).await,
        Command::Framework(command) => framework::run(command, context).await,
        Command::Role(command) => role::run(command, context).await,
        Command::Quota(command) => quota::run(command, context).await,
        Command::Weights(command) => weights::run(command, context).await,
        Command::Reservation(command) => reservation::run(command, context).await,
        Command::Volume(command) => volume::run(command, context).await,
        Command::Maintenance(command) => maintenance::run(command, context).await,
        Command::Events(args) => events::run(&args, context).await,
        Command::Top(args) => top::run(&args, context).await,
        Command::Doctor => doctor::run(context).await,
        Command::Lint(args) => lint::run(&args, context),
        Command::Config(command) => config::run(command, context),
        Command::Completions(args) => completions::run(&args, context),
        Command::Man(args) => man::run(&args),
    }
}
