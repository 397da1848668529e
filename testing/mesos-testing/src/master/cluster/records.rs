//! What a master records of a framework, its tasks and its operations: plain data.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mesos_core::resources::Resources;
use mesos_proto::known;
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::scheduler::OfferConstraints;
use mesos_proto::v1::{
    AgentId, ContainerInfo, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, OperationStatus,
    TaskInfo, TaskState, TaskStatus,
};
use tokio::time::Instant;

use super::super::Stream;
use super::super::behavior::Behavior;
use super::super::validate;

pub(super) struct Framework {
    pub(super) info: FrameworkInfo,
    pub(super) suppressed: BTreeSet<String>,
    pub(super) constraints: OfferConstraints,
    /// `None` while disconnected.
    pub(super) stream: Option<Stream>,
    /// Whether the framework is known only from agents: it has not subscribed to this master.
    pub(super) recovered: bool,
    /// The number of the last disconnect.
    pub(super) absence: u64,
    pub(super) filters: Vec<Filter>,
    pub(super) tasks: BTreeMap<String, Task>,
    /// The tasks on unreachable agents.
    pub(super) lost_tasks: BTreeMap<String, Task>,
    pub(super) operations: BTreeMap<String, OperationRecord>,
}

/// Resources of an agent that a role refuses for some time.
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
            absence: 0,
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

    /// The executors that run on an agent.
    pub(super) fn executors_on(&self, agent_id: &AgentId) -> Vec<ExecutorId> {
        let mut ids: Vec<ExecutorId> = self
            .tasks
            .values()
            .filter(|task| task.agent_id == *agent_id && !task.is_over())
            .map(Task::executor_id)
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

/// What the checks of a launch need to know.
impl validate::task::Known for Framework {
    fn framework_id(&self) -> FrameworkId {
        self.id()
    }

    fn has_task(&self, task_id: &str) -> bool {
        self.tasks.contains_key(task_id)
    }

    fn has_unreachable_task(&self, task_id: &str) -> bool {
        self.lost_tasks.contains_key(task_id)
    }

    fn executor(&self, agent_id: &AgentId, executor_id: &ExecutorId) -> Option<&ExecutorInfo> {
        let mut live = self
            .tasks
            .values()
            .filter(|task| task.agent_id == *agent_id && !task.is_over());
        live.find_map(|task| {
            let executor = task.executor.as_ref();
            executor.filter(|executor| executor.executor_id == *executor_id)
        })
    }

    fn containers(
        &self,
        agent_id: &AgentId,
        executor_id: &ExecutorId,
    ) -> Vec<Option<&ContainerInfo>> {
        if self.executor(agent_id, executor_id).is_none() {
            return Vec::new();
        }
        let tasks = self.tasks.values().chain(self.lost_tasks.values());
        tasks
            .filter(|task| {
                let executor = task.executor.as_ref();
                task.agent_id == *agent_id
                    && executor.is_some_and(|executor| executor.executor_id == *executor_id)
            })
            .map(|task| task.info.container.as_ref())
            .collect()
    }
}

pub(super) struct Task {
    /// As the framework has sent it; a task of a group has the executor of the group.
    pub(super) info: TaskInfo,
    /// The executor with the fields that the master has added.
    pub(super) executor: Option<ExecutorInfo>,
    pub(super) agent_id: AgentId,
    pub(super) resources: Resources,
    pub(super) behavior: Behavior,
    /// The newest state, whether the scheduler has received it or not.
    pub(super) state: i32,
    /// The status that the master has forwarded last.
    pub(super) forwarded: Option<TaskStatus>,
    /// Unacknowledged updates. The first one has been sent.
    pub(super) pending: VecDeque<TaskStatus>,
    /// The index of the next step of the behavior.
    pub(super) next_step: usize,
    /// How many times an update was sent.
    pub(super) attempts: u64,
    /// Incremented when the planned steps become invalid.
    pub(super) life: u64,
}

impl Task {
    /// Whether the task has ended, reported or not.
    pub(super) fn is_over(&self) -> bool {
        known::<TaskState>(self.state).is_ok_and(TaskState::is_terminal)
    }

    pub(super) fn executor_id(&self) -> ExecutorId {
        match &self.info.executor {
            Some(executor) => executor.executor_id.clone(),
            // The agent names the executor of a command task after the task.
            None => ExecutorId::from(self.info.task_id.as_str()),
        }
    }
}

/// An operation with an id: its last status, until the status is acknowledged.
pub(super) struct OperationRecord {
    pub(super) agent_id: AgentId,
    pub(super) status: OperationStatus,
}

impl OperationRecord {
    /// As RECONCILE_OPERATIONS answers it.
    pub(super) fn latest(&self) -> OperationStatus {
        OperationStatus {
            uuid: None,
            ..self.status.clone()
        }
    }
}
