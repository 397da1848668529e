//! One framework, as a master remembers it.

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::resources::Resources;
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::scheduler::OfferConstraints;
use mesos_proto::v1::{AgentId, FrameworkId, FrameworkInfo};
use tokio::time::Instant;

use super::super::Stream;
use super::super::validate;
use super::operations::OperationRecord;
use super::tasks::Task;

pub(super) struct Framework {
    pub(super) info: FrameworkInfo,
    pub(super) suppressed: BTreeSet<String>,
    pub(super) constraints: OfferConstraints,
    /// None while disconnected.
    pub(super) stream: Option<Stream>,
    /// Known from agents only: it has not subscribed to this master.
    pub(super) recovered: bool,
    /// How often it has been disconnected.
    pub(super) absences: u64,
    pub(super) filters: Vec<Filter>,
    pub(super) tasks: BTreeMap<String, Task>,
    /// Those on agents that are unreachable.
    pub(super) lost_tasks: BTreeMap<String, Task>,
    pub(super) operations: BTreeMap<String, OperationRecord>,
}

/// Resources of an agent that a role does not want for some time.
pub(super) struct Filter {
    pub(super) role: String,
    pub(super) agent_id: AgentId,
    pub(super) refused: Resources,
    pub(super) until: Instant,
}

impl Framework {
    pub(super) fn new(info: FrameworkInfo) -> Self {
        Self {
            info,
            suppressed: BTreeSet::new(),
            constraints: OfferConstraints::default(),
            stream: None,
            recovered: false,
            absences: 0,
            filters: Vec::new(),
            tasks: BTreeMap::new(),
            lost_tasks: BTreeMap::new(),
            operations: BTreeMap::new(),
        }
    }

    pub(super) fn id(&self) -> FrameworkId {
        self.info.id.clone().unwrap_or_default()
    }

    pub(super) fn roles(&self) -> Vec<String> {
        validate::roles_of(&self.info)
    }

    fn has(&self, capability: capability::Type) -> bool {
        self.info.has_capability(capability)
    }

    pub(super) fn multi_role(&self) -> bool {
        self.has(capability::Type::MultiRole)
    }

    pub(super) fn partition_aware(&self) -> bool {
        self.has(capability::Type::PartitionAware)
    }

    pub(super) fn knows_killing(&self) -> bool {
        self.has(capability::Type::TaskKillingState)
    }
}
