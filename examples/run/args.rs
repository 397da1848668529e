//! The command line.

use clap::{Parser, ValueEnum};
use mesos::Master;
use mesos::v1::{CommandInfo, TaskInfo};
use tracing_subscriber::EnvFilter;

/// Runs a command as a task on Mesos and exits with its status.
#[derive(Debug, Parser)]
#[command(name = "run")]
pub(crate) struct Args {
    /// The master: `http://HOST:PORT[/PREFIX]`, a list of them with commas (HTTP only),
    /// `zk://HOST:PORT,…/PATH` or `file:///PATH`. Default: a local Mesos, started for the task.
    #[arg(long, value_name = "URL", value_parser = address)]
    pub(crate) master: Option<String>,

    /// How to connect to Mesos. `native` loads the libmesos that MESOS_NATIVE_LIBRARY names, or
    /// downloads the released one.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) backend: BackendName,

    /// Number of cores for the task.
    #[arg(long, default_value_t = 0.1)]
    cpus: f64,

    /// Memory for the task, in MB.
    #[arg(long, default_value_t = 32.0)]
    mem: f64,

    /// Log the actions of the driver; RUST_LOG selects the level.
    #[arg(long)]
    pub(crate) log: bool,

    /// A single word is a shell command; several words are a program and its arguments.
    #[arg(required = true, trailing_var_arg = true)]
    command: Vec<String>,
}

/// The backends.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum BackendName {
    /// The v1 HTTP API.
    #[default]
    Http,
    /// libmesos.
    Native,
}

impl BackendName {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Native => "native",
        }
    }
}

/// Checks the syntax of an address. libmesos accepts fewer forms, and reports the others itself.
fn address(text: &str) -> Result<String, mesos::AddressError> {
    text.parse::<Master>().map(|_| text.to_owned())
}

impl Args {
    /// The task to run.
    pub(crate) fn task(&self) -> TaskInfo {
        let command = match self.command.as_slice() {
            [line] => CommandInfo::sh(line),
            argv => CommandInfo::argv(argv),
        };
        TaskInfo::builder("run")
            .command(command)
            .cpus(self.cpus)
            .mem(self.mem)
            .build()
    }
}

/// The default filter of `--log`.
pub(crate) fn log_filter() -> EnvFilter {
    EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("mesos_core=trace,mesos_http=trace,mesos_native=trace"))
}
