//! A real Mesos cluster inside this process: libmesos starts a master and its agents
//! for a scheduler driver whose master is `local`. Settings, downloads and the process
//! around it are left to the caller.

use std::env;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::collections::BTreeSet;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use mesos_proto::v1::{FrameworkInfo, MasterInfo, Offer};
use prost::Message as _;

use crate::error::{Error, ErrorKind, Result};
use crate::library::Library;
use crate::sys::{self, Event, Scheduler};

/// A running cluster. Dropping it shuts master and agents down and blocks until they
/// are gone.
pub struct Local {
    /// Owns the cluster. Its framework is gone already.
    _driver: Scheduler,
    master: MasterInfo,
    agents: Vec<String>,
}

impl Local {
    /// Starts the cluster and waits until the master is elected and every agent is
    /// registered.
    pub fn start(library: &Library, timeout: Duration) -> Result<Local> {
        let deadline = Instant::now() + timeout;
        let wanted = agents_from(env::var("MESOS_NUM_SLAVES").ok().as_deref())?;
        let framework = FrameworkInfo {
            user: String::new(), // Mesos fills in the current user
            name: "local cluster".to_owned(),
            ..FrameworkInfo::default()
        };
        let (sender, events) = mpsc::channel();
        let driver = Scheduler::new(
            library.loaded(),
            &framework.encode_to_vec(),
            "local",
            true,
            move |event| {
                // Nobody listens any more once the cluster is up.
                let _ = sender.send(event);
            },
        )
        .map_err(refused)?;
        let status = driver.start().map_err(refused)?;
        if status != sys::MESOS_SHIM_RUNNING {
            let text = events.try_iter().find_map(|event| error_text(&event));
            return Err(refused(text.unwrap_or_else(|| format!("driver status {status}"))));
        }
        let mut ready = Ready::new(wanted);
        while !ready.complete() {
            ready.take(next(&events, deadline, &ready)?)?;
        }
        driver.stop(false).map_err(refused)?;
        let Ready { master, agents, .. } = ready;
        Ok(Local { _driver: driver, master: master.unwrap_or_default(), agents: agents.into_iter().collect() })
    }

    /// The address of the master.
    pub fn address(&self) -> Option<SocketAddr> {
        let address = self.master.address.as_ref()?;
        let ip = IpAddr::from_str(address.ip.as_deref()?).ok()?;
        Some(SocketAddr::new(ip, u16::try_from(address.port).ok()?))
    }

    /// The ids of the agents.
    pub fn agents(&self) -> &[String] {
        &self.agents
    }
}

/// What has been heard so far of a cluster that is starting.
struct Ready {
    wanted: usize,
    master: Option<MasterInfo>,
    agents: BTreeSet<String>,
}

impl Ready {
    fn new(wanted: usize) -> Self {
        Ready { wanted, master: None, agents: BTreeSet::new() }
    }

    fn complete(&self) -> bool {
        self.master.is_some() && self.agents.len() >= self.wanted
    }

    fn take(&mut self, event: Event) -> Result<()> {
        match (event.kind, event.parts.as_slice()) {
            (sys::MESOS_SHIM_REGISTERED, [_, master]) => {
                self.master = Some(MasterInfo::decode(master.as_slice()).map_err(refused)?);
            }
            (sys::MESOS_SHIM_RESOURCE_OFFERS, offers) => {
                for offer in offers {
                    let offer = Offer::decode(offer.as_slice()).map_err(refused)?;
                    self.agents.insert(offer.agent_id.value);
                }
            }
            _ => if let Some(text) = error_text(&event) { return Err(refused(text)); }
        }
        Ok(())
    }
}

fn agents_from(value: Option<&str>) -> Result<usize> {
    match value { None => Ok(1), Some(text) => text.parse().map_err(|_| Error::new(ErrorKind::Refused, format_args!("MESOS_NUM_SLAVES is {text:?}, which is not a number of agents"))) }
}

fn next(events: &Receiver<Event>, deadline: Instant, ready: &Ready) -> Result<Event> {
    let left = deadline.saturating_duration_since(Instant::now());
    events.recv_timeout(left).map_err(|error| match error {
        RecvTimeoutError::Timeout => Error::new(ErrorKind::TimedOut, format_args!("the local cluster was not ready in time: master {}, {} of {} agents registered", if ready.master.is_some() {"registered"} else {"not elected"}, ready.agents.len(), ready.wanted)),
        RecvTimeoutError::Disconnected => refused("the driver is gone"),
    })
}

fn error_text(event: &Event) -> Option<String> {
    matches!(event.kind, sys::MESOS_SHIM_ERROR | sys::MESOS_SHIM_SHIM_FAILED)
        .then(|| event.parts.first().map_or_else(String::new, |text| String::from_utf8_lossy(text).into_owned()))
}

fn refused(reason: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Refused, format_args!("the local cluster did not start: {reason}"))
}
