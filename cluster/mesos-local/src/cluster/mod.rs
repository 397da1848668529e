//! [`LocalCluster`]: a real Mesos on this machine, and its control.
//!
//! `builder` collects the settings. `environment`, `resources` and `security` turn them into Mesos'
//! flags. `work_dir` makes the files. `link` is the connection to the supervisor process, which
//! starts, signals and ends all processes.

mod builder;
mod environment;
pub(crate) mod images;
mod link;
mod resources;
mod security;
mod work_dir;

use std::path::{Path, PathBuf};

use tokio::sync::{Mutex, watch};

use crate::error::{Error, ErrorKind};
use crate::wire::Action;
pub use builder::Builder;
use link::Link;

/// A real Mesos master with its agents, on one port of the loopback interface.
///
/// Master and agents are one process. A supervisor process starts it, and adopts every executor and
/// every task. No process of the cluster outlives this value. [`stop`](Self::stop) ends the
/// cluster with a grace period for the tasks. Dropping the value, or the end of this process for any
/// reason, ends the cluster at once with SIGKILL, including tasks that have detached themselves. A
/// guard process protects the supervisor: SIGKILL to either of the two ends everything too.
///
/// The methods take `&self`, so a cluster can be shared. Calls are executed one after another.
///
/// ```no_run
/// # async fn demo() -> Result<(), mesos_local::Error> {
/// use mesos_local::LocalCluster;
///
/// let cluster = LocalCluster::builder().agents(2).start().await?;
/// println!("the master is at {}", cluster.master_url());
/// cluster.stop().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LocalCluster {
    link: Mutex<Link>,
    exited: watch::Receiver<Option<String>>,
    scheme: &'static str,
    port: u16,
    agents: usize,
    work_dir: PathBuf,
}

impl LocalCluster {
    /// The settings of a new cluster.
    pub fn builder() -> Builder {
        Builder::default()
    }

    async fn start(
        mut link: Link,
        scheme: &'static str,
        agents: usize,
        work_dir: PathBuf,
    ) -> Result<Self, Error> {
        let port = link.request(Action::Start).await?;
        Ok(Self {
            exited: link.exited(),
            link: Mutex::new(link),
            scheme,
            port,
            agents,
            work_dir,
        })
    }

    /// The URL of the master for schedulers, a prefix for the paths of the API:
    /// `http://127.0.0.1:PORT/master`, or `https://…` with [TLS](Builder::tls).
    ///
    /// A daemon serves `/api/v1/…` too. This master serves the paths below `/master` only.
    pub fn master_url(&self) -> String {
        format!("{}://127.0.0.1:{}/master", self.scheme, self.port)
    }

    /// The URL of an agent, a prefix for the paths of the agent's API:
    /// `http://127.0.0.1:PORT/slave(NUMBER)`. Agents are counted from 1 to
    /// [`agents`](Self::agents).
    pub fn agent_url(&self, number: usize) -> String {
        format!("{}://127.0.0.1:{}/slave({number})", self.scheme, self.port)
    }

    /// The port of the master and of all agents. It stays the same over a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The number of agents.
    pub fn agents(&self) -> usize {
        self.agents
    }

    /// The directory of all files of this cluster. `cluster.log` is the log of Mesos, and
    /// `mesos/agents/N` (counted from 0) contains the sandboxes.
    pub fn work_dir(&self) -> &Path {
        &self.work_dir
    }

    /// Ends the process of master and agents with SIGKILL, like a crash of the daemons. Executors,
    /// tasks and the work directory stay. [`restart`](Self::restart) starts the cluster again. Does
    /// nothing if the cluster is down.
    ///
    /// # Errors
    /// [`ErrorKind::Supervisor`]: the supervisor process has ended, or could not do it.
    pub async fn kill(&self) -> Result<(), Error> {
        self.request(Action::Kill).await
    }

    /// Starts the cluster again on the same port with the same work directory, and returns when the
    /// master and all agents are ready. Kills the cluster first if it is up.
    ///
    /// Agents recover their checkpoints. The master starts with an empty registry, which is in memory.
    /// Agents and schedulers register again.
    ///
    /// # Errors
    /// [`ErrorKind::Start`], or [`ErrorKind::PortInUse`] if another process has bound the port.
    pub async fn restart(&self) -> Result<(), Error> {
        let mut link = self.link.lock().await;
        link.request(Action::Kill).await?;
        link.request(Action::Start).await?;
        Ok(())
    }

    /// Stops the process of master and agents with SIGSTOP: connections stay open, but no request is
    /// answered.
    ///
    /// # Errors
    /// [`ErrorKind::Supervisor`]; also if the cluster is down.
    pub async fn pause(&self) -> Result<(), Error> {
        self.request(Action::Pause).await
    }

    /// Ends a [`pause`](Self::pause).
    ///
    /// # Errors
    /// [`ErrorKind::Supervisor`]; also if the cluster is down.
    pub async fn resume(&self) -> Result<(), Error> {
        self.request(Action::Resume).await
    }

    /// Ends the cluster: tasks get SIGTERM and, after the [grace period](Builder::stop_grace),
    /// SIGKILL. Returns when all processes have ended.
    ///
    /// # Errors
    /// [`ErrorKind::Supervisor`].
    pub async fn stop(self) -> Result<(), Error> {
        let mut link = self.link.into_inner();
        link.request(Action::Stop).await?;
        Ok(())
    }

    /// Waits until the cluster ends unexpectedly, and returns the reason. Cancel safe.
    pub async fn exited(&self) -> Error {
        let mut exited = self.exited.clone();
        let message = match exited.wait_for(Option::is_some).await {
            Ok(message) => message.clone().unwrap_or_default(),
            Err(_) => "the supervisor process of the local cluster has ended".into(),
        };
        Error::new(ErrorKind::Exited, message)
    }

    async fn request(&self, action: Action) -> Result<(), Error> {
        self.link.lock().await.request(action).await.map(|_| ())
    }
}
