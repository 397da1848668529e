//! What to ask, and when. Pure: time and randomness are arguments.

use std::time::Duration;

use indexmap::IndexMap;
use mesos_proto::v1::scheduler::call::{self, reconcile, reconcile_operations};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{
    AgentId, OperationId, OperationState, OperationStatus, TaskId, TaskState, TaskStatus,
};

use super::ReconcilePolicy;
use super::kills::Kills;
use crate::runtime::Backoff;

type Operation = reconcile_operations::Operation;

/// One question to the master.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::scheduler) enum Question {
    /// These tasks; never none, which would mean all.
    Tasks(Vec<reconcile::Task>),
    /// These operations; never none.
    Operations(Vec<Operation>),
    /// Every task that the master knows.
    AllTasks,
    /// Every operation that the master knows.
    AllOperations,
    /// Not a question: these tasks are to end.
    Kills(Vec<call::Kill>),
}

/// See the module.
#[derive(Debug)]
pub(in crate::scheduler) struct Plan {
    policy: ReconcilePolicy,
    /// Whether to remember what lives, and ask for it at each subscription and
    /// for everything at intervals.
    tracking: bool,
    operations_too: bool,
    // Things leave these by being swapped with the last one: keeping their order
    // would cost each answer as much as there are others.
    /// Not in a terminal state, as far as is known.
    live_tasks: IndexMap<TaskId, Option<AgentId>>,
    live_operations: IndexMap<OperationId, Operation>,
    /// Not answered for since they were asked about.
    open_tasks: IndexMap<TaskId, Option<AgentId>>,
    open_operations: IndexMap<OperationId, Operation>,
    /// When to ask again. None without a subscription.
    round: Option<Round>,
    subscriptions: u64,
    /// Kills to repeat.
    pub(in crate::scheduler) kills: Kills,
}

/// What an update says of its task that matters here.
#[derive(Clone, Copy, Debug)]
pub(in crate::scheduler) struct ObservedStatus<'a> {
    pub(in crate::scheduler) task_id: &'a TaskId,
    pub(in crate::scheduler) agent_id: Option<&'a AgentId>,
    pub(in crate::scheduler) state: TaskState,
    pub(in crate::scheduler) reason: Reason,
}

impl<'a> From<&'a TaskStatus> for ObservedStatus<'a> {
    fn from(status: &'a TaskStatus) -> Self {
        Self {
            task_id: &status.task_id,
            agent_id: status.agent_id.as_ref(),
            state: status.state(),
            reason: status.reason(),
        }
    }
}

#[derive(Debug)]
struct Round {
    backoff: Backoff,
    retry_at: Duration,
    /// How long nothing may be answered before what is open is asked again.
    /// Zero if `retry_at` is for what was not asked yet.
    wait: Duration,
    /// When to ask for everything.
    all_at: Option<Duration>,
    all_asked: bool,
}

impl Plan {
    /// With a policy everything that lives is kept an eye on; without one only
    /// what is asked for.
    pub(in crate::scheduler) fn new(policy: Option<ReconcilePolicy>, operations: bool) -> Self {
        Self {
            policy: policy.unwrap_or_default(),
            tracking: policy.is_some(),
            operations_too: operations,
            live_tasks: IndexMap::new(),
            live_operations: IndexMap::new(),
            open_tasks: IndexMap::new(),
            open_operations: IndexMap::new(),
            round: None,
            subscriptions: 0,
            kills: Kills::default(),
        }
    }

    /// How many were granted so far.
    pub(in crate::scheduler) fn subscriptions(&self) -> u64 {
        self.subscriptions
    }

    /// A subscription was granted: everything known is asked for, at once.
    pub(in crate::scheduler) fn subscribed(&mut self, now: Duration) {
        for (id, agent) in &self.live_tasks {
            self.open_tasks.insert(id.clone(), agent.clone());
        }
        for (id, operation) in &self.live_operations {
            self.open_operations.insert(id.clone(), operation.clone());
        }
        self.kills.subscribed();
        self.subscriptions += 1;
        let every = self.policy.interval;
        self.round = Some(Round {
            backoff: Backoff::new(self.policy.retry),
            retry_at: now,
            wait: Duration::ZERO,
            all_at: (self.tracking && !every.is_zero()).then(|| now.saturating_add(every)),
            all_asked: false,
        });
    }

    /// The subscription is gone.
    pub(in crate::scheduler) fn lost(&mut self) {
        self.round = None;
    }

    /// The framework was removed, and all that it had with it.
    pub(in crate::scheduler) fn forget_all(&mut self) {
        self.live_tasks.clear();
        self.live_operations.clear();
        self.open_tasks.clear();
        self.open_operations.clear();
        self.kills.clear();
    }

    /// Asks for `tasks`: at once, or after a first wait where something that
    /// is still under way could be the cause of a wrong answer.
    pub(in crate::scheduler) fn ask_tasks(
        &mut self,
        now: Duration,
        tasks: impl IntoIterator<Item = (TaskId, Option<AgentId>)>,
        at_once: bool,
    ) {
        let before = self.open_tasks.len();
        self.open_tasks.extend(tasks);
        if self.open_tasks.len() > before {
            self.hurry(now, at_once);
        }
    }

    /// As [`ask_tasks`](Self::ask_tasks).
    pub(in crate::scheduler) fn ask_operations(
        &mut self,
        now: Duration,
        operations: impl IntoIterator<Item = Operation>,
        at_once: bool,
    ) {
        if !self.operations_too {
            return;
        }
        let before = self.open_operations.len();
        let named = operations
            .into_iter()
            .map(|one| (one.operation_id.clone(), one));
        self.open_operations.extend(named);
        if self.open_operations.len() > before {
            self.hurry(now, at_once);
        }
    }

    fn hurry(&mut self, now: Duration, at_once: bool) {
        if let Some(round) = &mut self.round {
            round.backoff.reset();
            let wait = if at_once {
                Duration::ZERO
            } else {
                self.policy.retry.first
            };
            round.retry_at = now.saturating_add(wait);
            round.wait = Duration::ZERO;
        }
    }

    /// Something was answered, so the rest may be on its way: a scheduler that
    /// takes its time for each answer must not be told all of them again.
    fn answered(&mut self, now: Duration) -> bool {
        if let Some(round) = &mut self.round {
            round.retry_at = round.retry_at.max(now.saturating_add(round.wait));
        }
        self.is_done()
    }

    /// A task is about to be launched.
    pub(in crate::scheduler) fn launching(&mut self, id: &TaskId, agent: Option<&AgentId>) {
        if self.tracking {
            self.live_tasks.insert(id.clone(), agent.cloned());
        }
    }

    /// An operation is about to be asked for.
    pub(in crate::scheduler) fn operating(&mut self, operation: &Operation) {
        if self.tracking && self.operations_too {
            let id = operation.operation_id.clone();
            self.live_operations.insert(id, operation.clone());
        }
    }

    /// It was not launched: Mesos refused, or was not asked.
    pub(in crate::scheduler) fn not_launched(&mut self, id: &TaskId) {
        self.live_tasks.swap_remove(id);
    }

    /// As [`not_launched`](Self::not_launched).
    pub(in crate::scheduler) fn not_operated(&mut self, id: &OperationId) {
        self.live_operations.swap_remove(id);
    }

    /// The scheduler has dealt with an update. Says whether that was the last
    /// answer that was missing.
    pub(in crate::scheduler) fn task(
        &mut self,
        now: Duration,
        observed: &ObservedStatus<'_>,
    ) -> bool {
        let id = observed.task_id;
        // The master does not know it; if that is wrong, an update will tell.
        let unknown =
            observed.state == TaskState::TaskUnknown && observed.reason == Reason::Reconciliation;
        if is_terminal(observed.state) || observed.state == TaskState::TaskUnknown {
            self.kills.ended(id);
        }
        if is_terminal(observed.state) || unknown {
            self.live_tasks.swap_remove(id);
        } else if self.tracking {
            match self.live_tasks.get_mut(id) {
                Some(agent) if agent.as_ref() == observed.agent_id => {}
                Some(agent) => *agent = observed.agent_id.cloned(),
                None => {
                    self.live_tasks
                        .insert(id.clone(), observed.agent_id.cloned());
                }
            }
        }
        self.open_tasks.swap_remove(id).is_some() && self.answered(now)
    }

    /// As [`task`](Self::task).
    pub(in crate::scheduler) fn operation(
        &mut self,
        now: Duration,
        status: &OperationStatus,
    ) -> bool {
        let Some(id) = &status.operation_id else {
            return false;
        };
        match status.state() {
            // The agent is not back yet, so nobody knows.
            OperationState::OperationRecovering => return false,
            OperationState::OperationPending | OperationState::OperationUnreachable => {
                if self.tracking {
                    self.operating(&Operation {
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
        self.open_operations.swap_remove(id).is_some() && self.answered(now)
    }

    /// Whether there is a subscription and nothing is left to be answered.
    pub(in crate::scheduler) fn is_done(&self) -> bool {
        self.round.is_some() && self.nothing_open()
    }

    /// How many tasks and operations were not answered for.
    pub(in crate::scheduler) fn open(&self) -> usize {
        self.open_tasks.len() + self.open_operations.len()
    }

    fn nothing_open(&self) -> bool {
        self.open() == 0
    }

    /// What to ask now. The next time is [`next`](Self::next).
    pub(in crate::scheduler) fn due(&mut self, now: Duration, random: f64) -> Vec<Question> {
        let mut questions = Vec::new();
        let nothing_open = self.nothing_open();
        let Some(round) = &mut self.round else {
            return questions;
        };
        let kills = self.kills.due(now, random);
        if !kills.is_empty() {
            questions.push(Question::Kills(kills));
        }
        if !nothing_open && now >= round.retry_at {
            round.wait = round.backoff.next(random);
            round.retry_at = now.saturating_add(round.wait);
            if !self.open_tasks.is_empty() {
                let task = |(id, agent): (&TaskId, &Option<AgentId>)| reconcile::Task {
                    task_id: id.clone(),
                    agent_id: agent.clone(),
                };
                questions.push(Question::Tasks(self.open_tasks.iter().map(task).collect()));
            }
            if !self.open_operations.is_empty() {
                let operations = self.open_operations.values().cloned().collect();
                questions.push(Question::Operations(operations));
            }
        }
        if let Some(all_at) = round.all_at
            && (now >= all_at || (nothing_open && !round.all_asked))
        {
            round.all_asked = true;
            round.all_at = Some(now.saturating_add(self.policy.interval));
            questions.push(Question::AllTasks);
            if self.operations_too {
                questions.push(Question::AllOperations);
            }
        }
        questions
    }

    /// When something is due. None: not before something happens.
    pub(in crate::scheduler) fn next(&self) -> Option<Duration> {
        let round = self.round.as_ref()?;
        let nothing_open = self.nothing_open();
        let retry = (!nothing_open).then_some(round.retry_at);
        let all = match round.all_at {
            Some(_) if nothing_open && !round.all_asked => Some(Duration::ZERO),
            all_at => all_at,
        };
        [retry, all, self.kills.next()].into_iter().flatten().min()
    }
}

/// Whether nothing more is to come of a task in `state`, as the master sees it
/// (`src/common/protobuf_utils.cpp`). TASK_LOST and TASK_GONE_BY_OPERATOR may
/// be wrong; then an update of another state follows by itself.
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
