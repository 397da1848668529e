//! The world of a case: a master in this process, or a real Mesos. The real one comes from outside
//! through two traits, so that this crate does not depend on it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use mesos_core::BoxError;
use mesos_proto::v1::{CommandInfo, master};

use crate::requirement::Requirement;

/// Where a case runs.
#[derive(Clone, Debug)]
pub enum World {
    /// On a [`FakeMaster`](mesos_testing::FakeMaster).
    Fake,
    /// On a real Mesos, behind a [`FakeMaster`](mesos_testing::FakeMaster) that acts as a recording
    /// proxy ([`in_front_of`](mesos_testing::Builder::in_front_of)). All events come from Mesos;
    /// the case controls only the faults of the network. A backend that does not use HTTP connects
    /// [directly](crate::Harness::direct).
    Real(Arc<dyn Clusters>),
}

impl World {
    /// `fake` or `real`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fake => "fake",
            Self::Real(_) => "real",
        }
    }

    /// Whether the release is older than this one, by the first two numbers.
    pub(super) fn is_before(&self, release: &str) -> bool {
        match self {
            Self::Fake => false,
            Self::Real(clusters) => older(clusters.version(), release),
        }
    }
}

/// Whether the release `version` is older than `other`, by the first two numbers.
fn older(version: &str, other: &str) -> bool {
    let minor = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
        (parts.next().flatten(), parts.next().flatten())
    };
    minor(version) < minor(other)
}

/// The kinds of real clusters that cases use. Each cluster has two agents with
/// `cpus:4;mem:2048;disk:4096;ports:[31000-32000]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ClusterKind {
    /// A cluster without special settings.
    Plain,
    /// Frameworks need the principal `me` with the secret `hush hush`, and may have the roles `a`
    /// and `b`.
    Authenticated,
    /// The same for frameworks over libmesos, which authenticate by CRAM-MD5.
    AuthenticatedDrivers,
    /// Master and agents use TLS; [`Cluster::authority`] is the certificate authority to trust.
    Tls,
}

/// A source of real clusters.
#[async_trait]
pub trait Clusters: Send + Sync + fmt::Debug {
    /// The release of Mesos.
    fn version(&self) -> &str;

    /// The reason why the clusters do not meet this requirement, if they do not. Cases with the
    /// requirement do not run.
    fn missing(&self, requirement: Requirement) -> Option<&'static str> {
        let _ = requirement;
        None
    }

    /// Returns a cluster for the caller alone, until the result is dropped. The cluster has no
    /// frameworks, but another case may have used it before.
    async fn cluster(&self, kind: ClusterKind) -> Result<Arc<dyn Cluster>, BoxError>;
}

/// A real Mesos.
#[async_trait]
pub trait Cluster: Send + Sync + fmt::Debug {
    /// The address of the master; the same after a restart.
    fn address(&self) -> SocketAddr;

    /// The URL of the master, for schedulers.
    fn url(&self) -> String;

    /// The certificate authority to trust, if the master uses TLS.
    fn authority(&self) -> Option<PathBuf>;

    /// The command of an executor that returns every MESSAGE with `echo:` before it, whose tasks
    /// run until they are killed, and that exits with status 3 when it receives `exit`.
    fn executor(&self) -> CommandInfo;

    /// Ends master and agents with SIGKILL.
    async fn kill(&self) -> Result<(), BoxError>;

    /// Restarts them after [`kill`](Self::kill), with their checkpoints.
    async fn restart(&self) -> Result<(), BoxError>;

    /// Deletes the checkpoints of all agents, between [`kill`](Self::kill) and
    /// [`restart`](Self::restart): the restarted cluster does not know any framework, agent or task.
    async fn forget(&self) -> Result<(), BoxError>;

    /// Pauses master and agents with SIGSTOP.
    async fn pause(&self) -> Result<(), BoxError>;

    /// Ends [`pause`](Self::pause).
    async fn resume(&self) -> Result<(), BoxError>;

    /// Sends a call of the operator API to the master.
    async fn operator(&self, call: master::Call) -> Result<master::Response, BoxError>;

    /// Marks the cluster as changed in a way that affects later cases: it is not used again.
    fn mark_dirty(&self);

    /// Saves the log of the cluster after a failed case, and returns its path. The cluster is not
    /// used again.
    fn save_log(&self) -> PathBuf;
}

#[cfg(test)]
mod tests {
    use super::older;

    #[test]
    fn releases_are_compared_by_number() {
        assert!(older("1.4.3", "1.5"));
        assert!(older("1.9.0", "1.10"));
        assert!(!older("1.10.0", "1.9"));
        assert!(!older("1.11.0", "1.11"));
        assert!(!older("2.0.0", "1.11"));
    }
}
