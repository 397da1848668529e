//! Where requests go: to one endpoint, or to the leading master.

use std::sync::Arc;

use mesos_core::address::Location;
use mesos_core::{Endpoint, Master};

use crate::detect::{Detector, Leader, detector};

/// The receiver of requests.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) peer: Peer,
    /// The address, if there is one. Its scheme may still change.
    master: Option<Master>,
}

#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// A master or an agent.
    Endpoint(Endpoint),
    /// The leading master.
    Leader(Leader),
}

impl Target {
    pub(crate) fn new(master: Master) -> Self {
        let peer = match master.location() {
            Location::Masters(mut masters) if masters.len() == 1 => {
                Peer::Endpoint(masters.remove(0))
            }
            _ => Peer::Leader(Leader::new(detector(&master))),
        };
        Self {
            peer,
            master: Some(master),
        }
    }

    pub(crate) fn detected(detector: Arc<dyn Detector>) -> Self {
        Self {
            peer: Peer::Leader(Leader::new(detector)),
            master: None,
        }
    }

    /// The same masters for another user.
    pub(crate) fn separate(&self) -> Self {
        let peer = match &self.peer {
            Peer::Endpoint(endpoint) => Peer::Endpoint(endpoint.clone()),
            Peer::Leader(leader) => Peer::Leader(leader.separate()),
        };
        Self {
            peer,
            master: self.master.clone(),
        }
    }

    /// Uses HTTPS where the address does not decide.
    #[cfg(feature = "tls")]
    pub(crate) fn prefer_https(&mut self) {
        if let Some(master) = &self.master
            && master.scheme().is_none()
        {
            // The detector that this replaces was not used, or by another backend.
            *self = Self::new(master.clone().with_scheme(mesos_core::Scheme::Https));
        }
    }

    /// The endpoint, unless the leader has to be found.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        match &self.peer {
            Peer::Endpoint(endpoint) => Some(endpoint),
            Peer::Leader(_) => None,
        }
    }
}
