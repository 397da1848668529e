//! Requests for what Mesos does not report in events.

use mesos_core::Result;
use mesos_proto::v1::Role;
use mesos_proto::v1::master::response::GetAgents;
use mesos_proto::v1::master::response::get_frameworks::Framework;

use crate::operator::MasterClient;

/// What to request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) agents: bool,
    pub(super) frameworks: bool,
    pub(super) roles: bool,
}

impl Wanted {
    pub(super) const ALL: Self = Self {
        agents: true,
        frameworks: true,
        roles: true,
    };

    pub(super) fn is_any(self) -> bool {
        self != Self::default()
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            agents: self.agents || other.agents,
            frameworks: self.frameworks || other.frameworks,
            roles: self.roles || other.roles,
        }
    }
}

/// The answers.
#[derive(Debug, Default)]
pub(super) struct Refreshed {
    pub(super) agents: Option<GetAgents>,
    pub(super) frameworks: Option<Vec<Framework>>,
    pub(super) roles: Option<Vec<Role>>,
}

impl Refreshed {
    /// Requests what is wanted, one after the other, to spare the master.
    pub(super) async fn request(master: MasterClient, wanted: Wanted) -> Result<Self> {
        let mut refreshed = Self::default();
        if wanted.roles {
            refreshed.roles = Some(master.get_roles().await?);
        }
        if wanted.frameworks {
            refreshed.frameworks = Some(master.get_frameworks().await?.frameworks);
        }
        if wanted.agents {
            refreshed.agents = Some(master.get_agents().await?);
        }
        Ok(refreshed)
    }
}
