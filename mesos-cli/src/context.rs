//! What a command receives beside its arguments.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use clap::parser::ValueSource;
use mesos::http::OperatorClient;
use mesos::operator::MasterClient;

use crate::cli::Global;
use crate::command::local;
use crate::config::{Cluster, Selection};
use crate::error::Error;
use crate::output::Output;

/// The longest time for opening a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// The cluster and the output of one run of the program.
pub(crate) struct Context {
    pub(crate) out: Output,
    pub(crate) selection: Selection,
    timeout: Duration,
    cluster: OnceCell<Cluster>,
    master: OnceCell<MasterClient>,
}

impl Context {
    /// `source` returns where the value of an option comes from.
    pub(crate) fn new(global: &Global, source: impl Fn(&str) -> Option<ValueSource>) -> Self {
        Self {
            out: Output::new(global.output, !global.no_headers),
            selection: Selection::new(global, source),
            timeout: global.timeout,
            cluster: OnceCell::new(),
            master: OnceCell::new(),
        }
    }

    /// The settings of the selected cluster, or of the cluster of `mesos local up`. Read when they are
    /// needed, so that `mesos config` and `mesos completions` work without a cluster.
    pub(crate) fn cluster(&self) -> Result<&Cluster, Error> {
        if let Some(cluster) = self.cluster.get() {
            return Ok(cluster);
        }
        let cluster = match self.selection.find()? {
            Some(cluster) => cluster,
            None => match local::running()? {
                Some(running) => running.cluster()?,
                None => return Err(no_master()),
            },
        };
        Ok(self.cluster.get_or_init(|| cluster))
    }

    /// The principal of the selected cluster's settings.
    pub(crate) fn principal(&self) -> Option<String> {
        let cluster = self.cluster().ok()?;
        cluster.settings.principal.clone()
    }

    /// A client of the leading master. It connects at the first call.
    pub(crate) fn master(&self) -> Result<&MasterClient, Error> {
        if let Some(master) = self.master.get() {
            return Ok(master);
        }
        let client: OperatorClient = self.cluster()?.client()?;
        let client = client
            .response_timeout(self.timeout)
            .connect_timeout(self.timeout.min(CONNECT));
        // A user at a terminal waits for the leader, but not for long.
        let master = MasterClient::from(Arc::new(client)).retry_for(self.timeout);
        Ok(self.master.get_or_init(|| master))
    }
}

fn no_master() -> Error {
    Error::usage("the address of the master is not known").hint(
        "use --master ADDRESS, set MESOS_MASTER, add a cluster with `mesos config set NAME --master \
         ADDRESS`, or start one on this machine with `mesos local up`",
    )
}
