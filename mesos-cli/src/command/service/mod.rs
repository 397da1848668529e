//! `mesos service`: a scheduler that keeps services, and the commands that change them.
//!
//! `run` is the scheduler: a `Runner` of mesos-framework. `server` answers the other commands on a
//! socket in the directory of the scheduler (`directory`), as JSON over HTTP. `api` has the objects
//! that both sides use, and `client` is the other side. `lines` describes changes for people.

mod api;
mod change;
mod client;
mod directory;
mod end;
mod framework;
mod lines;
mod logs;
mod run;
mod server;
mod show;
mod streams;

use std::path::PathBuf;

use clap::Subcommand;

use self::client::Client;
use self::directory::Directory;
use crate::context::Context;
use crate::error::Error;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory of the scheduler, with its state and its socket; by default
    /// ~/.local/state/mesos/service
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "MESOS_SERVICE_STATE",
        hide_env_values = true
    )]
    state: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the scheduler, which keeps services until it ends
    Run(Box<run::Args>),
    /// Show the scheduler
    Status,
    /// List the services
    List,
    /// Show a service, its instances, and why an instance is not placed
    Inspect(Name),
    /// Change the number of instances of a service
    Scale(change::Scale),
    /// Add the services of a file, and change those that the scheduler keeps
    Update(change::Update),
    /// Pause the update of a service
    Pause(Name),
    /// Continue an update that is paused or has failed
    Resume(change::Waiting),
    /// Go back to the specification before the last update
    Rollback(change::Waiting),
    /// Replace all instances of a service, as in an update
    Restart(change::Waiting),
    /// Stop the instances of services, and remove the services
    Stop(end::Stop),
    /// Print the output of the instances of a service
    Logs(logs::Args),
    /// Stop all services, and end the scheduler
    Down(end::Down),
}

/// One service.
#[derive(Debug, clap::Args)]
pub(crate) struct Name {
    /// The name of the service, or a unique beginning of the name
    #[arg(value_name = "SERVICE")]
    service: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Error> {
    let directory = Directory::new(args.state)?;
    let command = match args.command {
        Command::Run(args) => return run::run(&args, &directory, context).await,
        command => command,
    };
    let client = Client::new(&directory);
    match command {
        Command::Run(_) => Ok(()),
        Command::Status => show::scheduler(&client, context).await,
        Command::List => show::list(&client, context).await,
        Command::Inspect(args) => show::inspect(&args, &client, context).await,
        Command::Scale(args) => change::scale(&args, &client, context).await,
        Command::Update(args) => change::update(&args, &client, context).await,
        Command::Pause(args) => change::pause(&args, &client, context).await,
        Command::Resume(args) => change::act(&args, "resume", &client, context).await,
        Command::Rollback(args) => change::act(&args, "rollback", &client, context).await,
        Command::Restart(args) => change::act(&args, "restart", &client, context).await,
        Command::Stop(args) => end::stop(&args, &client, context).await,
        Command::Logs(args) => logs::run(&args, &client, context).await,
        Command::Down(args) => end::down(&args, &client, context).await,
    }
}
