//! The backend for schedulers: a libmesos driver for each subscription.
//!
//! User code never runs on a thread of libmesos. Callbacks are copied into a queue, which the
//! runtime in mesos-core reads. Acknowledgements are explicit, so an update is acknowledged after
//! its handler, as over HTTP.

mod address;
mod call;
mod connection;
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
use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{Capabilities, Capability, Error, ErrorKind, Master, Result};
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::{Credential, FrameworkInfo, scheduler::OfferConstraints};
use prost::Message as _;
use tokio::sync::oneshot;
use zeroize::{Zeroize as _, Zeroizing};

use crate::advertised;
use crate::library::Library;
use crate::preflight;
use crate::sys::{self, Feature, Scheduler, Settings};
#[cfg(feature = "zookeeper")]
use address::Address;
use address::Target;
use presence::Presence;
use subscription::{Calls, Driver, Events, Inlet};

pub use executor::NativeExecutorBackend;

/// The default capacity of the event queue, in callbacks.
const EVENT_QUEUE: usize = 128;

/// Runs schedulers over libmesos's `MesosSchedulerDriver`.
///
/// ```no_run
/// use mesos::native::{Library, NativeBackend};
/// use mesos::{Framework, Scheduler, SchedulerDriver};
///
/// # struct MyScheduler;
/// # #[mesos::async_trait]
/// # impl Scheduler for MyScheduler {}
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let backend = NativeBackend::new(Library::find()?, "10.0.0.1:5050".parse()?)?;
/// SchedulerDriver::run(MyScheduler, Framework::ephemeral("mine"), backend).await?;
/// # Ok(())
/// # }
/// ```
///
/// [`for_executor`](Self::for_executor) makes the backend for an executor.
///
/// # Limitations
/// libmesos does not have inverse offers, operation feedback, SHUTDOWN, or kill policies. Such
/// calls fail with [`ErrorKind::Unsupported`], and [`capabilities`](Backend::capabilities) does not
/// include them. Per-role REVIVE and SUPPRESS and UPDATE_FRAMEWORK need Mesos 1.9, offer
/// constraints need Mesos 1.11.
///
/// A part of a call that is only a hint for the master is dropped: KILL ignores its agent id.
///
/// A call that succeeded is *queued* in libmesos. The master's answer to the call is not reported
/// ([`Capability::CallResults`]). If the master is lost before libmesos has sent the call, libmesos
/// drops it. Important results therefore arrive as events and are repeated: updates until they are
/// acknowledged, and reconciliation by [`SchedulerDriver`](mesos_core::SchedulerDriver) until it is
/// answered.
///
/// # Reconnecting
/// With a `zk://` address (feature `zookeeper`), libmesos finds the leader and reregisters by
/// itself, indefinitely. The driver reports this as a
/// [disconnect](mesos_core::Scheduler::disconnected) and a new subscription. Before each
/// subscription of the driver, this backend checks the data in ZooKeeper, because libmesos would
/// end the process for nodes that it cannot read or parse.
///
/// With a fixed address, which must be the leader's, libmesos does not notice that a master has
/// ended. This backend holds a second connection to the master. When that connection closes, or the
/// master's host has not responded for 30 to 45 seconds, the subscription ends and the driver
/// subscribes again, as over HTTP. With TLS there is no second connection.
///
/// # Network
/// The master connects back to this process, so it must reach the address in `LIBPROCESS_IP` (or
/// `LIBPROCESS_ADVERTISE_IP`) and the port in `LIBPROCESS_PORT`. Without these variables libmesos
/// uses the address of the machine's host name, and any free port. libmesos reads these and all
/// other environment variables once in a process.
///
/// # Processes
/// A driver belongs to the process that created it. In a forked child its calls fail.
///
/// # Failover
/// A driver that is stopped for failover or aborted deactivates its framework. The failover timeout
/// begins only when the *process* ends, because all drivers of a process share one connection.
#[derive(Clone)]
pub struct NativeBackend {
    library: Library,
    target: Target,
    credentials: Option<Credentials>,
    event_queue: usize,
}

/// The credentials for CRAM-MD5. The secret is overwritten when it is dropped.
#[derive(Clone)]
struct Credentials {
    principal: String,
    secret: Zeroizing<String>,
}

impl Credentials {
    /// The serialized `Credential`.
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut message = Credential {
            principal: self.principal.clone(),
            secret: Some(self.secret.as_str().to_owned()),
        };
        let bytes = Zeroizing::new(message.encode_to_vec());
        message.secret.zeroize();
        bytes
    }
}

impl NativeBackend {
    /// A backend for a scheduler. It sends and reads nothing before a subscription.
    ///
    /// libmesos accepts one master without a path other than `/master`, a `zk://` address (feature
    /// `zookeeper`), or a `file://` address of a file that contains one of these. An `https://`
    /// address requires TLS in libmesos (`LIBPROCESS_SSL_ENABLED=1`). The prefix and the session
    /// timeout of [`Master`] have no effect.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: libmesos cannot use the address, such as a list of masters.
    pub fn new(library: Library, master: Master) -> Result<Self> {
        Ok(Self {
            library,
            target: Target::new(master)?,
            credentials: None,
            event_queue: EVENT_QUEUE,
        })
    }

    /// A backend for an executor, from the environment that its agent has set.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: this libmesos does not contain an executor driver, such as the
    /// libmesos of the Python package. [`ErrorKind::Config`]: a value that libmesos needs is missing
    /// in `environment`, or differs from the value that libmesos would read.
    pub fn for_executor(
        library: Library,
        environment: &ExecutorEnvironment,
    ) -> Result<NativeExecutorBackend> {
        NativeExecutorBackend::new(library, environment)
    }

    /// Authenticates with CRAM-MD5, the mechanism that Mesos's masters require of drivers
    /// (`--authenticate_frameworks`). The principal must be the one in `FrameworkInfo`: the driver
    /// fills the principal in, or ends if `Framework::principal` differs.
    ///
    /// Dropping the backend overwrites its copy of the secret. libmesos keeps copies for as long as
    /// it needs them.
    #[must_use]
    pub fn credentials(mut self, principal: impl Into<String>, secret: impl Into<String>) -> Self {
        self.credentials = Some(Credentials {
            principal: principal.into(),
            secret: Zeroizing::new(secret.into()),
        });
        self
    }

    /// The number of callbacks that may wait for their handler before libmesos blocks (default:
    /// 128, at least 1). One callback delivers all offers of one message of the master.
    #[must_use]
    pub fn event_queue(mut self, callbacks: usize) -> Self {
        self.event_queue = callbacks;
        self
    }

    fn has(&self, feature: Feature) -> bool {
        self.library.loaded().has(feature)
    }

    /// Creates and starts a driver. Blocks for some milliseconds, and longer the first time in a
    /// process.
    fn start(
        &self,
        master: &str,
        framework: &FrameworkInfo,
        suppressed_roles: &[String],
    ) -> Result<Started> {
        let inlet = Arc::new(Inlet::new(self.event_queue));
        let handler = Arc::clone(&inlet);
        let credential = self.credentials.as_ref().map(Credentials::encode);
        let settings = Settings {
            framework: &framework.encode_to_vec(),
            master,
            credential: credential.as_ref().map(|bytes| bytes.as_slice()),
            suppressed_roles,
            implicit_acknowledgements: false,
        };
        let scheduler = Scheduler::new(self.library.loaded(), &settings, move |event| {
            handler.push(event);
        });
        let refused = |text: &str| refused(&self.target, master, text);
        let scheduler = scheduler.map_err(|text| refused(&text))?;
        let status = scheduler.start().map_err(|text| refused(&text))?;
        if status != sys::MESOS_SHIM_RUNNING {
            // libmesos called the error callback before `start` returned.
            let reason = inlet.queue().error_text();
            let text = reason.unwrap_or_else(|| format!("driver status {status}"));
            return Err(refused(&text));
        }
        let driver = Arc::new(Driver::new(scheduler));
        Ok(Started { driver, inlet })
    }

    /// Whether this libmesos can subscribe with these arguments.
    fn require(&self, roles: &[String], constraints: Option<&OfferConstraints>) -> Result<()> {
        let missing = if !roles.is_empty() && !self.has(Feature::SingleRoles) {
            "suppressed roles in SUBSCRIBE, which need Mesos 1.9"
        } else if constraints.is_some() && !self.has(Feature::OfferConstraints) {
            "offer constraints, which need Mesos 1.11"
        } else {
            return Ok(());
        };
        let release = self.library.version().unwrap_or("of an unknown release");
        Err(call::unsupported(format!(
            "libmesos {release} does not support {missing}"
        )))
    }
}

/// A running driver and the receiver of its callbacks.
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
        let available = features
            .into_iter()
            .filter(|(feature, _)| self.has(*feature));
        available.map(|(_, capability)| capability).collect()
    }

    fn principal(&self) -> Option<&str> {
        Some(&self.credentials.as_ref()?.principal)
    }

    /// Creates a libmesos driver and starts it. libmesos finds the leader and registers in the
    /// background; there are no events until then.
    ///
    /// Dropping the future ends the driver.
    async fn subscribe(&self, call: Call) -> Result<Subscription<SchedulerApi>> {
        let mut subscribe = subscribe_body(call.subscribe)?;
        subscribe.suppressed_roles = call::distinct(subscribe.suppressed_roles);
        self.require(
            &subscribe.suppressed_roles,
            subscribe.offer_constraints.as_ref(),
        )?;
        check_environment()?;

        let master = self.target.resolve()?;
        #[cfg(feature = "zookeeper")]
        if let Address::ZooKeeper(ensemble) = &master {
            zookeeper::check(ensemble).await?;
        }
        let presence = Presence::connect(&master).await?;
        if let Some(peer) = presence.peer() {
            advertised::warn_if_loopback(peer.ip());
        }
        // The address that accepted the connection: libmesos resolves a name again, which may fail,
        // and may result in another master.
        let master = match presence.peer() {
            Some(peer) => Zeroizing::new(peer.to_string()),
            None => master.for_libmesos(),
        };
        let known = subscribe.framework_info.id.clone();
        let backend = self.clone();
        let info = subscribe.framework_info.clone();
        // A driver cannot be created with offer constraints, and must not receive offers that they
        // exclude. So all roles are suppressed until the constraints are set.
        let roles = match subscribe.offer_constraints {
            Some(_) if info.roles.is_empty() => vec![info.role().to_owned()],
            Some(_) => call::distinct(info.roles.clone()),
            None => subscribe.suppressed_roles.clone(),
        };
        let (sender, started) = oneshot::channel();
        thread::spawn(move || {
            // If the receiver is gone, the driver ends here, on this thread.
            let _ = sender.send(backend.start(&master, &info, &roles));
        })?;
        let Started { driver, inlet } = started.await.map_err(|_| start_panicked())??;

        let capabilities = Backend::<SchedulerApi>::capabilities(self);
        let calls = Calls::new(Arc::clone(&driver), Arc::clone(&inlet), capabilities);
        Ok(Subscription::new(
            Events::new(driver, inlet, presence, known, subscribe),
            Arc::new(calls),
            self.target.to_string(),
        ))
    }
}

/// The error for a driver that did not start. `text` is from libmesos, which quotes `master`, the
/// address with its password.
fn refused(target: &Target, master: &str, text: &str) -> Error {
    let text = text.replace(master, &target.to_string());
    let text = format!("libmesos did not start a driver for {target}: {text}");
    Error::new(ErrorKind::Config, text)
}

/// The body of the call that a subscription begins with.
fn subscribe_body<T>(body: Option<T>) -> Result<T> {
    body.ok_or_else(|| {
        let text = "cannot subscribe with a call other than SUBSCRIBE";
        Error::new(ErrorKind::Config, text)
    })
}

/// Checks the settings that libmesos reads from the environment.
fn check_environment() -> Result<()> {
    preflight::check().map_err(|error| {
        let text = "libmesos would end this process because of its environment";
        Error::new(ErrorKind::Config, text).with_source(error)
    })
}

fn start_panicked() -> Error {
    let text = "the thread that starts a libmesos driver panicked";
    Error::new(ErrorKind::Backend, text)
}

impl fmt::Debug for NativeBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let principal = self.credentials.as_ref().map(|one| &one.principal);
        f.debug_struct("NativeBackend")
            .field("library", &self.library.path())
            .field("master", &format_args!("{}", self.target))
            .field("principal", &principal)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_text_of_libmesos_does_not_reveal_the_password() {
        let master: Master = "zk://user:s3cr3t@h:2181/m".parse().expect("an address");
        let target = Target::new(master).expect("usable");
        let address = target.resolve().expect("an address").for_libmesos();
        let text = format!("Failed to create a master detector for '{}'", *address);
        let error = refused(&target, &address, &text);
        let shown = format!("{error:#} {error:?} {error:#?}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
        assert!(shown.contains("detector for 'zk://h:2181/m'"), "{shown}");
    }

    #[test]
    fn the_secret_is_in_the_serialized_credential() {
        let credentials = Credentials {
            principal: "p".to_owned(),
            secret: Zeroizing::new("s3cr3t".to_owned()),
        };
        let message = Credential::decode(credentials.encode().as_slice()).expect("a credential");
        assert_eq!(message.principal, "p");
        assert_eq!(message.secret.as_deref(), Some("s3cr3t"));
    }
}
