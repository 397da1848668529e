//! `mesos local`: a real Mesos on this machine.
//!
//! `up` runs the cluster with the library mesos-local. `state` is the file by which `status`, `down`
//! and `mesos run` find the cluster.

mod describe;
mod state;
mod stop;
mod up;

use clap::Subcommand;

pub(crate) use self::state::running;
use crate::context::Context;
use crate::error::{Code, Error};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a cluster until Ctrl-C or `mesos local down`, which also end its tasks
    Up(Box<up::Args>),
    /// Stop the cluster and its tasks
    Down,
    /// Show the cluster
    Status,
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::Up(args) => up::run(*args, context).await,
        Command::Down => stop::run(context).await,
        Command::Status => describe::run(context).await,
    }
}

/// The error of a local cluster.
pub(crate) fn failed(error: mesos_local::Error) -> Error {
    use mesos_local::ErrorKind;
    let code = match error.kind() {
        ErrorKind::Config | ErrorKind::UnknownVersion | ErrorKind::PortInUse => Code::Usage,
        _ => Code::Failure,
    };
    Error::new(code, error.report())
}
