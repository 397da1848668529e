//! [`LocalCluster`]: a real Mesos on this machine, and what can be done to it.
//!
//! `builder` gathers the settings, `environment` and `security` turn them into Mesos' flags,
//! `work_dir` has the files, `libraries` those of them that are loaded with libmesos, `link` is the
//! connection to the supervisor process, which does all that is done to processes.

mod builder;
mod environment;
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

/// A real Mesos master with its agents, on a port of its own of the loopback interface.
///
/// Master and agents are one process, started by a supervisor process, which also adopts every
/// executor and every task. Nothing of it outlives this value: [`stop`](Self::stop) ends it with
/// a grace period for the tasks; dropping the value, or the end of this process in whatever way,
/// ends it at once, with SIGKILL and including tasks that detached themselves. The
/// supervisor has a guard of its own: SIGKILL to either of the two ends everything as well.
///
/// The methods take `&self`, so a cluster can be shared; they act one after another.
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
    /// The settings of a cluster that is to be started.
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

    /// The URL to give to a scheduler, a prefix for the paths of the API:
    /// `http://127.0.0.1:PORT/master`, or `https://…` if it has [TLS](Builder::tls).
    ///
    /// A daemon answers `/api/v1/…` too; this master answers the paths below `/master` only.
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

    /// The directory of all files of this cluster: `cluster.log` is what Mesos has to say,
    /// `mesos/agents/N` (counted from 0) has the sandboxes.
    pub fn work_dir(&self) -> &Path {
        &self.work_dir
    }

    /// Ends the process of master and agents with SIGKILL, as a crash of the machine's daemons
    /// would. Executors, tasks and the work directory stay; [`restart`](Self::restart) brings
    /// the cluster back. Does nothing to a cluster that is down.
    ///
    /// # Errors
    /// [`ErrorKind::Supervisor`], as for all that the supervisor is asked to do.
    pub async fn kill(&self) -> Result<(), Error> {
        self.request(Action::Kill).await
    }

    /// Starts the cluster again on the same port with the same work directory, killing it before
    /// if it is up, and returns when the master and all agents are there again.
    ///
    /// Agents recover what they checkpointed. The master remembers nothing (its registry is in
    /// memory), but agents and schedulers register again.
    ///
    /// # Errors
    /// [`ErrorKind::Start`], or [`ErrorKind::PortInUse`] if someone took the port meanwhile.
    pub async fn restart(&self) -> Result<(), Error> {
        let mut link = self.link.lock().await;
        link.request(Action::Kill).await?;
        link.request(Action::Start).await?;
        Ok(())
    }

    /// Stops the process of master and agents with SIGSTOP: connections stay open, and nothing
    /// is answered any more.
    ///
    /// # Errors
    /// [`ErrorKind::Supervisor`], also if the cluster is down.
    pub async fn pause(&self) -> Result<(), Error> {
        self.request(Action::Pause).await
    }

    /// Ends a [`pause`](Self::pause).
    ///
    /// # Errors
    /// [`ErrorKind::Supervisor`], also if the cluster is down.
    pub async fn resume(&self) -> Result<(), Error> {
        self.request(Action::Resume).await
    }

    /// Ends the cluster: tasks get SIGTERM and, after the [grace period](Builder::stop_grace),
    /// SIGKILL. Returns when no process is left.
    ///
    /// # Errors
    /// [`ErrorKind::Supervisor`].
    pub async fn stop(self) -> Result<(), Error> {
        let mut link = self.link.into_inner();
        link.request(Action::Stop).await?;
        Ok(())
    }

    /// Waits until the cluster ends without having been told to, and says how. Does not return
    /// before; may be dropped and called again at any time.
    pub async fn exited(&self) -> Error {
        let mut exited = self.exited.clone();
        let message = match exited.wait_for(Option::is_some).await {
            Ok(message) => message.clone().unwrap_or_default(),
            Err(_) => "the supervisor process of the local cluster is gone".into(),
        };
        Error::new(ErrorKind::Exited, message)
    }

    async fn request(&self, action: Action) -> Result<(), Error> {
        self.link.lock().await.request(action).await.map(|_| ())
    }
}
