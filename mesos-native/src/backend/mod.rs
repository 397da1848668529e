//! The backend: a scheduler driver of libmesos' for each subscription.
//!
//! Nothing of the user's runs on a thread of libmesos': its callbacks are copied into a
//! queue, which the runtime in mesos-core reads. Acknowledgements are explicit ones, so
//! that an update is acknowledged after its handler, as over HTTP.

mod address;
mod call;
mod event;
mod executor;
mod presence;
mod queue;
mod subscription;
mod thread;
#[cfg(feature = "zookeeper")]
mod zookeeper;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mesos_core::backend::{Backend, SchedulerApi, Subscription};
use mesos_core::{Capabilities, Capability, Error, ErrorKind, Result};
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::{Credential, FrameworkInfo, scheduler::OfferConstraints};
use prost::Message as _;
use tokio::sync::oneshot;

use crate::library::Library;
use crate::preflight;
use crate::sys::{self, Feature, Scheduler, Settings};
use presence::Presence;
use queue::Queue;
use subscription::{Calls, Driver, Events, Inlet};
use thread::on_a_thread;

pub use executor::NativeExecutorBackend;

/// How many callbacks may wait for their handler before libmesos has to wait.
const QUEUE: usize = 128;

/// Runs schedulers over libmesos' `MesosSchedulerDriver`.
///
/// ```no_run
/// use mesos_core::{Framework, Scheduler, SchedulerDriver};
/// use mesos_native::{Library, NativeBackend};
///
/// # struct MyScheduler;
/// # #[async_trait::async_trait]
/// # impl Scheduler for MyScheduler {}
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let backend = NativeBackend::new(Library::find()?, "10.0.0.1:5050")?;
/// SchedulerDriver::run(MyScheduler, Framework::ephemeral("mine"), backend).await?;
/// # Ok(())
/// # }
/// ```
///
/// # What it cannot do
/// libmesos has no inverse offers, no operation feedback, no SHUTDOWN, and no KILL with a
/// kill policy or an agent: such calls fail with [`ErrorKind::Unsupported`] and
/// [`capabilities`](Backend::capabilities) says so beforehand. Single roles and
/// UPDATE_FRAMEWORK came with Mesos 1.9, offer constraints with 1.11.
///
/// A call that succeeded is *in line* in libmesos: what the master says to it is not
/// heard of ([`Capability::CallResults`]), and one that libmesos has not sent when the
/// master is lost is dropped there. What has to arrive is therefore told by events, and
/// comes again: updates until they are acknowledged, reconciliation by
/// [`SchedulerDriver`](mesos_core::SchedulerDriver) until it is answered.
///
/// # Reconnecting
/// With `zk://` (feature `zookeeper`), libmesos finds the leader and registers again by
/// itself, for ever. The driver hears of it as a
/// [disconnect](mesos_core::Scheduler::disconnected) and a new subscription. What is in
/// ZooKeeper is looked at before each subscription of the driver's own, because libmesos
/// would end the process over nodes that may not be read or are no master's. With a fixed address libmesos would not notice that a master has gone: a
/// connection of this backend's own does, and ends the subscription, so that the driver
/// subscribes again as it does over HTTP. (Not with TLS, where libmesos is left alone.)
/// The master at a fixed address has to be the leader.
///
/// # Network
/// The master connects back to this process: it must be able to reach the address in
/// `LIBPROCESS_IP` (or `LIBPROCESS_ADVERTISE_IP`), and the port in `LIBPROCESS_PORT`.
/// Without them libmesos takes what the machine's own name resolves to, and any port.
/// These and all other settings in the environment are read once in a process.
///
/// # Processes
/// A driver belongs to the process that made it; in a forked child its calls fail.
///
/// # Leaving
/// A driver that is stopped for failover, or aborted, deactivates its framework. The
/// master starts to count the failover timeout only when the *process* has gone, because
/// one connection serves all of a process.
#[derive(Clone)]
pub struct NativeBackend {
    library: Library,
    master: String,
    credential: Option<Credential>,
    queue: usize,
}

impl NativeBackend {
    /// For the master at `master`: `host:port`, `zk://[user:password@]host:port,…/path`
    /// (feature `zookeeper`),
    /// `file:///path` of a file with one of these, or `http://host:port[/master]` for the
    /// convenience of those who have an address of the HTTP API.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: none of these.
    pub fn new(library: Library, master: &str) -> Result<Self> {
        Ok(Self {
            library,
            master: address::checked(master)?,
            credential: None,
            queue: QUEUE,
        })
    }

    /// Authenticates with CRAM-MD5, which is what Mesos' masters ask of drivers
    /// (`--authenticate_frameworks`). The principal has to be that of the framework.
    #[must_use]
    pub fn credential(mut self, principal: impl Into<String>, secret: impl Into<String>) -> Self {
        self.credential = Some(Credential {
            principal: principal.into(),
            secret: Some(secret.into()),
        });
        self
    }

    /// How many callbacks may wait for their handler before libmesos has to wait; 128
    /// unless set, at least 1. One callback brings all offers that one message of the
    /// master's has.
    #[must_use]
    pub fn queue(mut self, callbacks: usize) -> Self {
        self.queue = callbacks;
        self
    }

    fn has(&self, feature: Feature) -> bool {
        self.library.loaded().has(feature)
    }

    /// Makes and starts a driver. Blocks for some milliseconds, at the first time in a
    /// process for some more.
    fn start(
        &self,
        master: &str,
        framework: &FrameworkInfo,
        suppressed_roles: &[String],
    ) -> Result<Started> {
        let inlet = Arc::new(Inlet::new(Queue::new(self.queue)));
        let handler = Arc::clone(&inlet);
        let credential = self.credential.as_ref().map(|one| one.encode_to_vec());
        let settings = Settings {
            framework: &framework.encode_to_vec(),
            master,
            credential: credential.as_deref(),
            suppressed_roles,
            implicit_acknowledgements: false,
        };
        let scheduler = Scheduler::new(self.library.loaded(), &settings, move |event| {
            handler.take(event);
        });
        let scheduler = scheduler.map_err(|text| self.refused(&text))?;
        let status = scheduler.start().map_err(|text| self.refused(&text))?;
        if status != sys::MESOS_SHIM_RUNNING {
            // The reason has been called back before `start` returned.
            let reason = inlet.failure();
            let text = reason.unwrap_or_else(|| format!("driver status {status}"));
            return Err(self.refused(&text));
        }
        let driver = Arc::new(Driver::new(scheduler));
        Ok(Started { driver, inlet })
    }

    fn refused(&self, text: &str) -> Error {
        Error::new(
            ErrorKind::Config,
            format!(
                "libmesos did not start a driver for {}: {text}",
                self.shown()
            ),
        )
    }

    /// The address without a password.
    fn shown(&self) -> String {
        address::without_password(&self.master)
    }
}

/// A driver that runs, and where its callbacks arrive.
struct Started {
    driver: Arc<Driver>,
    inlet: Arc<Inlet>,
}

#[async_trait]
impl Backend<SchedulerApi> for NativeBackend {
    fn name(&self) -> &'static str {
        "native"
    }

    fn capabilities(&self) -> Capabilities {
        let features = [
            (Feature::SingleRoles, Capability::PerRoleSuppression),
            (Feature::UpdateFramework, Capability::UpdateFramework),
            (Feature::OfferConstraints, Capability::OfferConstraints),
        ];
        let there = features
            .into_iter()
            .filter(|(feature, _)| self.has(*feature));
        there.map(|(_, capability)| capability).collect()
    }

    /// Makes a driver of libmesos' and starts it. It registers, and finds the leader, in
    /// its own time: until then there is no event.
    ///
    /// Dropping the future ends the driver.
    async fn subscribe(&self, call: Call) -> Result<Subscription<SchedulerApi>> {
        let Some(subscribe) = call.subscribe else {
            let text = "the call to subscribe with is no SUBSCRIBE";
            return Err(Error::new(ErrorKind::Config, text));
        };
        call::no_role_twice(&subscribe.suppressed_roles)?;
        self.require(
            &subscribe.suppressed_roles,
            subscribe.offer_constraints.as_ref(),
        )?;
        preflight::check().map_err(|error| {
            Error::new(ErrorKind::Config, "libmesos would end this process").with_source(error)
        })?;

        let master = address::resolved(&self.master)?;
        #[cfg(feature = "zookeeper")]
        if master.starts_with("zk://") {
            zookeeper::check(&master).await?;
        }
        let presence = Presence::of(&master).await?;
        let known = subscribe.framework_info.id.clone();
        let backend = self.clone();
        let info = subscribe.framework_info.clone();
        // A driver cannot be made with constraints, and must not be offered what they exclude
        // before it has them: until then it is offered nothing.
        let roles = match subscribe.offer_constraints {
            Some(_) if info.roles.is_empty() => vec![info.role().to_owned()],
            Some(_) => info.roles.clone(),
            None => subscribe.suppressed_roles.clone(),
        };
        let (sender, started) = oneshot::channel();
        let work = move || {
            // Nobody waits any more: the driver ends here, on this thread.
            let _ = sender.send(backend.start(&master, &info, &roles));
        };
        on_a_thread(work).map_err(|error| {
            Error::new(ErrorKind::Backend, "no thread can be started").with_source(error)
        })?;
        let started = started.await.map_err(|_| {
            Error::new(
                ErrorKind::Backend,
                "the thread that starts a driver has panicked",
            )
        })??;

        let Started { driver, inlet } = started;
        let capabilities = Backend::<SchedulerApi>::capabilities(self);
        let calls = Calls::new(Arc::clone(&driver), Arc::clone(&inlet), capabilities);
        Ok(Subscription {
            events: Box::new(Events::new(driver, inlet, presence, known, subscribe)),
            calls: Arc::new(calls),
            peer: self.shown(),
        })
    }
}

impl NativeBackend {
    /// Whether a SUBSCRIBE can say all that it has to.
    fn require(&self, roles: &[String], constraints: Option<&OfferConstraints>) -> Result<()> {
        let missing = if !roles.is_empty() && !self.has(Feature::SingleRoles) {
            "suppressed roles in SUBSCRIBE, which came with Mesos 1.9"
        } else if constraints.is_some() && !self.has(Feature::OfferConstraints) {
            "offer constraints, which came with Mesos 1.11"
        } else {
            return Ok(());
        };
        let release = self.library.version().unwrap_or("of an unknown release");
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("libmesos {release} has no {missing}"),
        ))
    }
}

impl fmt::Debug for NativeBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let principal = self.credential.as_ref().map(|one| &one.principal);
        f.debug_struct("NativeBackend")
            .field("library", &self.library.path())
            .field("master", &self.shown())
            .field("principal", &principal)
            .finish_non_exhaustive()
    }
}
