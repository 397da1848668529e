//! `mesos task`: tasks, their files, and commands in their containers.

mod cp;
mod detach;
mod exec;
mod files;
mod find;
mod inspect;
mod list;
mod logs;
mod tail;
mod terminal;

use clap::Subcommand;

pub(crate) use self::find::{started, state};
pub(crate) use self::logs::merged;
pub(crate) use self::tail::{last_lines, reader};
use crate::context::Context;
use crate::error::Error;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the tasks
    List(list::Args),
    /// Show a task
    Inspect(Task),
    /// Print the output of tasks
    Logs(logs::Args),
    /// List files in the sandbox of a task
    Ls(files::Ls),
    /// Print a file from the sandbox of a task
    Cat(files::Cat),
    /// Copy a file or a folder from the sandbox of a task
    Cp(cp::Args),
    /// Run a command in the container of a task
    Exec(exec::Exec),
    /// Attach to the container of a task, which must have a terminal
    Attach(exec::Attach),
}

/// A task on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Task {
    /// The task: its id, a unique beginning of the id, or its name
    task: String,
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(&args, context).await,
        Command::Inspect(args) => inspect::run(&args.task, context).await,
        Command::Logs(args) => logs::run(&args, context).await,
        Command::Ls(args) => files::ls(&args, context).await,
        Command::Cat(args) => files::cat(&args, context).await,
        Command::Cp(args) => cp::run(&args, context).await,
        Command::Exec(args) => exec::exec(&args, context).await,
        Command::Attach(args) => exec::attach(&args, context).await,
    }
}
