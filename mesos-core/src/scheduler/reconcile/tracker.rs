//! Tracks tasks and operations, and decides which requests are due. Pure: time and randomness
//! are arguments.
//!
//! A task, and the id of an agent, are in memory once.

use std::mem;
use std::time::Duration;

use mesos_proto::v1::scheduler::call::{self, reconcile_operations};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{AgentId, OperationId, OperationState, OperationStatus, TaskId, TaskState};

use super::ReconcilePolicy;
use super::agents::{Agent, Agents};
use super::chunk::Chunk;
use super::intake::{GROUP, Intake};
use super::items::Position;
use super::kills::Kills;
use super::table::{Answer, Table};

type Operation = reconcile_operations::Operation;

/// More tasks are requested once only this number of answers is on their way; see [`pace`](super::pace).
const ENOUGH_AWAITED: usize = 7 * GROUP;

/// A request to the master.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::scheduler) enum Request {
    /// The states of these tasks, of which [`Tracker::chunk`] returns those that are still open.
    Tasks(Vec<Position>),
    /// The states of these operations. Never empty.
    Operations(Vec<Operation>),
    /// The states of all tasks that the master knows.
    AllTasks,
    /// The states of all operations that the master knows.
    AllOperations,
    /// Kills of tasks.
    Kills(Vec<call::Kill>),
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
    /// Live tasks are those not in a terminal state, as far as the driver knows. Open tasks are
    /// those that were requested and not answered yet.
    tasks: Table<Agent>,
    /// Tasks that were requested, to be put into `tasks`.
    intake: Intake,
    /// The number of tasks that were requested lately, and whose answers are on their way.
    awaited: usize,
    /// As `tasks`.
    operations: Table<Operation>,
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
            tasks: Table::new(retry),
            intake: Intake::default(),
            awaited: 0,
            operations: Table::new(retry),
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
        self.tasks.restart(now);
        self.operations.restart(now);
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
        self.intake = Intake::default();
        self.tasks.clear();
        self.operations.clear();
        self.kills.clear();
    }

    /// Requests the states of `tasks` until each was answered: at once, or after the first wait
    /// if a call that is still under way can make the answer wrong.
    pub(in crate::scheduler) fn request_tasks(
        &mut self,
        now: Duration,
        tasks: Vec<(TaskId, Option<AgentId>)>,
        at_once: bool,
    ) {
        self.take_all();
        if at_once && tasks.len() > GROUP {
            self.tasks.reserve(tasks.len());
            self.intake = Intake::new(now, tasks);
        } else {
            self.take(now, tasks, at_once);
        }
    }

    /// Puts tasks into the table.
    fn take(
        &mut self,
        now: Duration,
        tasks: impl IntoIterator<Item = (TaskId, Option<AgentId>)>,
        at_once: bool,
    ) {
        let Self {
            agents,
            tasks: table,
            ..
        } = self;
        let tasks = tasks.into_iter().map(|(id, agent)| {
            let agent = agent.map(|agent| agents.number(&agent.value));
            (id.value, agent)
        });
        // The scheduler may not know the agent.
        table.request(now, tasks, at_once, |known, agent| {
            *known = agent.or(*known)
        });
        self.agents.sweep(self.tasks.values());
    }

    /// Puts one group of the intake into the table.
    fn take_group(&mut self) {
        let mut intake = mem::take(&mut self.intake);
        self.take(intake.since, intake.group(), true);
        if !intake.is_empty() {
            self.intake = intake;
        }
    }

    /// Puts the whole intake into the table, before something that may concern a task in it.
    fn take_all(&mut self) {
        while !self.intake.is_empty() {
            self.take_group();
        }
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
            .map(|one| (one.operation_id.value.clone(), one));
        let set = |known: &mut Operation, operation| *known = operation;
        self.operations.request(now, named, at_once, set);
    }

    /// Tracks a task that is about to be launched.
    pub(in crate::scheduler) fn track_task(&mut self, id: &TaskId, agent: Option<&AgentId>) {
        if self.tracking {
            self.take_all();
            let agent = agent.map(|agent| self.agents.number(&agent.value));
            self.tasks.track(&id.value, agent);
            self.agents.sweep(self.tasks.values());
        }
    }

    /// Tracks an operation that is about to be sent.
    pub(in crate::scheduler) fn track_operation(&mut self, operation: &Operation) {
        if self.tracking && self.operations_supported {
            let id = &operation.operation_id.value;
            self.operations.track(id, operation.clone());
        }
    }

    /// The task was not launched: the call was refused or not sent.
    pub(in crate::scheduler) fn untrack_task(&mut self, id: &TaskId) {
        self.take_all();
        self.tasks.untrack(&id.value);
    }

    /// As [`untrack_task`](Self::untrack_task).
    pub(in crate::scheduler) fn untrack_operation(&mut self, id: &OperationId) {
        self.operations.untrack(&id.value);
    }

    /// Whether the update of a task can change anything here.
    pub(in crate::scheduler) fn is_interested(&self) -> bool {
        self.tracking || !self.tasks.is_empty() || !self.intake.is_empty() || !self.kills.is_empty()
    }

    /// The scheduler has handled an update. Returns whether that was the last open answer, or the
    /// one that [`is_full`](Self::is_full) waits for.
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
        let answer = if is_terminal(observed.state) || unknown {
            Answer::Ended
        } else if self.tracking {
            Answer::Live
        } else {
            Answer::Other
        };
        let mut open = self.answered(now, (id, agent_id), answer);
        if !open && !self.intake.is_empty() {
            self.take_all();
            open = self.answered(now, (id, agent_id), answer);
        }
        if !open {
            return false;
        }
        self.awaited = self.awaited.saturating_sub(1);
        self.awaited == ENOUGH_AWAITED || self.is_done()
    }

    /// Records the answer about a task. Returns whether the task was open.
    fn answered(
        &mut self,
        now: Duration,
        (id, agent_id): (&str, Option<&str>),
        answer: Answer,
    ) -> bool {
        let Self { tasks, agents, .. } = self;
        let mut is_new = false;
        let open = tasks.answered(now, id, answer, |known| match known {
            Some(known) if agents.is(*known, agent_id) => None,
            _ => {
                is_new = true;
                Some(agent_id.map(|id| agents.number(id)))
            }
        });
        if is_new {
            agents.sweep(tasks.values());
        }
        open
    }

    /// As [`task_update`](Self::task_update), for an operation.
    pub(in crate::scheduler) fn operation_update(
        &mut self,
        now: Duration,
        status: &OperationStatus,
    ) -> bool {
        let Some(id) = &status.operation_id else {
            return false;
        };
        let answer = match status.state() {
            // The agent has not reregistered yet, so the state is unknown.
            OperationState::OperationRecovering => return false,
            OperationState::OperationPending | OperationState::OperationUnreachable
                if self.tracking && self.operations_supported =>
            {
                Answer::Live
            }
            OperationState::OperationPending | OperationState::OperationUnreachable => {
                Answer::Other
            }
            _ => Answer::Ended,
        };
        let operation = || Operation {
            operation_id: id.clone(),
            agent_id: status.agent_id.clone(),
            resource_provider_id: status.resource_provider_id.clone(),
        };
        let operations = &mut self.operations;
        operations.answered(now, &id.value, answer, |_| Some(operation())) && self.is_done()
    }

    /// Whether the driver is subscribed and every request was answered.
    pub(in crate::scheduler) fn is_done(&self) -> bool {
        self.subscription.is_some() && self.nothing_open()
    }

    /// The number of tasks and operations that were requested and not answered yet.
    pub(in crate::scheduler) fn open(&self) -> usize {
        self.tasks.open() + self.intake.len() + self.operations.open()
    }

    fn nothing_open(&self) -> bool {
        self.tasks.nothing_open() && self.intake.is_empty() && self.operations.nothing_open()
    }

    /// The requests to send now. [`next`](Self::next) is the time of the next ones, which is now
    /// while tasks are in the intake.
    pub(in crate::scheduler) fn due(&mut self, now: Duration, random: f64) -> Vec<Request> {
        let mut requests = Vec::new();
        if self.subscription.is_none() {
            return requests;
        }
        let random = self.intake.random(random);
        if !self.intake.is_empty() {
            self.take_group();
        }
        let nothing_open = self.nothing_open();
        let kills = self.kills.due(now, random);
        if !kills.is_empty() {
            requests.push(Request::Kills(kills));
        }
        let tasks = self.tasks.due(now, random);
        if !tasks.is_empty() {
            requests.push(Request::Tasks(tasks));
        }
        let operations = self.operations.due(now, random);
        if !operations.is_empty() {
            let operations = self.operations.still_open(&operations);
            let operations = operations.map(|(_, operation)| operation.clone());
            requests.push(Request::Operations(operations.collect()));
        }
        let Some(subscription) = &mut self.subscription else {
            return requests;
        };
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

    /// Those of these tasks that are still open, to be requested now.
    pub(in crate::scheduler) fn chunk(&mut self, positions: &[Position]) -> Chunk {
        let mut chunk = Chunk::with_capacity(positions.len());
        for (task_id, agent) in self.tasks.still_open(positions) {
            let agent_id = self.agents.id(*agent);
            chunk.push(task_id, agent_id.map(|id| id.value.as_str()));
        }
        self.awaited += chunk.len();
        chunk
    }

    /// Whether no more tasks should be requested until others were answered.
    pub(super) fn is_full(&self) -> bool {
        self.awaited > ENOUGH_AWAITED
    }

    /// The number of answers that are on their way.
    pub(super) fn awaited(&self) -> usize {
        self.awaited
    }

    /// No answer that is missing now is on its way.
    pub(super) fn forget_awaited(&mut self) {
        self.awaited = 0;
    }

    /// When the next requests are due; `None` if no request is due without another input.
    pub(in crate::scheduler) fn next(&self) -> Option<Duration> {
        let subscription = self.subscription.as_ref()?;
        let all = match subscription.all_at {
            Some(_) if self.nothing_open() && !subscription.all_requested => Some(Duration::ZERO),
            all_at => all_at,
        };
        let open = [
            self.tasks.next(),
            self.intake.next(),
            self.operations.next(),
        ];
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
