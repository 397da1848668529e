//! `mesos top`: a live view of the cluster.
//!
//! `run` follows the cluster with `ClusterState` and owns everything that has effects. `model` makes
//! the rows of a snapshot, `app` is the state that keys change, `layout` divides the screen, and
//! `draw` draws; all of them are pure. `log` has the output of a task, and `screen` the terminal.

mod app;
mod draw;
mod keys;
mod layout;
mod log;
mod model;
mod run;
mod screen;
mod theme;

#[cfg(test)]
mod tests;

use std::io::IsTerminal as _;
use std::time::Duration;

use crate::context::Context;
use crate::error::Error;

const AFTER_HELP: &str = "\
Keys: ? shows all keys; q or Ctrl-C quits. A bar shows what is in use (█), offered (▒) and free (·).";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The interval between two requests for what Mesos does not report in events: the resources
    /// and states of agents. Each answer has all agents and frameworks
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = interval)]
    refresh: Duration,
}

fn interval(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(interval) if interval >= Duration::from_secs(1) => Ok(interval),
        Ok(_) => Err("the interval must be 1s or more".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Error> {
    let terminals = [
        ("stdin", std::io::stdin().is_terminal()),
        ("stdout", std::io::stdout().is_terminal()),
    ];
    for (name, is_terminal) in terminals {
        if !is_terminal {
            let message = format!("mesos top needs a terminal, but {name} is not a terminal");
            return Err(Error::usage(message).hint(
                "`mesos status`, `mesos task list` and `mesos events` write for other programs",
            ));
        }
    }
    run::run(args.refresh, context).await
}
