//! `mesos agent`: the agents of the cluster.

mod change;
mod drain;
mod find;
mod inspect;
mod list;

use clap::Subcommand;

pub(crate) use self::find::{Known, find, known};
use crate::context::Context;
use crate::error::Error;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the agents
    #[command(visible_alias = "ls")]
    List,
    /// Show an agent with its resources and tasks
    Inspect(Agent),
    /// Stop the offers of an agent, end its tasks, and wait until the tasks have ended
    Drain(drain::Args),
    /// Stop the offers of an agent; its tasks continue
    Deactivate(Agent),
    /// Offer the resources of an agent again that was deactivated or drained
    Reactivate(Agent),
    /// Mark an agent as gone forever, with all its tasks
    Gone(change::Gone),
}

/// An agent on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Agent {
    /// The agent: its id, a unique part of the id (its beginning, or its end like S0), or its host
    /// name
    agent: String,
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::List => list::run(context).await,
        Command::Inspect(args) => inspect::run(&args.agent, context).await,
        Command::Drain(args) => drain::run(&args, context).await,
        Command::Deactivate(args) => change::deactivate(&args.agent, context).await,
        Command::Reactivate(args) => change::reactivate(&args.agent, context).await,
        Command::Gone(args) => change::gone(&args, context).await,
    }
}
