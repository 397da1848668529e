//! The Mesos that runs the tasks: the cluster of the configuration, or a local one.

use mesos::http::HttpBackend;
use mesos_local::LocalCluster;

use super::Args;
use crate::command::local;
use crate::config::Cluster;
use crate::context::Context;
use crate::error::Error;
use crate::output::note;

/// See the module.
#[derive(Debug)]
pub(super) enum Target {
    Cluster(Box<Cluster>),
    /// Started for the tasks, and stopped after them.
    Local(LocalCluster),
}

impl Target {
    /// The cluster of the configuration. Without a configuration, the cluster of `mesos local up`,
    /// or else a new one.
    pub(super) async fn find(args: &Args, context: &Context) -> Result<Self, Error> {
        if let Some(cluster) = context.selection.find()? {
            return Ok(Self::Cluster(Box::new(cluster)));
        }
        if let Some(running) = local::running()? {
            note(&format!("using the local Mesos at {}", running.master));
            return Ok(Self::Cluster(Box::new(running.cluster()?)));
        }
        if args.jobs.state.is_some() {
            let message = "--state needs a Mesos that runs longer than this command";
            return Err(Error::usage(message)
                .hint("set --master, or start a Mesos on this machine with `mesos local up`"));
        }
        note("starting a local Mesos (--master ADDRESS uses another Mesos)");
        let mut builder = LocalCluster::builder();
        if let Some(directory) = &args.work_dir {
            builder = builder.work_dir(directory);
        }
        let cluster = builder.start().await.map_err(local::failed)?;
        note(&format!("Mesos is running at {}", cluster.master_url()));
        Ok(Self::Local(cluster))
    }

    pub(super) fn backend(&self) -> Result<HttpBackend, Error> {
        match self {
            Self::Cluster(cluster) => cluster.backend(),
            Self::Local(cluster) => Cluster::new(&cluster.master_url(), "local").backend(),
        }
    }

    /// Whether the agents accept TLS connections only.
    pub(super) fn is_secure(&self) -> bool {
        match self {
            Self::Cluster(cluster) => cluster.is_secure(),
            Self::Local(_) => false,
        }
    }

    /// Stops what was started.
    pub(super) async fn stop(self) -> Result<(), Error> {
        match self {
            Self::Cluster(_) => Ok(()),
            Self::Local(cluster) => cluster.stop().await.map_err(local::failed),
        }
    }
}
