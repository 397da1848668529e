//! A real Mesos cluster inside this process. libmesos starts a master and its agents for a scheduler
//! driver whose master is `local` (Mesos's src/local/local.cpp). The caller supplies the settings,
//! the downloads and the process.
//!
//! # Settings
//! Master, agents and driver read their flags from the environment of the process, like the daemons.
//! Set all variables before the process starts. Run a cluster in a separate process, because libmesos
//! ends the process if it cannot use a setting.
//!
//! | variable | value for tests | reason |
//! |---|---|---|
//! | `LIBPROCESS_IP` | `127.0.0.1` | the address of master and agents, which share one port |
//! | `LIBPROCESS_PORT` | `0` | any free port, which [`Local::address`] returns |
//! | `MESOS_NUM_SLAVES` | `2` | number of agents; the default is 1, and 0 is allowed |
//! | `MESOS_WORK_DIR` | a directory | contains `master` and `agents/<i>/{work,run,fetch}`; do not set `MESOS_RUNTIME_DIR` and `MESOS_FETCHER_CACHE_DIR`, which are derived from it |
//! | `MESOS_LAUNCHER_DIR` | a directory | where agents find `mesos-containerizer`, `mesos-executor` and similar programs |
//! | `MESOS_REGISTRY` | `in_memory` | the default `replicated_log` needs libsvn and libapr |
//! | `MESOS_LAUNCHER` | `posix` | the Linux launcher needs cgroups, and supports one agent per machine |
//! | `MESOS_ISOLATION` | `posix/cpu,posix/mem` | as above |
//! | `MESOS_REGISTRATION_BACKOFF_FACTOR` | `10ms` | agents wait a random part of this time before they register; the default of 1 second is most of the startup time |
//! | `MESOS_RESOURCES` | as needed | by default each agent offers the whole machine |
//! | `MESOS_APPC_STORE_DIR`, `MESOS_DOCKER_STORE_DIR` | inside the work directory | all clusters of a machine share the defaults |
//! | `MESOS_LOGGING_LEVEL` | `INFO` to `ERROR` | `MESOS_QUIET` would hide the reason why libmesos ended the process |
//!
//! With these settings, a cluster of two agents is ready about 50 ms after libmesos is loaded.

use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use mesos_proto::v1::{Credential, FrameworkInfo, MasterInfo, Offer};
use prost::Message as _;

use crate::error::{LibraryError, LibraryErrorKind, Result};
use crate::library::Library;
use crate::preflight;
use crate::sys::{self, Event, Scheduler, Settings};

/// A running cluster. Dropping it shuts down master and agents, and blocks until they have ended,
/// for some tens of milliseconds.
///
/// Tasks are not killed directly. Their executors notice that the agent has ended, and end.
pub struct Local {
    // Declared before `_claim`: the cluster must have ended before another one may start.
    _driver: Scheduler,
    _claim: Claim,
    address: SocketAddr,
    agents: Vec<String>,
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("address", &self.address)
            .field("agents", &self.agents)
            .finish_non_exhaustive()
    }
}

impl Local {
    /// Starts a cluster with the settings in the environment. Returns when the master is elected and
    /// all agents are registered. Blocks the thread.
    ///
    /// libmesos starts a cluster only for a framework. This function tears down its framework as soon
    /// as all agents have made offers, so the cluster is empty. The master lists the framework among
    /// the completed ones.
    ///
    /// ```no_run
    /// use mesos::native::{Library, local::Local};
    /// use std::time::Duration;
    ///
    /// let cluster = Local::start(&Library::find()?, Duration::from_secs(30))?;
    /// println!("http://{}/master", cluster.address());
    /// # Ok::<(), mesos::native::LibraryError>(())
    /// ```
    ///
    /// # Errors
    /// [`LibraryErrorKind::Refused`]: this process already runs a cluster, the port is in use,
    /// `MESOS_NUM_SLAVES` is not a number, or libmesos reports a setting that it cannot use. (For most
    /// such settings libmesos ends the process instead.)
    /// [`LibraryErrorKind::TimedOut`]: the cluster is not ready after `timeout`; the text contains the
    /// progress. A cluster never becomes ready if an agent has nothing to offer or the master
    /// authenticates frameworks; use [`start_with`](Self::start_with) for such a cluster.
    pub fn start(library: &Library, timeout: Duration) -> Result<Local, LibraryError> {
        Self::start_with(library, timeout, None, |_| None)
    }

    /// Like [`start`](Self::start), but agents need not make offers: a restarted agent may have all its
    /// resources in use, or another framework may receive the offers first. Once the master is
    /// elected, `registered` is called repeatedly with the master's address. It returns the number of
    /// registered agents, or `None` if the number is unknown. The framework authenticates with
    /// `credential`, for a master that requires authentication (needs libsasl2 with its mechanism
    /// CRAM-MD5).
    ///
    /// # Errors
    /// Those of [`start`](Self::start).
    pub fn start_with(
        library: &Library,
        timeout: Duration,
        credential: Option<&Credential>,
        mut registered: impl FnMut(SocketAddr) -> Option<usize>,
    ) -> Result<Local, LibraryError> {
        // `None` is later than an Instant can represent: no deadline.
        let deadline = Instant::now().checked_add(timeout);
        let agents = agents_wanted(env::var("MESOS_NUM_SLAVES").ok().as_deref())?;
        let claim = Claim::new()?;

        let framework = FrameworkInfo {
            name: "local cluster".to_owned(),
            principal: credential.map(|credential| credential.principal.clone()),
            ..FrameworkInfo::default()
        };
        let credential = credential.map(Credential::encode_to_vec);
        let (sender, events) = mpsc::channel();
        let handler = move |event| {
            // The receiver is gone once the cluster is ready. Later events do not matter.
            let _ = sender.send(event);
        };
        let driver = Scheduler::new(
            library.loaded(),
            &Settings {
                framework: &framework.encode_to_vec(),
                master: "local",
                credential: credential.as_deref(),
                implicit_acknowledgements: true,
                ..Settings::default()
            },
            handler,
        )
        .map_err(refused)?;
        let status = driver.start().map_err(refused)?;
        if status != sys::MESOS_SHIM_RUNNING {
            // libmesos called the error callback before `start` returned, maybe before `new` did.
            let reason = events.try_iter().find_map(|event| failure(&event));
            return Err(refused(
                reason.unwrap_or_else(|| format!("driver status {status}")),
            ));
        }

        let mut ready = Ready {
            wanted: agents,
            master: None,
            agents: BTreeSet::new(),
            registered: 0,
        };
        while !ready.complete() {
            if let Some(event) = next(&events, deadline, &ready)? {
                ready.update(&event)?;
            }
            if ready.master.is_some() && !ready.complete() {
                ready.registered = registered(ready.address()?).unwrap_or_default();
            }
        }
        let address = ready.address()?;
        driver.stop(false).map_err(refused)?;
        // So the master receives the TEARDOWN before any call from outside.
        driver.join().map_err(refused)?;
        let agents = ready.agents.into_iter().collect();
        Ok(Local {
            _driver: driver,
            _claim: claim,
            address,
            agents,
        })
    }

    /// The address of the master and all agents. Paths begin with `/master` and `/slave(1)`,
    /// `/slave(2)`, …. The short paths of the daemons (`/api/v1/scheduler`) do not exist here.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The ids of the agents.
    pub fn agents(&self) -> &[String] {
        &self.agents
    }
}

/// The interval between two calls of `registered` while no event arrives.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The right to run the only cluster of the process: libmesos ends a process that starts a second
/// one.
struct Claim;

static RUNNING: AtomicBool = AtomicBool::new(false);

impl Claim {
    fn new() -> Result<Claim> {
        if RUNNING.swap(true, Ordering::AcqRel) {
            return Err(refused(
                "this process already runs a local cluster; drop that cluster first, or start \
                 this one in another process",
            ));
        }
        let claim = Claim;
        preflight::check().map_err(refused)?;
        Ok(claim)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        RUNNING.store(false, Ordering::Release);
    }
}

/// The progress of a cluster that is starting.
struct Ready {
    wanted: usize,
    master: Option<MasterInfo>,
    /// The agents that have made an offer.
    agents: BTreeSet<String>,
    /// The last result of the caller's `registered` function.
    registered: usize,
}

impl Ready {
    fn complete(&self) -> bool {
        self.master.is_some() && self.seen() >= self.wanted
    }

    fn seen(&self) -> usize {
        self.registered.max(self.agents.len())
    }

    fn update(&mut self, event: &Event) -> Result<()> {
        match (event.kind, event.parts.as_slice()) {
            (sys::MESOS_SHIM_REGISTERED, [_, master]) => {
                self.master = Some(MasterInfo::decode(master.as_slice()).map_err(refused)?);
            }
            // A framework learns of an agent only by the agent's first offer. This framework keeps
            // its offers, so each agent makes one.
            (sys::MESOS_SHIM_RESOURCE_OFFERS, offers) => {
                for offer in offers {
                    let offer = Offer::decode(offer.as_slice()).map_err(refused)?;
                    self.agents.insert(offer.agent_id.value);
                }
            }
            _ => {
                if let Some(reason) = failure(event) {
                    return Err(refused(reason));
                }
            }
        }
        Ok(())
    }

    fn address(&self) -> Result<SocketAddr> {
        let address = self.master.as_ref().and_then(|master| {
            let address = master.address.as_ref()?;
            let ip = address.ip.as_deref()?.parse().ok()?;
            Some(SocketAddr::new(ip, u16::try_from(address.port).ok()?))
        });
        address.ok_or_else(|| refused("the master does not report its address"))
    }
}

/// The number of agents that libmesos starts for this value of `MESOS_NUM_SLAVES`.
fn agents_wanted(value: Option<&str>) -> Result<usize> {
    let Some(text) = value else { return Ok(1) };
    text.parse().map_err(|_| {
        refused(format_args!(
            "MESOS_NUM_SLAVES is {text:?}; it must be a number"
        ))
    })
}

/// The next event. `None` if no event arrives within the poll interval.
fn next(
    events: &Receiver<Event>,
    deadline: Option<Instant>,
    ready: &Ready,
) -> Result<Option<Event>> {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    match events.recv_timeout(left.map_or(POLL_INTERVAL, |left| left.min(POLL_INTERVAL))) {
        Ok(event) => Ok(Some(event)),
        Err(RecvTimeoutError::Timeout) if left.is_none_or(|left| !left.is_zero()) => Ok(None),
        Err(RecvTimeoutError::Timeout) => Err(LibraryError::new(
            LibraryErrorKind::TimedOut,
            format_args!(
                "the local cluster was not ready in time: its master has {}been elected, {} of \
                 {} agents have registered; its log on stderr may contain the reason",
                if ready.master.is_some() { "" } else { "not " },
                ready.seen(),
                ready.wanted,
            ),
        )),
        Err(RecvTimeoutError::Disconnected) => Err(refused("its driver has ended")),
    }
}

/// The text of an event after which no other event arrives.
fn failure(event: &Event) -> Option<String> {
    matches!(
        event.kind,
        sys::MESOS_SHIM_ERROR | sys::MESOS_SHIM_SHIM_FAILED
    )
    .then(|| {
        event
            .parts
            .iter()
            .map(|text| String::from_utf8_lossy(text))
            .collect()
    })
}

fn refused(reason: impl fmt::Display) -> LibraryError {
    LibraryError::new(
        LibraryErrorKind::Refused,
        format_args!("the local cluster did not start: {reason}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_agents_is_read_as_libmesos_reads_it() {
        assert_eq!(agents_wanted(None).ok(), Some(1));
        assert_eq!(agents_wanted(Some("0")).ok(), Some(0));
        assert_eq!(agents_wanted(Some("3")).ok(), Some(3));
    }

    #[test]
    fn an_invalid_number_of_agents_is_named_with_its_variable() {
        let error = agents_wanted(Some("banana")).expect_err("not a number");
        assert_eq!(
            error.to_string(),
            "the local cluster did not start: MESOS_NUM_SLAVES is \"banana\"; it must be a number"
        );
        assert_eq!(error.kind(), LibraryErrorKind::Refused);
    }

    #[test]
    fn a_cluster_is_ready_once_the_master_is_elected_and_all_agents_have_made_offers() {
        let offer = |agent: &str| Offer {
            agent_id: mesos_proto::v1::AgentId {
                value: agent.to_owned(),
            },
            ..Offer::default()
        };
        let offers = |agents: &[&str]| Event {
            kind: sys::MESOS_SHIM_RESOURCE_OFFERS,
            parts: agents
                .iter()
                .map(|agent| offer(agent).encode_to_vec())
                .collect(),
            value: 0,
        };
        let mut ready = Ready {
            wanted: 2,
            master: None,
            agents: BTreeSet::new(),
            registered: 0,
        };
        ready.update(&offers(&["a", "a"])).expect("offers");
        assert!(!ready.complete());
        ready.registered = 2;
        assert!(!ready.complete());
        ready
            .update(&Event {
                kind: sys::MESOS_SHIM_REGISTERED,
                parts: vec![Vec::new(), MasterInfo::default().encode_to_vec()],
                value: 0,
            })
            .expect("registered");
        assert!(ready.complete());
    }
}
