//! The command line.

use clap::{Parser, ValueEnum};
use mesos::http::Master;
use mesos::v1::{CommandInfo, TaskInfo};
use tracing_subscriber::EnvFilter;

/// Runs a command as a task on Mesos and exits with its status.
#[derive(Debug, Parser)]
#[command(name = "run")]
pub(crate) struct Args {
    /// The master: `http://HOST:PORT[/PREFIX]`, several of them with commas (not
    /// with libmesos), `zk://HOST:PORT,…/PATH` or `file:///PATH`. Without it a
    /// local Mesos is started and stopped.
    #[arg(long, value_name = "URL", value_parser = address)]
    pub(crate) master: Option<String>,

    /// What to speak to Mesos with. libmesos is the one that
    /// MESOS_NATIVE_LIBRARY names, else the released one is downloaded.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) backend: BackendName,

    /// Cores that the task gets.
    #[arg(long, default_value_t = 0.1)]
    cpus: f64,

    /// Memory that the task gets, in MB.
    #[arg(long, default_value_t = 32.0)]
    mem: f64,

    /// Log what the driver does; the variable RUST_LOG selects.
    #[arg(long)]
    pub(crate) log: bool,

    /// One word is a shell command; more are a program and its arguments.
    #[arg(required = true, trailing_var_arg = true)]
    command: Vec<String>,
}

/// The backends that there are.
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

/// The text of an address that parses. What libmesos takes of them is fewer,
/// and it says so itself.
fn address(text: &str) -> Result<String, mesos::http::AddressError> {
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

/// What `--log` shows unless RUST_LOG says otherwise.
pub(crate) fn log_filter() -> EnvFilter {
    EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("mesos_core=trace,mesos_http=trace,mesos_native=trace"))
}
