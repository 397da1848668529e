//! `mesos framework`: the frameworks of the cluster.

mod inspect;
mod list;
mod teardown;

use anstyle::Style;
use clap::Subcommand;
use mesos::v1::master::response::GetFrameworks;
use mesos::v1::master::response::get_frameworks::Framework;

use crate::context::Context;
use crate::error::Error;
use crate::output::{BAD, Cell, GOOD, WARN};
use crate::resolve::{Candidate, resolve};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the frameworks
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Show a framework with its roles, resources and tasks, also one that has ended
    Inspect(Argument),
    /// End a framework, and kill all its tasks and executors
    Teardown(teardown::Args),
}

/// A framework on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Argument {
    /// The framework: its id, a unique part of the id (its beginning, or its end like 0001), or its
    /// name
    framework: String,
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(&args, context).await,
        Command::Inspect(args) => inspect::run(&args.framework, context).await,
        Command::Teardown(args) => teardown::run(&args, context).await,
    }
}

/// The framework that `wanted` means, among those that have not ended.
pub(crate) fn find<'a>(
    wanted: &str,
    frameworks: &'a GetFrameworks,
) -> Result<&'a Framework, Error> {
    select(wanted, frameworks.frameworks.iter())
}

/// The framework that `wanted` means: one that has not ended, or else one that has ended.
fn find_any<'a>(wanted: &str, frameworks: &'a GetFrameworks) -> Result<&'a Framework, Error> {
    let ended = frameworks.completed_frameworks.iter();
    let all = frameworks.frameworks.iter().chain(ended);
    find(wanted, frameworks).or_else(|_| select(wanted, all))
}

fn select<'a>(
    wanted: &str,
    frameworks: impl Iterator<Item = &'a Framework>,
) -> Result<&'a Framework, Error> {
    let candidates = frameworks.map(|framework| Candidate {
        id: id(framework),
        name: &framework.framework_info.name,
        value: framework,
    });
    resolve("framework", wanted, candidates)
}

pub(crate) fn id(framework: &Framework) -> &str {
    let id = framework.framework_info.id.as_ref();
    id.map_or("", |id| &id.value)
}

fn has_ended(framework: &Framework) -> bool {
    let time = framework.unregistered_time.as_ref();
    time.is_some_and(|time| time.nanoseconds > 0)
}

/// The state in one word, with its style.
pub(crate) fn state(framework: &Framework) -> Cell {
    let (text, style): (_, Style) = if has_ended(framework) {
        ("ended", Style::new())
    } else if framework.recovered {
        ("not returned", WARN)
    } else if !framework.connected {
        ("disconnected", BAD)
    } else if !framework.active {
        ("inactive", WARN)
    } else {
        ("active", GOOD)
    };
    Cell::styled(text, style)
}

// The only field of a framework without MULTI_ROLE.
#[allow(deprecated)]
/// The roles of a framework. A framework without the capability MULTI_ROLE has one role.
pub(crate) fn roles(framework: &Framework) -> Vec<String> {
    let info = &framework.framework_info;
    if info.roles.is_empty() {
        vec![info.role.clone().unwrap_or_else(|| "*".to_owned())]
    } else {
        info.roles.clone()
    }
}
