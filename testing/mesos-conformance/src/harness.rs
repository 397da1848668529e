//! How a case starts a driver, and what its backend is told.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::backend::{Backend, ExecutorApi, SchedulerApi};
use mesos_core::executor::ExecutorEnvironment;

use crate::requirement::Requirement;
use crate::world::World;
use mesos_testing::Encoding;

type Connect = dyn Fn(&str, &Tuning) -> Box<dyn Backend<SchedulerApi>> + Send + Sync;
type ConnectExecutor =
    dyn Fn(&ExecutorEnvironment, &Tuning) -> Box<dyn Backend<ExecutorApi>> + Send + Sync;

/// What a backend is told by a case. A backend that cannot follow one of them
/// says so by a panic.
#[derive(Clone)]
#[non_exhaustive]
pub struct Tuning {
    /// How messages are encoded.
    pub encoding: Encoding,
    /// How long an answer may take.
    pub response_timeout: Duration,
    /// After how many of the master's heartbeat intervals of silence the
    /// subscription counts as lost.
    pub missed_heartbeats: u32,
    /// The longest event that is taken, in bytes.
    pub max_record_size: u64,
    /// Principal and secret for HTTP basic authentication.
    pub credential: Option<(String, String)>,
    /// The PEM file of the authority to believe at `https://`.
    pub authority: Option<PathBuf>,
}

/// Without the secret.
impl fmt::Debug for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tuning")
            .field("encoding", &self.encoding)
            .field("response_timeout", &self.response_timeout)
            .field("missed_heartbeats", &self.missed_heartbeats)
            .field("max_record_size", &self.max_record_size)
            .field(
                "principal",
                &self.credential.as_ref().map(|(principal, _)| principal),
            )
            .field("authority", &self.authority)
            .finish()
    }
}

/// A backend, in one encoding, as the cases see it: a way to connect, and what
/// is known not to work.
#[derive(Clone)]
pub struct Harness {
    backend: &'static str,
    connect: Arc<Connect>,
    executors: Option<Arc<ConnectExecutor>>,
    known: Vec<Known>,
    direct: bool,
    lacking: Vec<(Requirement, &'static str)>,
    pub(crate) tuning: Tuning,
}

/// A case that a backend does not pass, and why that is so for now. One that
/// passes after all is a failure, so that the list stays true.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The case's id.
    pub case: &'static str,
    /// In this encoding only.
    pub encoding: Option<Encoding>,
    /// In this world only: `fake` or `real`.
    pub world: Option<&'static str>,
    /// On real releases before this one only, by the first two numbers.
    pub before: Option<&'static str>,
    /// Why, and what has to happen.
    pub reason: &'static str,
}

impl Harness {
    /// `connect` makes the backend called `backend`, for a master at a URL.
    pub fn new<B: Backend<SchedulerApi> + 'static>(
        backend: &'static str,
        encoding: Encoding,
        connect: impl Fn(&str, &Tuning) -> B + Send + Sync + 'static,
    ) -> Self {
        Self {
            backend,
            connect: Arc::new(move |url, tuning| Box::new(connect(url, tuning))),
            executors: None,
            known: Vec::new(),
            direct: false,
            lacking: Vec::new(),
            tuning: Tuning {
                encoding,
                response_timeout: Duration::from_secs(10),
                missed_heartbeats: 5,
                max_record_size: 1 << 20,
                credential: None,
                authority: None,
            },
        }
    }

    /// `connect` makes the same backend for an executor that has this
    /// environment. Without, the cases about executors are not asked.
    #[must_use]
    pub fn executors<B: Backend<ExecutorApi> + 'static>(
        mut self,
        connect: impl Fn(&ExecutorEnvironment, &Tuning) -> B + Send + Sync + 'static,
    ) -> Self {
        self.executors = Some(Arc::new(move |environment, tuning| {
            Box::new(connect(environment, tuning))
        }));
        self
    }

    /// With a list of what does not work, beside what there is of them.
    #[must_use]
    pub fn known_failures(mut self, known: &'static [Known]) -> Self {
        self.known.extend_from_slice(known);
        self
    }

    /// The backend does not speak HTTP: it is never asked on a fake master, and
    /// on a real one with nothing in between. Its URLs are the cluster's own;
    /// what needs something in between it [lacks](Self::lacking).
    #[must_use]
    pub fn direct(mut self) -> Self {
        self.direct = true;
        self
    }

    /// The backend lacks something, for this reason: cases that need it are not
    /// asked.
    #[must_use]
    pub fn lacking(mut self, requirement: Requirement, reason: &'static str) -> Self {
        self.lacking.push((requirement, reason));
        self
    }

    /// Why a case of this topic that needs `required` cannot be asked, if so.
    pub(super) fn skip_reason(
        &self,
        topic: &str,
        required: &[Requirement],
    ) -> Option<&'static str> {
        if self.executors.is_none() && topic.starts_with("executor") {
            return Some("it is about executors, and this backend has schedulers only here");
        }
        let mut lacking = self.lacking.iter();
        let found = lacking.find(|(lacked, _)| required.contains(lacked));
        found.map(|(_, reason)| *reason)
    }

    pub(super) fn is_direct(&self) -> bool {
        self.direct
    }

    /// The backend's name.
    pub fn backend(&self) -> &'static str {
        self.backend
    }

    /// The encoding of its messages.
    pub fn encoding(&self) -> Encoding {
        self.tuning.encoding
    }

    /// Why a case is known to fail.
    pub(super) fn known(&self, case: &str, world: &World) -> Option<&'static str> {
        let is_meant = |known: &&Known| {
            known.case == case
                && known
                    .encoding
                    .is_none_or(|encoding| encoding == self.encoding())
                && known.world.is_none_or(|name| name == world.name())
                && known.before.is_none_or(|release| world.is_before(release))
        };
        self.known.iter().find(is_meant).map(|known| known.reason)
    }

    pub(crate) fn tuned(mut self, change: impl FnOnce(&mut Tuning)) -> Self {
        change(&mut self.tuning);
        self
    }

    pub(crate) fn connect_executor(
        &self,
        environment: &ExecutorEnvironment,
    ) -> Box<dyn Backend<ExecutorApi>> {
        match &self.executors {
            Some(connect) => connect(environment, &self.tuning),
            None => panic!("this harness connects no executors; see Harness::executors"),
        }
    }

    pub(crate) fn connect(&self, url: &str) -> Box<dyn Backend<SchedulerApi>> {
        (self.connect)(url, &self.tuning)
    }
}

#[cfg(test)]
impl Harness {
    /// A backend that nobody connects.
    pub(crate) fn unconnected(backend: &'static str) -> Self {
        fn never(_: &str, _: &Tuning) -> Box<dyn Backend<SchedulerApi>> {
            unreachable!("no case here connects")
        }
        Self::new(backend, Encoding::Json, never)
    }
}

impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Harness")
            .field("backend", &self.backend)
            .field("tuning", &self.tuning)
            .finish_non_exhaustive()
    }
}
