//! A real Mesos on this machine, from a shell: `mesos-local up`.
//!
//! With hidden subcommands, the program is the supervisor and the cluster process of the library's
//! [`LocalCluster`](mesos_local::LocalCluster).

#[cfg(target_os = "linux")]
mod cluster;
#[cfg(target_os = "linux")]
mod descendants;
#[cfg(target_os = "linux")]
mod groups;
mod guard;
#[cfg(target_os = "linux")]
mod log;
#[cfg(target_os = "linux")]
mod port;
mod provide;
#[cfg(target_os = "linux")]
mod resources;
mod supervise;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A real Apache Mesos on this machine, without installing anything.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a cluster until Ctrl-C or SIGTERM, which also end its tasks
    Up(up::Arguments),
    /// Download libmesos into the cache and print a path for MESOS_NATIVE_LIBRARY
    Fetch {
        /// The release of Mesos
        #[arg(long, default_value = mesos_local::DEFAULT_VERSION)]
        version: String,
    },
    /// Downloads a package for a program that uses the library.
    #[command(hide = true, subcommand)]
    Provide(provide::Package),
    /// The process that a LocalCluster starts and sends requests to.
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Supervise {
        /// The guard's process id. The guard must be the parent of this process.
        #[arg(long)]
        guard: Option<i32>,
    },
    /// The process that the supervisor starts.
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Cluster(cluster::Arguments),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Up(arguments) => up::run(arguments),
        Command::Fetch { version } => mesos_local::native_library_blocking(&version)
            .map(|path| println!("{}", path.display()))
            .map_err(|error| error.report()),
        Command::Provide(package) => provide::run(&package),
        #[cfg(target_os = "linux")]
        Command::Supervise { guard: None } => return guard::run(),
        #[cfg(target_os = "linux")]
        Command::Supervise { guard: Some(guard) } => return supervise::run(guard),
        #[cfg(target_os = "linux")]
        Command::Cluster(arguments) => return cluster::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("mesos-local: {message}");
            ExitCode::FAILURE
        }
    }
}
