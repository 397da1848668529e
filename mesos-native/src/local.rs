//! A real Mesos cluster inside this process: libmesos starts a master and its agents
//! for a scheduler driver whose master is `local` (Mesos' src/local/local.cpp).
//! Settings, downloads and the process around it are left to the caller.
//!
//! # Settings
//! Master, agents and driver read their flags from the environment of the process, as
//! the daemons do. It has to be complete before the process starts, and a process of
//! its own is the place for a cluster: settings that libmesos cannot use end it.
//!
//! | variable | for a cluster in tests | why |
//! |---|---|---|
//! | `LIBPROCESS_IP` | `127.0.0.1` | the address of master and agents; all share one port |
//! | `LIBPROCESS_PORT` | `0` | a free port, which [`Local::address`] tells |
//! | `MESOS_NUM_SLAVES` | `2` | agents; 1 when unset, 0 is allowed |
//! | `MESOS_WORK_DIR` | a directory | holds `master` and `agents/<i>/{work,run,fetch}`; do not set `MESOS_RUNTIME_DIR` and `MESOS_FETCHER_CACHE_DIR`, which follow from it |
//! | `MESOS_LAUNCHER_DIR` | a directory | where agents look for `mesos-containerizer`, `mesos-executor` and the like |
//! | `MESOS_REGISTRY` | `in_memory` | the default, `replicated_log`, needs libsvn and libapr |
//! | `MESOS_LAUNCHER` | `posix` | the Linux launcher needs cgroups, and takes one agent in a machine only |
//! | `MESOS_ISOLATION` | `posix/cpu,posix/mem` | as above |
//! | `MESOS_REGISTRATION_BACKOFF_FACTOR` | `10ms` | agents wait a random part of this (1 second by default) before they register: most of the time a start takes |
//! | `MESOS_RESOURCES` | as needed | by default every agent offers the whole machine |
//! | `MESOS_APPC_STORE_DIR`, `MESOS_DOCKER_STORE_DIR` | inside the work directory | the defaults are shared by all clusters of the machine |
//! | `MESOS_LOGGING_LEVEL` | `INFO` to `ERROR` | `MESOS_QUIET` would hide why libmesos ended the process |
//!
//! With these, a cluster of two agents is ready about 50 ms after libmesos is loaded.

use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use mesos_proto::v1::{Credential, FrameworkInfo, MasterInfo, Offer};
use prost::Message as _;

use crate::error::{Error, ErrorKind, Result};
use crate::library::Library;
use crate::preflight;
use crate::sys::{self, Event, Scheduler, Settings};

/// A running cluster. Dropping it shuts master and agents down and blocks until they
/// are gone, for some tens of milliseconds.
///
/// Tasks are not killed: their executors notice that the agent has gone, and end.
pub struct Local {
    // Declared before `_only`: the cluster has to be gone before another may start.
    _driver: Scheduler,
    _only: Only,
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
    /// Starts a cluster with the settings in the environment, and returns when the
    /// master is elected and all agents are registered with it. Blocks the thread.
    ///
    /// libmesos starts a cluster for a framework only. This one gives its own framework
    /// up as soon as the agents have been seen in offers, so the cluster is empty; the
    /// master shows the framework among the completed ones.
    ///
    /// ```no_run
    /// use mesos_native::{Library, local::Local};
    /// use std::time::Duration;
    ///
    /// let cluster = Local::start(&Library::find()?, Duration::from_secs(30))?;
    /// println!("http://{}/master", cluster.address());
    /// # Ok::<(), mesos_native::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Refused`]: a cluster runs in this process already, the port is in
    /// use, `MESOS_NUM_SLAVES` is not a number, or libmesos reports a setting that it
    /// cannot use. (For most such settings libmesos ends the process instead.)
    /// [`ErrorKind::TimedOut`]: not ready after `timeout`; the text says how far it got.
    /// With an agent that has nothing to offer, or a master that authenticates frameworks,
    /// it never gets ready (see [`start_with`](Self::start_with)).
    pub fn start(library: &Library, timeout: Duration) -> Result<Local> {
        Self::start_with(library, timeout, None, |_| None)
    }

    /// As [`start`](Self::start), but agents need not have anything to offer: they may come
    /// back with all that they have in use, or another framework may be faster. Once the
    /// master is elected, `registered` is asked again and again how many agents are
    /// registered with the master at an address; `None` if it cannot tell. The framework
    /// authenticates with `credential`, for a master that wants to know (libsasl2 has to be
    /// there, with its mechanism CRAM-MD5).
    ///
    /// # Errors
    /// Those of [`start`](Self::start).
    pub fn start_with(
        library: &Library,
        timeout: Duration,
        credential: Option<&Credential>,
        mut registered: impl FnMut(SocketAddr) -> Option<usize>,
    ) -> Result<Local> {
        // None is later than an Instant can say, so for ever.
        let deadline = Instant::now().checked_add(timeout);
        let agents = agents_wanted(env::var("MESOS_NUM_SLAVES").ok().as_deref())?;
        let only = Only::claim()?;

        let framework = FrameworkInfo {
            name: "local cluster".to_owned(),
            principal: credential.map(|credential| credential.principal.clone()),
            ..FrameworkInfo::default()
        };
        let credential = credential.map(Credential::encode_to_vec);
        let (sender, events) = mpsc::channel();
        let handler = move |event| {
            // Once the cluster is up nobody listens, and nothing more is expected.
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
            // The driver has told why before `start` returned, maybe before `new` did.
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
                ready.take(&event)?;
            }
            if ready.master.is_some() && !ready.complete() {
                ready.registered = registered(ready.address()?).unwrap_or_default();
            }
        }
        let address = ready.address()?;
        driver.stop(false).map_err(refused)?;
        // The master then has this framework's end before any call from outside.
        driver.join().map_err(refused)?;
        let agents = ready.agents.into_iter().collect();
        Ok(Local {
            _driver: driver,
            _only: only,
            address,
            agents,
        })
    }

    /// Where the master and all agents listen. Paths begin with `/master` and
    /// `/slave(1)`, `/slave(2)`, …; the short forms that daemons have as well
    /// (`/api/v1/scheduler`) are not served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The ids of the agents.
    pub fn agents(&self) -> &[String] {
        &self.agents
    }
}

/// How often it is asked who is registered, while nothing is heard of it.
const ROUND: Duration = Duration::from_millis(50);

/// The right to run the one cluster that a process can have: libmesos ends a process
/// that starts a second.
struct Only;

static RUNNING: AtomicBool = AtomicBool::new(false);

impl Only {
    fn claim() -> Result<Only> {
        if RUNNING.swap(true, Ordering::AcqRel) {
            return Err(refused(
                "one runs in this process already; drop it first, or start this one in \
                 another process",
            ));
        }
        let only = Only;
        preflight::check().map_err(refused)?;
        Ok(only)
    }
}

impl Drop for Only {
    fn drop(&mut self) {
        RUNNING.store(false, Ordering::Release);
    }
}

/// What has been heard so far of a cluster that is starting.
struct Ready {
    wanted: usize,
    master: Option<MasterInfo>,
    /// Those that have made an offer.
    agents: BTreeSet<String>,
    /// How many there are by another account.
    registered: usize,
}

impl Ready {
    fn complete(&self) -> bool {
        self.master.is_some() && self.seen() >= self.wanted
    }

    fn seen(&self) -> usize {
        self.registered.max(self.agents.len())
    }

    fn take(&mut self, event: &Event) -> Result<()> {
        match (event.kind, event.parts.as_slice()) {
            (sys::MESOS_SHIM_REGISTERED, [_, master]) => {
                self.master = Some(MasterInfo::decode(master.as_slice()).map_err(refused)?);
            }
            // An agent's first offer is the only thing that tells a framework that the
            // agent is there. This one keeps its offers, so each agent makes one.
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
        address.ok_or_else(|| refused("the master does not tell its address"))
    }
}

/// The number of agents that libmesos will start for this value of `MESOS_NUM_SLAVES`.
fn agents_wanted(value: Option<&str>) -> Result<usize> {
    let Some(text) = value else { return Ok(1) };
    text.parse().map_err(|_| {
        refused(format_args!(
            "MESOS_NUM_SLAVES is {text:?}; it has to be a number of agents"
        ))
    })
}

/// The next event, or none after a while.
fn next(
    events: &Receiver<Event>,
    deadline: Option<Instant>,
    ready: &Ready,
) -> Result<Option<Event>> {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    match events.recv_timeout(left.map_or(ROUND, |left| left.min(ROUND))) {
        Ok(event) => Ok(Some(event)),
        Err(RecvTimeoutError::Timeout) if left.is_none_or(|left| !left.is_zero()) => Ok(None),
        Err(RecvTimeoutError::Timeout) => Err(Error::new(
            ErrorKind::TimedOut,
            format_args!(
                "the local cluster was not ready in time: its master has {}been elected, {} of \
                 {} agents have registered; its log on stderr may tell why",
                if ready.master.is_some() { "" } else { "not " },
                ready.seen(),
                ready.wanted,
            ),
        )),
        Err(RecvTimeoutError::Disconnected) => Err(refused("its driver has gone")),
    }
}

/// The text of an event that says that nothing more will come.
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

fn refused(reason: impl fmt::Display) -> Error {
    Error::new(
        ErrorKind::Refused,
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
    fn a_number_of_agents_that_is_none_is_named_with_its_variable() {
        let error = agents_wanted(Some("banana")).expect_err("not a number");
        assert_eq!(
            error.to_string(),
            "the local cluster did not start: MESOS_NUM_SLAVES is \"banana\"; it has to be a \
             number of agents"
        );
        assert_eq!(error.kind(), ErrorKind::Refused);
    }

    #[test]
    fn a_cluster_is_not_ready_before_the_master_has_answered_and_every_agent_was_seen() {
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
        ready.take(&offers(&["a", "a"])).expect("offers");
        assert!(!ready.complete());
        ready.registered = 2;
        assert!(!ready.complete());
        ready
            .take(&Event {
                kind: sys::MESOS_SHIM_REGISTERED,
                parts: vec![Vec::new(), MasterInfo::default().encode_to_vec()],
                value: 0,
            })
            .expect("registered");
        assert!(ready.complete());
    }
}
