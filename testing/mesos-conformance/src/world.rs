//! What a case is played on: the master in this process, or a real Mesos. The
//! real one comes from outside, through two traits, so that this crate stays
//! free of it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use mesos_core::BoxError;
use mesos_proto::v1::{CommandInfo, master};

use crate::requirement::Requirement;

/// Where a case is played.
#[derive(Clone, Debug)]
pub enum World {
    /// On a [`FakeMaster`](mesos_testing::FakeMaster).
    Fake,
    /// On a real Mesos, with a [`FakeMaster`](mesos_testing::FakeMaster) that only
    /// passes on and writes down
    /// ([`in_front_of`](mesos_testing::FakeMaster::builder)) between it and the
    /// driver. What comes from Mesos there is Mesos' own; what a network may do
    /// to it is ours. A backend that does not speak HTTP is
    /// [led there](super::Harness::direct) without it.
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

    /// Whether it is a release before this one, by their first two numbers.
    pub(super) fn is_before(&self, release: &str) -> bool {
        match self {
            Self::Fake => false,
            Self::Real(clusters) => older(clusters.version(), release),
        }
    }
}

/// Whether the release `version` is before `other`, by their first two numbers.
fn older(version: &str, other: &str) -> bool {
    let minor = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
        (parts.next().flatten(), parts.next().flatten())
    };
    minor(version) < minor(other)
}

/// The kinds of real clusters that cases ask for. Each has two agents, which
/// have `cpus:4;mem:2048;disk:4096;ports:[31000-32000]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ClusterKind {
    /// Nothing special.
    Plain,
    /// Frameworks need the principal `me` with the secret `hush hush`, and may
    /// have the roles `a` and `b`.
    Authenticated,
    /// The same for frameworks over libmesos, which authenticate by CRAM-MD5.
    AuthenticatedDrivers,
    /// Master and agents speak TLS; [`Cluster::authority`] is whom to believe.
    Tls,
}

/// Where real clusters come from.
#[async_trait]
pub trait Clusters: Send + Sync + fmt::Debug {
    /// The release of Mesos.
    fn version(&self) -> &str;

    /// Why there are no clusters here that have this, if so: cases that need it are not
    /// asked.
    fn lacks(&self, requirement: Requirement) -> Option<&'static str> {
        let _ = requirement;
        None
    }

    /// A cluster that is all the caller's until it is dropped. There are no
    /// frameworks in it; it may have been another case's before.
    async fn cluster(&self, wanted: ClusterKind) -> Result<Arc<dyn Cluster>, BoxError>;
}

/// A real Mesos.
#[async_trait]
pub trait Cluster: Send + Sync + fmt::Debug {
    /// Where the master listens; it stays the same over a restart.
    fn address(&self) -> SocketAddr;

    /// The master's URL, as a scheduler has to be told.
    fn url(&self) -> String;

    /// Whom to believe if it speaks TLS.
    fn authority(&self) -> Option<PathBuf>;

    /// Starts an executor that sends back every MESSAGE, with `echo:` before
    /// it; whose tasks run until they are killed; and that ends with the status
    /// 3 when it is told `exit`.
    fn executor(&self) -> CommandInfo;

    /// Ends master and agents with SIGKILL.
    async fn kill(&self) -> Result<(), BoxError>;

    /// Starts them again after [`kill`](Self::kill), with what they had
    /// checkpointed.
    async fn restart(&self) -> Result<(), BoxError>;

    /// Stops master and agents with SIGSTOP.
    async fn pause(&self) -> Result<(), BoxError>;

    /// Ends [`pause`](Self::pause).
    async fn resume(&self) -> Result<(), BoxError>;

    /// Makes a call of the operator API to the master.
    async fn operator(&self, call: master::Call) -> Result<master::Response, BoxError>;

    /// Something was done that a next case would notice: nobody gets it again.
    fn mark_dirty(&self);

    /// The case has failed: nobody gets the cluster again, and its log is kept
    /// where this says.
    fn save_log(&self) -> PathBuf;
}

#[cfg(test)]
mod tests {
    use super::older;

    #[test]
    fn a_release_is_older_by_its_numbers_and_not_by_its_text() {
        assert!(older("1.4.3", "1.5"));
        assert!(older("1.9.0", "1.10"));
        assert!(!older("1.10.0", "1.9"));
        assert!(!older("1.11.0", "1.11"));
        assert!(!older("2.0.0", "1.11"));
    }
}
