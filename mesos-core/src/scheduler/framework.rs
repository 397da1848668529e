//! The description of a framework, and the driver's settings for it.

use std::sync::Arc;
use std::time::Duration;

use mesos_proto::v1::framework_info::{Capability, capability};
use mesos_proto::v1::scheduler::OfferConstraints;
use mesos_proto::v1::{FrameworkId, FrameworkInfo};

use super::reconcile::ReconcilePolicy;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::BackoffPolicy;
use crate::scheduler::session::RemovedPolicy;
use crate::store::Store;
use crate::version::MesosVersion;

/// A framework's description and the driver's settings for it.
///
/// The constructors require one decision that should not be left to a default: what happens to
/// the tasks when this process ends. The default of Mesos kills them at once.
///
/// ```
/// use std::time::Duration;
/// use mesos::Framework;
///
/// let batch = Framework::ephemeral("nightly batch");
/// let service = Framework::with_failover_timeout("web shop", Duration::from_secs(7 * 24 * 3600))
///     .role("shop")
///     .principal("shop");
/// assert_eq!(service.info().failover_timeout, Some(604_800.0));
/// ```
#[derive(Clone, Debug)]
pub struct Framework {
    pub(crate) info: FrameworkInfo,
    pub(crate) suppressed_roles: Vec<String>,
    pub(crate) offer_constraints: Option<OfferConstraints>,
    pub(crate) backoff: BackoffPolicy,
    pub(crate) removed: RemovedPolicy,
    pub(crate) subscribe_timeout: Option<Duration>,
    pub(crate) skip_repeated_updates: bool,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) reconcile: Option<ReconcilePolicy>,
    pub(crate) required_mesos: Option<MesosVersion>,
}

/// The first release with offer constraints (MESOS-10161 in the CHANGELOG of Mesos).
pub(crate) const OFFER_CONSTRAINTS: MesosVersion = MesosVersion::new(1, 11, 0);

/// The capabilities of a current framework; see [`Framework::ephemeral`].
const CAPABILITIES: [capability::Type; 4] = [
    capability::Type::MultiRole,
    capability::Type::ReservationRefinement,
    capability::Type::PartitionAware,
    capability::Type::TaskKillingState,
];

impl Framework {
    /// A framework whose tasks are killed as soon as its scheduler is
    /// disconnected (`failover_timeout` 0).
    ///
    /// The user is the user of this process, and the role is `*`. The framework has the
    /// capabilities MULTI_ROLE, RESERVATION_REFINEMENT, PARTITION_AWARE and TASK_KILLING_STATE.
    pub fn ephemeral(name: impl Into<String>) -> Self {
        Self::with_failover_timeout(name, Duration::ZERO)
    }

    /// A framework whose tasks keep running for `failover_timeout` after its scheduler was
    /// disconnected. If no scheduler subscribes with the framework's id within this time, Mesos
    /// removes the framework and kills its tasks. Otherwise as [`ephemeral`](Self::ephemeral),
    /// with `checkpoint` on, so that the tasks also survive a restart of their agent.
    pub fn with_failover_timeout(name: impl Into<String>, failover_timeout: Duration) -> Self {
        let survives = !failover_timeout.is_zero();
        Self::from_info(FrameworkInfo {
            user: current_user(),
            name: name.into(),
            roles: vec!["*".to_owned()],
            failover_timeout: survives.then_some(failover_timeout.as_secs_f64()),
            checkpoint: survives.then_some(true),
            capabilities: CAPABILITIES.map(to_message).to_vec(),
            ..Default::default()
        })
    }

    /// A framework with exactly this description. If `info` has an `id`, the driver subscribes
    /// as that framework and takes over its tasks.
    pub fn from_info(info: FrameworkInfo) -> Self {
        Self {
            info,
            suppressed_roles: Vec::new(),
            offer_constraints: None,
            backoff: BackoffPolicy::default(),
            removed: RemovedPolicy::default(),
            subscribe_timeout: None,
            skip_repeated_updates: false,
            store: None,
            reconcile: None,
            required_mesos: None,
        }
    }

    /// The message that the driver sends.
    pub fn info(&self) -> &FrameworkInfo {
        &self.info
    }

    /// Subscribes with the id of an earlier run, to take over its tasks.
    #[must_use]
    pub fn id(mut self, id: impl Into<FrameworkId>) -> Self {
        self.info.id = Some(id.into());
        self
    }

    /// The user that tasks run as by default.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.info.user = user.into();
        self
    }

    /// Adds a role, and removes the default role `*`. Call it once for each role.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.info.roles.retain(|role| role != "*");
        self.info.roles.push(role.into());
        self
    }

    /// The principal, as in the credentials that the master accepts. Only needed if the backend
    /// does not know the principal of its credentials, as with a token: otherwise the driver fills
    /// in that principal, as a master does (`src/master/http.cpp`). A principal that differs from
    /// the one of the credentials ends the driver with
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) before it subscribes, because a master
    /// that authenticates frameworks would refuse it.
    #[must_use]
    pub fn principal(mut self, principal: impl Into<String>) -> Self {
        self.info.principal = Some(principal.into());
        self
    }

    /// The host name that the master shows for the scheduler. Without this setting the master
    /// shows no host name for a scheduler that is connected over HTTP.
    #[must_use]
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.info.hostname = Some(hostname.into());
        self
    }

    /// The URL of the framework's own status page.
    #[must_use]
    pub fn webui_url(mut self, url: impl Into<String>) -> Self {
        self.info.webui_url = Some(url.into());
        self
    }

    /// Whether tasks survive a restart of their agent.
    #[must_use]
    pub fn checkpoint(mut self, checkpoint: bool) -> Self {
        self.info.checkpoint = Some(checkpoint);
        self
    }

    /// Adds a capability, unless the framework has it already.
    #[must_use]
    pub fn capability(mut self, capability: capability::Type) -> Self {
        let message = to_message(capability);
        if !self.info.capabilities.contains(&message) {
            self.info.capabilities.push(message);
        }
        self
    }

    /// Roles that start without offers. [`suppress`](crate::SchedulerDriver::suppress) and
    /// [`revive`](crate::SchedulerDriver::revive) change these roles. The driver repeats the
    /// changed roles in every SUBSCRIBE, because a SUBSCRIBE replaces the state in the master
    /// (`src/master/master.cpp`).
    #[must_use]
    pub fn suppressed_roles(mut self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.suppressed_roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Constraints on the agents that may be offered (Mesos 1.11). Sent with every SUBSCRIBE.
    /// [`update_framework`](crate::SchedulerDriver::update_framework) replaces the constraints.
    #[must_use]
    pub fn offer_constraints(mut self, constraints: OfferConstraints) -> Self {
        self.offer_constraints = Some(constraints);
        self
    }

    /// Persists the framework's id, so that a restarted scheduler takes over its tasks. The
    /// driver loads the id before the first SUBSCRIBE. It saves a new id before it calls
    /// [`subscribed`](crate::Scheduler::subscribed) and before any call can be made.
    ///
    /// A store that fails ends the driver with [`ErrorKind::Store`](crate::ErrorKind::Store). An
    /// id given with [`id`](Self::id) that differs from the stored id ends the driver with
    /// [`ErrorKind::Config`](crate::ErrorKind::Config).
    #[must_use]
    pub fn store(mut self, store: impl Store + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Reconciles automatically (default: off). The driver tracks each task and operation that
    /// is not in a terminal state, from the calls that launch them and from updates. After each
    /// subscription it requests their states until each was answered. At intervals it requests
    /// the states of everything that the master knows, which finds tasks that this scheduler
    /// does not know.
    ///
    /// The answers arrive as [`update`](crate::Scheduler::update). The scheduler does not have
    /// to forward anything. A restarted scheduler passes its known tasks to
    /// [`reconcile_until_answered`](crate::SchedulerDriver::reconcile_until_answered).
    ///
    /// Costs the memory of two ids for each live task. If the result of an ACCEPT is unknown,
    /// the driver reconciles its tasks and operations without this setting, too.
    #[must_use]
    pub fn reconcile(mut self, policy: ReconcilePolicy) -> Self {
        self.reconcile = Some(policy);
        self
    }

    /// Requires a master of at least this release (default: any release).
    ///
    /// If the first master is older, the driver ends with
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before the handler `subscribed`
    /// runs, and tears a new framework down. After a first subscription, an older leading master
    /// counts as unavailable, and the driver retries. A master that does not report its release
    /// is accepted with a warning.
    #[must_use]
    pub fn require_mesos(mut self, version: MesosVersion) -> Self {
        self.required_mesos = Some(version);
        self
    }

    /// What to do when Mesos reports that the framework was removed (default:
    /// [`RemovedPolicy::Fail`]).
    #[must_use]
    pub fn on_removed(mut self, policy: RemovedPolicy) -> Self {
        self.removed = policy;
        self
    }

    /// Whether the driver acknowledges a repeated update of a task without calling the handler
    /// again. Default: false, so every repetition is delivered.
    ///
    /// Mesos repeats an update whose acknowledgement was lost. The driver recognizes the repetition
    /// by its uuid if the handler returned `Ok` and did not defer the acknowledgement. The driver
    /// remembers the last 10 000 updates of its life, in memory, so a scheduler must still accept
    /// repetitions after a restart.
    #[must_use]
    pub fn skip_repeated_updates(mut self, skip: bool) -> Self {
        self.skip_repeated_updates = skip;
        self
    }

    /// How long the first subscription may take. After this time the next failed attempt ends
    /// the driver with the error of that attempt. Default: 60 s for a new framework; no limit
    /// for a framework with an id, because an earlier process was subscribed with that id.
    /// `Duration::MAX` means no limit. After the first subscription the driver retries
    /// indefinitely.
    #[must_use]
    pub fn subscribe_timeout(mut self, timeout: Duration) -> Self {
        self.subscribe_timeout = Some(timeout);
        self
    }

    /// The waits between attempts to subscribe.
    #[must_use]
    pub fn backoff(mut self, policy: BackoffPolicy) -> Self {
        self.backoff = policy;
        self
    }

    /// Fills in the principal of the backend's credentials.
    ///
    /// # Errors
    /// The framework has another principal.
    pub(crate) fn authenticated_as(&mut self, authenticated: Option<&str>) -> Result<()> {
        match (&self.info.principal, authenticated) {
            (Some(own), Some(authenticated)) if own != authenticated => Err(Error::new(
                ErrorKind::Config,
                format!(
                    "the principal of the framework is {own:?}, but the principal of the \
                     credentials is {authenticated:?}; use the same principal in both, or leave \
                     out Framework::principal"
                ),
            )),
            (None, Some(authenticated)) => {
                self.info.principal = Some(authenticated.to_owned());
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn to_message(capability: capability::Type) -> Capability {
    Capability {
        r#type: Some(capability as i32),
    }
}

/// The name of the user that this process runs as. The libmesos driver uses the same default
/// (`src/sched/sched.cpp`).
fn current_user() -> String {
    #[cfg(unix)]
    if let Ok(Some(user)) = nix::unistd::User::from_uid(nix::unistd::geteuid()) {
        return user.name;
    }
    ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_role_replaces_the_default_role() {
        let framework = Framework::ephemeral("f").role("a").role("b/c");
        assert_eq!(framework.info().roles, ["a", "b/c"]);
        assert_eq!(Framework::ephemeral("f").info().roles, ["*"]);
    }

    #[test]
    fn a_capability_is_listed_once() {
        let once = Framework::ephemeral("f").capability(capability::Type::GpuResources);
        let twice = once.clone().capability(capability::Type::GpuResources);
        assert_eq!(once.info(), twice.info());
    }

    #[test]
    fn only_a_framework_with_a_failover_timeout_checkpoints() {
        let ephemeral = Framework::ephemeral("f");
        assert_eq!(ephemeral.info().failover_timeout, None);
        assert_eq!(ephemeral.info().checkpoint, None);
        let lasting = Framework::with_failover_timeout("f", Duration::from_millis(1500));
        assert_eq!(lasting.info().failover_timeout, Some(1.5));
        assert_eq!(lasting.info().checkpoint, Some(true));
    }
}
