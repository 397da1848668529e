//! The command line, except the arguments of the commands.

use std::time::Duration;

use anstream::ColorChoice;
use clap::{ArgAction, Args, Parser, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::command::Command;
use crate::output::Format;

/// Inspects and changes a Mesos cluster.
#[derive(Debug, Parser)]
#[command(
    name = "mesos",
    version,
    max_term_width = 100,
    after_help = AFTER_HELP
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

const AFTER_HELP: &str = "\
Exit codes: 0 success; 1 failure; 2 wrong usage or configuration; 3 not found or ambiguous; \
4 Mesos is not reachable; 5 not authorized.";

/// The options of every command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The master: HOST:PORT, a URL, a list of them with commas, zk://HOST:PORT,…/PATH or
    /// file:///PATH
    #[arg(
        long,
        global = true,
        value_name = "ADDRESS",
        env = "MESOS_MASTER",
        hide_env_values = true
    )]
    pub(crate) master: Option<String>,

    /// A cluster of the configuration file
    #[arg(long, global = true, value_name = "NAME", env = "MESOS_CLUSTER")]
    pub(crate) cluster: Option<String>,

    /// The format of the output
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t
    )]
    pub(crate) output: Format,

    /// Tables without their first line
    #[arg(long, global = true)]
    pub(crate) no_headers: bool,

    /// When the output has colors; the variable NO_COLOR also disables colors
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) color: Color,

    /// Time limit of an answer, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// Log the requests on stderr; -vv with details. RUST_LOG selects more
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl Global {
    /// What to log; `None` for nothing.
    pub(crate) fn log_filter(&self) -> Option<EnvFilter> {
        let level = match self.verbose {
            0 => return None,
            1 => "warn,mesos_http=debug,mesos_core=info",
            _ => "debug",
        };
        Some(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level)))
    }
}

/// When the output has colors.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Color {
    // On a terminal.
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// Decides for the streams of the whole process.
    pub(crate) fn write_global(self) {
        match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        }
        .write_global();
    }
}

/// A number of seconds above zero, with or without a fraction.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|limit| !limit.is_zero())
        .ok_or_else(|| "expected a number of seconds above 0".to_owned())
}
