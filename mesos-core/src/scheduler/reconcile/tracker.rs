//! Tracks tasks and operations, and decides which requests are due. Pure: time and randomness
//! are arguments.
//!
//! A scheduler may have a million tasks. So the id of a task is in memory once, however many maps
//! have the task, and so is the id of an agent.

use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use mesos_proto::v1::scheduler::call::{self, reconcile_operations};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{AgentId, OperationId, OperationState, OperationStatus, TaskId, TaskState};

use super::ReconcilePolicy;
use super::agents::Agents;
use super::kills::Kills;
use super::rounds::Rounds;

type Operation = reconcile_operations::Operation;

/// A request to the master.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::scheduler) enum Request {
    /// The states of these tasks. Never empty, which would mean all tasks.
    Tasks(Vec<TrackedTask>),
    /// The states of these operations. Never empty.
    Operations(Vec<Operation>),
    /// The states of all tasks that the master knows.
    AllTasks,
    /// The states of all operations that the master knows.
    AllOperations,
    /// Kills of tasks.
    Kills(Vec<call::Kill>),
}

/// A task and, if it is known, its agent.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::scheduler) struct TrackedTask {
    pub(super) task_id: Arc<str>,
    pub(super) agent_id: Option<Arc<AgentId>>,
}

/// See the module.
#[derive(Debug)]
pub(in crate::scheduler) struct Tracker {
    policy: ReconcilePolicy,
    /// Whether to track live tasks and operations, request their states after each
    /// subscription, and request all states at intervals.
    tracking: bool,
    /// Whether the backend supports operation feedback.
    operations_supported: bool,
    // Removed with `swap_remove`, see `rounds`.
    /// Not in a terminal state, as far as the driver knows.
    live_tasks: IndexMap<Arc<str>, Option<Arc<AgentId>>, RandomState>,
    live_operations: IndexMap<OperationId, Operation, RandomState>,
    /// Requested and not answered yet.
    open_tasks: Rounds<Arc<str>, Option<Arc<AgentId>>>,
    open_operations: Rounds<OperationId, Operation>,
    agents: Agents,
    /// `None` without a subscription.
    subscription: Option<Subscription>,
    subscriptions: u64,
    /// The kills to repeat.
    pub(in crate::scheduler) kills: Kills,
}

/// The parts of a task's update that reconciliation needs.
#[derive(Clone, Copy, Debug)]
pub(in crate::scheduler) struct ObservedStatus<'a> {
    pub(in crate::scheduler) task_id: &'a str,
    pub(in crate::scheduler) agent_id: Option<&'a str>,
    pub(in crate::scheduler) state: TaskState,
    pub(in crate::scheduler) reason: Reason,
}

#[derive(Debug)]
struct Subscription {
    /// When to request all states.
    all_at: Option<Duration>,
    /// Whether all states were requested over this subscription.
    all_requested: bool,
}

impl Tracker {
    /// With a policy, tracks all live tasks and operations; without a policy, only those that
    /// the scheduler requests.
    pub(in crate::scheduler) fn new(policy: Option<ReconcilePolicy>, operations: bool) -> Self {
        let retry = policy.unwrap_or_default().retry;
        Self {
            policy: policy.unwrap_or_default(),
            tracking: policy.is_some(),
            operations_supported: operations,
            live_tasks: IndexMap::default(),
            live_operations: IndexMap::default(),
            open_tasks: Rounds::new(retry),
            open_operations: Rounds::new(retry),
            agents: Agents::default(),
            subscription: None,
            subscriptions: 0,
            kills: Kills::default(),
        }
    }

    /// The number of subscriptions granted so far.
    pub(in crate::scheduler) fn subscriptions(&self) -> u64 {
        self.subscriptions
    }

    /// A subscription was granted: the states of everything known are due at once.
    pub(in crate::scheduler) fn subscribed(&mut self, now: Duration) {
        let tasks = self.live_tasks.iter();
        let tasks = tasks.map(|(id, agent)| (Arc::clone(id), agent.clone()));
        self.open_tasks.add(now, tasks, true);
        self.open_tasks.restart(now);
        let operations = self.live_operations.iter();
        let operations = operations.map(|(id, operation)| (id.clone(), operation.clone()));
        self.open_operations.add(now, operations, true);
        self.open_operations.restart(now);
        self.kills.subscribed(now);
        self.subscriptions += 1;
        let interval = self.policy.interval;
        self.subscription = Some(Subscription {
            all_at: (self.tracking && !interval.is_zero()).then(|| now.saturating_add(interval)),
            all_requested: false,
        });
    }

    /// The subscription was lost.
    pub(in crate::scheduler) fn unsubscribed(&mut self) {
        self.subscription = None;
    }

    /// The framework was removed, with its tasks and operations.
    pub(in crate::scheduler) fn clear(&mut self) {
        self.live_tasks.clear();
        self.live_operations.clear();
        self.open_tasks.clear();
        self.open_operations.clear();
        self.kills.clear();
    }

    /// Requests the states of `tasks` until each was answered: at once, or after the first wait
    /// if a call that is still under way can make the answer wrong.
    pub(in crate::scheduler) fn request_tasks(
        &mut self,
        now: Duration,
        tasks: impl IntoIterator<Item = (TaskId, Option<AgentId>)>,
        at_once: bool,
    ) {
        let Self {
            agents, live_tasks, ..
        } = self;
        let tasks = tasks.into_iter().map(|(id, agent)| {
            let live = live_tasks.get_key_value(id.value.as_str());
            let id = live.map_or_else(|| id.value.into(), |(id, _)| Arc::clone(id));
            (id, agent.map(|agent| agents.shared(&agent.value)))
        });
        self.open_tasks.add(now, tasks, at_once);
    }

    /// As [`request_tasks`](Self::request_tasks).
    pub(in crate::scheduler) fn request_operations(
        &mut self,
        now: Duration,
        operations: impl IntoIterator<Item = Operation>,
        at_once: bool,
    ) {
        if !self.operations_supported {
            return;
        }
        let named = operations
            .into_iter()
            .map(|one| (one.operation_id.clone(), one));
        self.open_operations.add(now, named, at_once);
    }

    /// Tracks a task that is about to be launched.
    pub(in crate::scheduler) fn track_task(&mut self, id: &TaskId, agent: Option<&AgentId>) {
        if self.tracking {
            let agent = agent.map(|agent| self.agents.shared(&agent.value));
            self.live_tasks.insert(id.value.as_str().into(), agent);
        }
    }

    /// Tracks an operation that is about to be sent.
    pub(in crate::scheduler) fn track_operation(&mut self, operation: &Operation) {
        if self.tracking && self.operations_supported {
            let id = operation.operation_id.clone();
            self.live_operations.insert(id, operation.clone());
        }
    }

    /// The task was not launched: the call was refused or not sent.
    pub(in crate::scheduler) fn untrack_task(&mut self, id: &TaskId) {
        self.live_tasks.swap_remove(id.value.as_str());
    }

    /// As [`untrack_task`](Self::untrack_task).
    pub(in crate::scheduler) fn untrack_operation(&mut self, id: &OperationId) {
        self.live_operations.swap_remove(id);
    }

    /// Whether the update of a task can change anything here.
    pub(in crate::scheduler) fn is_interested(&self) -> bool {
        self.tracking
            || !self.live_tasks.is_empty()
            || !self.open_tasks.is_empty()
            || !self.kills.is_empty()
    }

    /// The scheduler has handled an update. Returns whether that was the last open answer.
    pub(in crate::scheduler) fn task_update(
        &mut self,
        now: Duration,
        observed: &ObservedStatus<'_>,
    ) -> bool {
        let (id, agent_id) = (observed.task_id, observed.agent_id);
        // The master does not know the task. If that is wrong, an update follows.
        let unknown =
            observed.state == TaskState::TaskUnknown && observed.reason == Reason::Reconciliation;
        if is_terminal(observed.state) || observed.state == TaskState::TaskUnknown {
            self.kills.ended(id);
        }
        if is_terminal(observed.state) || unknown {
            self.live_tasks.swap_remove(id);
        } else if self.tracking {
            match self.live_tasks.get_mut(id) {
                Some(agent) if agent.as_ref().map(|id| id.value.as_str()) == agent_id => {}
                Some(agent) => *agent = agent_id.map(|id| self.agents.shared(id)),
                None => {
                    let key = self.open_tasks.key(id).unwrap_or_else(|| id.into());
                    let agent = agent_id.map(|id| self.agents.shared(id));
                    self.live_tasks.insert(key, agent);
                }
            }
        }
        self.open_tasks.answered(now, id) && self.is_done()
    }

    /// As [`task_update`](Self::task_update).
    pub(in crate::scheduler) fn operation_update(
        &mut self,
        now: Duration,
        status: &OperationStatus,
    ) -> bool {
        let Some(id) = &status.operation_id else {
            return false;
        };
        match status.state() {
            // The agent has not reregistered yet, so the state is unknown.
            OperationState::OperationRecovering => return false,
            OperationState::OperationPending | OperationState::OperationUnreachable => {
                if self.tracking {
                    self.track_operation(&Operation {
                        operation_id: id.clone(),
                        agent_id: status.agent_id.clone(),
                        resource_provider_id: status.resource_provider_id.clone(),
                    });
                }
            }
            _ => {
                self.live_operations.swap_remove(id);
            }
        }
        self.open_operations.answered(now, id) && self.is_done()
    }

    /// Whether the driver is subscribed and every request was answered.
    pub(in crate::scheduler) fn is_done(&self) -> bool {
        self.subscription.is_some() && self.nothing_open()
    }

    /// The number of tasks and operations that were requested and not answered yet.
    pub(in crate::scheduler) fn open(&self) -> usize {
        self.open_tasks.len() + self.open_operations.len()
    }

    fn nothing_open(&self) -> bool {
        self.open_tasks.is_empty() && self.open_operations.is_empty()
    }

    /// The requests to send now. [`next`](Self::next) is the time of the next ones.
    pub(in crate::scheduler) fn due(&mut self, now: Duration, random: f64) -> Vec<Request> {
        let mut requests = Vec::new();
        let nothing_open = self.nothing_open();
        let Some(subscription) = &mut self.subscription else {
            return requests;
        };
        let kills = self.kills.due(now, random);
        if !kills.is_empty() {
            requests.push(Request::Kills(kills));
        }
        let tasks = self.open_tasks.due(now, random);
        if !tasks.is_empty() {
            let task = |(task_id, agent_id)| TrackedTask { task_id, agent_id };
            requests.push(Request::Tasks(tasks.into_iter().map(task).collect()));
        }
        let operations = self.open_operations.due(now, random);
        if !operations.is_empty() {
            let operations = operations.into_iter().map(|(_, operation)| operation);
            requests.push(Request::Operations(operations.collect()));
        }
        if let Some(all_at) = subscription.all_at
            && (now >= all_at || (nothing_open && !subscription.all_requested))
        {
            subscription.all_requested = true;
            subscription.all_at = Some(now.saturating_add(self.policy.interval));
            requests.push(Request::AllTasks);
            if self.operations_supported {
                requests.push(Request::AllOperations);
            }
        }
        requests
    }

    /// When the next requests are due; `None` if no request is due without another input.
    pub(in crate::scheduler) fn next(&self) -> Option<Duration> {
        let subscription = self.subscription.as_ref()?;
        let all = match subscription.all_at {
            Some(_) if self.nothing_open() && !subscription.all_requested => Some(Duration::ZERO),
            all_at => all_at,
        };
        let open = [self.open_tasks.next(), self.open_operations.next()];
        let next = open.into_iter().chain([all, self.kills.next()]);
        next.flatten().min()
    }
}

/// Whether the master considers `state` a terminal state (`src/common/protobuf_utils.cpp`).
/// TASK_LOST and TASK_GONE_BY_OPERATOR may be wrong; then an update with another state follows.
fn is_terminal(state: TaskState) -> bool {
    use TaskState::*;
    matches!(
        state,
        TaskFinished
            | TaskFailed
            | TaskKilled
            | TaskError
            | TaskLost
            | TaskDropped
            | TaskGone
            | TaskGoneByOperator
    )
}
