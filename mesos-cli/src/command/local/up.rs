//! `mesos local up`.

use mesos_local::arguments::{Certificate, ClusterArguments};

use super::state::{Running, State};
use super::{describe, failed};
use crate::context::Context;
use crate::detach::{self, leave_session, report_ready};
use crate::error::Error;
use crate::output::note;
use crate::signals::Signals;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// Return when the cluster is up; `mesos local down` stops it
    #[arg(long, short)]
    detach: bool,
    /// This process was started by `--detach`.
    #[arg(long, hide = true, conflicts_with = "detach")]
    pub(super) detached: bool,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<(), Error> {
    if args.detach {
        let running = detach::start(None).await?;
        return describe::up(&running, true, context);
    }
    if args.detached {
        leave_session()?;
    }
    let mut state = State::lock()?;
    let mut signals = Signals::with_hangup()?;
    let mut running = Running {
        pid: std::process::id().cast_signed(),
        ..Running::default()
    };
    state.write(&running)?;
    // Its files exist as long as the cluster.
    let certificate = args.cluster.certificate().map_err(failed)?;
    let cluster = tokio::select! {
        cluster = args.cluster.builder(certificate.as_ref()).start() => cluster.map_err(failed)?,
        _ = signals.next() => {
            drop((state, certificate));
            // Nothing else interrupts a download. The supervisor notices the end of this process,
            // and ends what it has started.
            std::process::exit(130)
        }
    };
    let registration = tokio::select! {
        registration = args.cluster.register(&cluster, certificate.as_ref()) => {
            registration.map_err(failed)?
        }
        _ = signals.next() => return cluster.stop().await.map_err(failed),
    };
    running.zookeeper = registration
        .as_ref()
        .map(|known| known.address().to_owned());
    running.master = cluster.master_url();
    running.agents = (1..=cluster.agents())
        .map(|number| cluster.agent_url(number))
        .collect();
    running.work_dir = cluster.work_dir().to_owned();
    let authority = certificate.as_ref().map(Certificate::authority);
    running.authority = authority.map(ToOwned::to_owned);
    state.write(&running)?;
    if args.detached {
        report_ready(&running)?;
    } else {
        describe::up(&running, false, context)?;
    }
    tokio::select! {
        error = cluster.exited() => return Err(failed(error)),
        _ = signals.next() => {}
    }
    note("stopping …");
    // First, so that nothing finds a master that has ended.
    if let Some(registration) = registration {
        registration.remove().await;
    }
    cluster.stop().await.map_err(failed)
}
