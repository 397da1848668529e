//! Tasks on agents, and the agents' status update managers (src/status_update_manager/): one update
//! of a task is sent at a time, and repeated until it is acknowledged.

use std::collections::VecDeque;
use std::time::Duration;

use mesos_core::resources::Resources;
use mesos_proto::known;
use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::task_status::{Reason, Source};
use mesos_proto::v1::{
    AgentId, ExecutorInfo, FrameworkId, TaskId, TaskInfo, TaskState, TaskStatus,
};

use super::super::behavior::Kill;
use super::super::clock::Action;
use super::records::Task;
use super::{Cluster, Launched};
use crate::events;

impl Cluster {
    fn task(&mut self, framework_id: &FrameworkId, task_id: &TaskId) -> Option<&mut Task> {
        let framework = self.frameworks.get_mut(framework_id.as_str())?;
        framework.tasks.get_mut(task_id.as_str())
    }

    pub(super) fn start_task(
        &mut self,
        framework_id: &FrameworkId,
        info: TaskInfo,
        executor: Option<ExecutorInfo>,
        agent_id: &AgentId,
        mut resources: Resources,
    ) {
        resources.unallocate();
        let behavior = (self.settings.tasks)(&info);
        self.launched.push(Launched(info.clone()));
        if let Some(agent) = self.agents.get_mut(agent_id.as_str()) {
            agent.used += &resources;
        }
        let task_id = info.task_id.clone();
        let task = Task {
            info,
            executor,
            agent_id: agent_id.clone(),
            resources,
            behavior,
            state: TaskState::TaskStaging as i32,
            forwarded: None,
            pending: VecDeque::new(),
            next_step: 0,
            attempts: 0,
            life: 0,
        };
        if let Some(framework) = self.frameworks.get_mut(framework_id.as_str()) {
            framework.tasks.insert(task_id.value.clone(), task);
        }
        self.plan(framework_id, &task_id);
    }

    /// Schedules the next step of a task's behavior.
    fn plan(&mut self, framework_id: &FrameworkId, task_id: &TaskId) {
        let Some(task) = self.task(framework_id, task_id) else {
            return;
        };
        let step = task.next_step;
        let Some(next) = task.behavior.steps.get(step) else {
            return;
        };
        let (after, life) = (next.after, task.life);
        let action = Action::Step {
            framework_id: framework_id.clone(),
            task_id: task_id.clone(),
            life,
            step,
        };
        self.clock.after(after, action);
    }

    pub(super) fn step(
        &mut self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        life: u64,
        step: usize,
    ) {
        let Some(task) = self.task(framework_id, task_id) else {
            return;
        };
        if task.life != life || task.next_step != step {
            return;
        }
        let Some(next) = task.behavior.steps.get(step) else {
            return;
        };
        let status = next.status.clone();
        task.next_step += 1;
        self.report(framework_id, task_id, status);
        self.plan(framework_id, task_id);
    }

    /// An executor, or its agent, reports a state.
    pub(crate) fn report(
        &mut self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        mut status: TaskStatus,
    ) {
        let (uuid, time) = (self.nature.uuid_bytes(), self.nature.now());
        let Some(task) = self.task(framework_id, task_id) else {
            return;
        };
        if task.is_over() {
            return;
        }
        task.state = status.state;
        status.task_id = task_id.clone();
        status.executor_id = Some(task.executor_id());
        let mut status = events::from_agent(&task.agent_id, status).with_time(time);
        status.uuid = Some(uuid);
        task.pending.push_back(status);
        let first = task.pending.len() == 1;
        if task.is_over() {
            task.life += 1;
            // The master learns of a terminal state at once, and the resources become free.
            let (agent_id, resources) = (task.agent_id.clone(), task.resources.clone());
            if let Some(agent) = self.agents.get_mut(agent_id.as_str()) {
                agent.used -= &resources;
            }
            self.request_allocation();
        }
        if first {
            let wait = self.settings.retry_min;
            self.forward(framework_id, task_id, wait);
        }
    }

    /// Sends the oldest unacknowledged update, and again after `wait`.
    fn forward(&mut self, framework_id: &FrameworkId, task_id: &TaskId, wait: Duration) {
        let Some(task) = self.task(framework_id, task_id) else {
            return;
        };
        let Some(status) = task.pending.front().cloned() else {
            return;
        };
        task.attempts += 1;
        let agent_id = task.agent_id.clone();
        let again = Action::Resend {
            framework_id: framework_id.clone(),
            task_id: task_id.clone(),
            sending: task.attempts,
            wait,
        };
        let reachable = self
            .agents
            .get(agent_id.as_str())
            .is_some_and(|agent| agent.connected);
        if reachable {
            if let Some(task) = self.task(framework_id, task_id) {
                task.forwarded = Some(status.clone());
            }
            if self.chaos.repeats() {
                self.send(framework_id, events::update(status.clone()));
            }
            self.send(framework_id, events::update(status));
        }
        self.clock.after(wait, again);
    }

    pub(super) fn resend(
        &mut self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        sending: u64,
        wait: Duration,
    ) {
        let longer = wait.saturating_mul(2).min(self.settings.retry_max);
        let due = self
            .task(framework_id, task_id)
            .is_some_and(|task| task.attempts == sending);
        if due {
            self.forward(framework_id, task_id, longer);
        }
    }

    /// A returned agent sends its unacknowledged updates at once; delayed steps of its tasks happen
    /// now.
    pub(super) fn resume(&mut self, agent_id: &AgentId) {
        let tasks: Vec<(FrameworkId, TaskId)> = self
            .frameworks
            .values()
            .flat_map(|framework| {
                let tasks = framework.tasks.values();
                tasks.map(|task| (framework.id(), task))
            })
            .filter(|(_, task)| task.agent_id == *agent_id)
            .map(|(framework_id, task)| (framework_id, task.info.task_id.clone()))
            .collect();
        for (framework_id, task_id) in tasks {
            self.forward(&framework_id, &task_id, self.settings.retry_min);
            self.plan(&framework_id, &task_id);
        }
    }

    /// ACKNOWLEDGE, forwarded to the agent if the agent is connected.
    pub(super) fn acknowledge(
        &mut self,
        framework_id: &FrameworkId,
        acknowledge: &call::Acknowledge,
    ) {
        let reachable = self
            .agents
            .get(acknowledge.agent_id.as_str())
            .is_some_and(|agent| agent.connected);
        let wait = self.settings.retry_min;
        let Some(task) = self.task(framework_id, &acknowledge.task_id) else {
            return;
        };
        let matches = task
            .pending
            .front()
            .is_some_and(|status| status.uuid.as_ref() == Some(&acknowledge.uuid));
        if !reachable || task.agent_id != acknowledge.agent_id || !matches {
            tracing::warn!(task = %acknowledge.task_id, "dropping an acknowledgement");
            return;
        }
        let done = task.pending.pop_front();
        let is_terminal = done.as_ref().is_some_and(|status| status.is_terminal());
        self.acknowledged.extend(done);
        if is_terminal {
            if let Some(framework) = self.frameworks.get_mut(framework_id.as_str()) {
                framework.tasks.remove(acknowledge.task_id.as_str());
            }
            return;
        }
        self.forward(framework_id, &acknowledge.task_id, wait);
    }

    /// KILL. For an unknown task the answer is that of a reconciliation.
    pub(super) fn kill(&mut self, framework_id: &FrameworkId, kill: &call::Kill) {
        let Some(framework) = self.frameworks.get(framework_id.as_str()) else {
            return;
        };
        let Some(task) = framework.tasks.get(kill.task_id.as_str()) else {
            let asked = call::reconcile::Task {
                task_id: kill.task_id.clone(),
                agent_id: kill.agent_id.clone(),
            };
            return self.reconcile(framework_id, &[asked]);
        };
        let wrong_agent = kill
            .agent_id
            .as_ref()
            .is_some_and(|agent_id| *agent_id != task.agent_id);
        let reachable = self
            .agents
            .get(task.agent_id.as_str())
            .is_some_and(|agent| agent.connected);
        if wrong_agent || !reachable || task.is_over() {
            tracing::warn!(task = %kill.task_id, "dropping a kill");
            return;
        }
        let Kill::Obeyed(grace) = task.behavior.kill else {
            return;
        };
        let knows_killing = framework.knows_killing();
        let dying = task.state == TaskState::TaskKilling as i32;
        let Some(task) = self.task(framework_id, &kill.task_id) else {
            return;
        };
        if dying {
            return;
        }
        task.life += 1;
        let life = task.life;
        if knows_killing {
            let killing = TaskStatus::new(&kill.task_id, TaskState::TaskKilling);
            self.report(framework_id, &kill.task_id, killing);
        }
        let action = Action::Killed(framework_id.clone(), kill.task_id.clone(), life);
        self.clock.after(grace, action);
    }

    pub(super) fn killed(&mut self, framework_id: &FrameworkId, task_id: &TaskId, life: u64) {
        let alive = self
            .task(framework_id, task_id)
            .is_some_and(|task| task.life == life);
        if alive {
            let killed = TaskStatus::new(task_id, TaskState::TaskKilled);
            self.report(framework_id, task_id, killed);
        }
    }

    /// SHUTDOWN: the agent ends the executor, and reports the end of its tasks.
    pub(super) fn shutdown(&mut self, framework_id: &FrameworkId, shutdown: &call::Shutdown) {
        let Some(framework) = self.frameworks.get(framework_id.as_str()) else {
            return;
        };
        let tasks: Vec<TaskId> = framework
            .tasks
            .values()
            .filter(|task| {
                task.agent_id == shutdown.agent_id
                    && task.executor_id() == shutdown.executor_id
                    && !task.is_over()
            })
            .map(|task| task.info.task_id.clone())
            .collect();
        let custom = framework
            .tasks
            .values()
            .any(|task| task.executor_id() == shutdown.executor_id && task.info.executor.is_some());
        if tasks.is_empty() {
            return;
        }
        for task_id in &tasks {
            let mut status = TaskStatus::new(task_id, TaskState::TaskFailed)
                .with_reason(Reason::ExecutorTerminated)
                .with_message("Executor terminated");
            status.source = Some(Source::Agent as i32);
            self.report(framework_id, task_id, status);
        }
        if custom {
            // The exit status of a process that was ended by SIGKILL, as of wait(2).
            let ended = events::executor_failure(&shutdown.agent_id, &shutdown.executor_id, 9);
            self.send(framework_id, ended);
        }
    }

    /// MESSAGE: answered by the closure of the test if the executor runs.
    pub(super) fn message(&mut self, framework_id: &FrameworkId, message: &call::Message) {
        let (Some(echo), Some(framework)) = (
            self.settings.echo.clone(),
            self.frameworks.get(framework_id.as_str()),
        ) else {
            return;
        };
        let runs = framework
            .executors_on(&message.agent_id)
            .contains(&message.executor_id);
        if !runs {
            return;
        }
        if let Some(data) = echo(message) {
            let event = events::message(&message.agent_id, &message.executor_id, data);
            self.send(framework_id, event);
        }
    }

    /// Frees the resources of a task that has not ended.
    pub(super) fn release(&mut self, task: &Task) {
        if task.is_over() {
            return;
        }
        if let Some(agent) = self.agents.get_mut(task.agent_id.as_str()) {
            agent.used -= &task.resources;
        }
    }

    pub(crate) fn acknowledged(&self) -> Vec<TaskStatus> {
        self.acknowledged.clone()
    }

    pub(crate) fn acknowledged_count(&self) -> usize {
        self.acknowledged.len()
    }

    /// The tasks of a framework that have not ended, with their states.
    pub(crate) fn live_tasks(&self, framework_id: &FrameworkId) -> Vec<(TaskId, TaskState)> {
        let Some(framework) = self.frameworks.get(framework_id.as_str()) else {
            return Vec::new();
        };
        framework
            .tasks
            .values()
            .filter(|task| !task.is_over())
            .filter_map(|task| Some((task.info.task_id.clone(), known(task.state).ok()?)))
            .collect()
    }
}
