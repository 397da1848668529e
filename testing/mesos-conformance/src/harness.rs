//! How a case starts a driver, and the settings of its backend.

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

/// The settings of a backend that a case may change. A backend that does not support one of them
/// should panic.
#[derive(Clone)]
#[non_exhaustive]
pub struct Tuning {
    /// The encoding of messages.
    pub encoding: Encoding,
    /// The timeout of a response.
    pub response_timeout: Duration,
    /// The number of missed heartbeats after which the subscription counts as lost.
    pub missed_heartbeats: u32,
    /// The maximum size of an event, in bytes.
    pub max_record_size: u64,
    /// Principal and secret for authentication.
    pub credential: Option<(String, String)>,
    /// The PEM file of the certificate authority to trust at `https://`.
    pub authority: Option<PathBuf>,
}

/// Does not show the secret.
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

/// A backend in one encoding, as the cases see it: how to connect it, and its known failures.
#[derive(Clone)]
pub struct Harness {
    backend: &'static str,
    connect: Arc<Connect>,
    executors: Option<Arc<ConnectExecutor>>,
    known: Vec<Known>,
    direct: bool,
    missing: Vec<(Requirement, &'static str)>,
    pub(crate) tuning: Tuning,
}

/// A case that fails for a backend, with the reason. If the case passes, the run fails, so that the
/// list stays correct.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The id of the case.
    pub case: &'static str,
    /// The encoding, if the failure is limited to one.
    pub encoding: Option<Encoding>,
    /// The world, `fake` or `real`, if the failure is limited to one.
    pub world: Option<&'static str>,
    /// The first real release without the failure, by its first two numbers.
    pub before: Option<&'static str>,
    /// The reason.
    pub reason: &'static str,
}

impl Harness {
    /// Creates the harness of the backend called `backend`. `connect` creates a backend for the
    /// master at a URL.
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
            missing: Vec::new(),
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

    /// Sets how to create a backend for an executor with this environment. Without it, the cases
    /// about executors do not run.
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

    /// Adds known failures.
    #[must_use]
    pub fn known_failures(mut self, known: &'static [Known]) -> Self {
        self.known.extend_from_slice(known);
        self
    }

    /// Declares that the backend does not use HTTP: its cases run only on a real Mesos and without
    /// a proxy in between. The URLs are those of the cluster. Declare missing requirements with
    /// [`without`](Self::without).
    #[must_use]
    pub fn direct(mut self) -> Self {
        self.direct = true;
        self
    }

    /// Declares that the backend does not meet a requirement, for this reason. Cases with the
    /// requirement do not run.
    #[must_use]
    pub fn without(mut self, requirement: Requirement, reason: &'static str) -> Self {
        self.missing.push((requirement, reason));
        self
    }

    /// The reason why a case of this topic with these requirements does not run, if there is one.
    pub(super) fn skip_reason(
        &self,
        topic: &str,
        required: &[Requirement],
    ) -> Option<&'static str> {
        if self.executors.is_none() && topic.starts_with("executor") {
            return Some("the case is about executors, and this harness has none for the backend");
        }
        let mut missing = self.missing.iter();
        let found = missing.find(|(lacked, _)| required.contains(lacked));
        found.map(|(_, reason)| *reason)
    }

    pub(super) fn is_direct(&self) -> bool {
        self.direct
    }

    /// The name of the backend.
    pub fn backend(&self) -> &'static str {
        self.backend
    }

    /// The encoding of the messages.
    pub fn encoding(&self) -> Encoding {
        self.tuning.encoding
    }

    /// The reason why a case is a known failure, if it is one.
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
            None => panic!("this harness has no executors; call Harness::executors"),
        }
    }

    pub(crate) fn connect(&self, url: &str) -> Box<dyn Backend<SchedulerApi>> {
        (self.connect)(url, &self.tuning)
    }
}

#[cfg(test)]
impl Harness {
    /// A backend that never connects.
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
