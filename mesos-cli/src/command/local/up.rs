//! `mesos local up`.

use std::path::PathBuf;

use mesos_local::{DEFAULT_VERSION, LocalCluster};

use super::detach::{self, report_ready};
use super::state::{Running, State};
use super::{describe, failed};
use crate::context::Context;
use crate::error::Error;
use crate::output::note;
use crate::signals::Signals;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The number of agents
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    agents: usize,
    /// The port on 127.0.0.1; 0 is any free port
    #[arg(long, default_value = "5050")]
    port: u16,
    /// The release of Mesos
    #[arg(long, value_name = "VERSION", default_value = DEFAULT_VERSION)]
    release: String,
    /// The directory for all files, which are kept; by default a temporary directory, which is
    /// removed at the end
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// What each agent offers, such as 'cpus:4;mem:2048;ports:[31000-32000]'
    #[arg(long)]
    resources: Option<String>,
    /// A variable for master and agents, such as MESOS_ROLES=dev; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Return when the cluster is up; `mesos local down` stops it
    #[arg(long, short)]
    detach: bool,
    /// This process was started by `--detach`.
    #[arg(long, hide = true, conflicts_with = "detach")]
    pub(super) detached: bool,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) async fn run(args: Args, context: &Context) -> Result<(), Error> {
    if args.detach {
        let running = detach::start().await?;
        return describe::up(&running, true, context);
    }
    if args.detached {
        detach::leave_session()?;
    }
    let mut state = State::lock()?;
    let mut signals = Signals::with_hangup()?;
    let mut running = Running {
        pid: std::process::id().cast_signed(),
        ..Running::default()
    };
    state.write(&running)?;
    let detached = args.detached;
    let cluster = tokio::select! {
        cluster = start(args) => cluster?,
        _ = signals.next() => {
            drop(state);
            // Nothing else interrupts a download. The supervisor notices the end of this process,
            // and ends what it has started.
            std::process::exit(130)
        }
    };
    running.master = cluster.master_url();
    running.agents = (1..=cluster.agents())
        .map(|number| cluster.agent_url(number))
        .collect();
    running.work_dir = cluster.work_dir().to_owned();
    state.write(&running)?;
    if detached {
        report_ready(&running)?;
    } else {
        describe::up(&running, false, context)?;
    }
    tokio::select! {
        error = cluster.exited() => return Err(failed(error)),
        _ = signals.next() => {}
    }
    note("stopping …");
    cluster.stop().await.map_err(failed)
}

async fn start(args: Args) -> Result<LocalCluster, Error> {
    let mut builder = LocalCluster::builder()
        .agents(args.agents)
        .port(args.port)
        .version(args.release);
    if let Some(directory) = args.work_dir {
        builder = builder.work_dir(directory);
    }
    if let Some(resources) = args.resources {
        builder = builder.resources(resources);
    }
    for (name, value) in args.env {
        builder = builder.env(name, value);
    }
    builder.start().await.map_err(failed)
}
