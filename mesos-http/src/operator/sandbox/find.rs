//! Finding the sandbox of a task.

use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::v1::agent::response::get_executors::Executor;
use mesos_proto::v1::{ContainerId, ExecutorId, Task, TaskId, TaskState, executor_info};
use tokio::task::JoinSet;

use super::Sandbox;
use crate::files;
use crate::operator::{AgentClient, MasterClient};

/// The number of agents that are requested at the same time.
const AGENTS_AT_ONCE: usize = 16;

impl MasterClient {
    /// The tasks with this id that the master knows (GET_TASKS): those that run, that have ended, and
    /// those of frameworks that have ended. Frameworks can use the same id, and a framework can use an
    /// id again.
    ///
    /// If the master does not know the task, all its agents are requested: an agent keeps more of the
    /// tasks that have ended (its flags `--max_completed_executors_per_framework` and
    /// `--gc_delay`).
    ///
    /// # Errors
    /// The errors of [`get_tasks`](Self::get_tasks). If no task was found, also the error of an agent
    /// that did not answer.
    pub async fn find_tasks(&self, task: impl Into<TaskId>) -> Result<Vec<Task>> {
        let id = task.into();
        let known = self.get_tasks().await?;
        let found: Vec<Task> = [known.tasks, known.unreachable_tasks, known.completed_tasks]
            .into_iter()
            .flatten()
            .filter(|task| task.task_id == id)
            .collect();
        match found.is_empty() {
            true => self.find_on_agents(&id).await,
            false => Ok(found),
        }
    }

    async fn find_on_agents(&self, id: &TaskId) -> Result<Vec<Task>> {
        let agents = self.get_agents().await?.agents;
        let mut agents = agents.iter();
        let (mut found, mut failure) = (Vec::new(), None);
        let mut requests: JoinSet<Result<Vec<Task>>> = JoinSet::new();
        loop {
            while requests.len() < AGENTS_AT_ONCE
                && let Some(agent) = agents.next()
            {
                let (agent, id) = (self.agent_client(agent)?, id.clone());
                requests.spawn(async move { agent.tasks_with(&id).await });
            }
            match requests.join_next().await {
                None => break,
                Some(Ok(Ok(tasks))) => found.extend(tasks),
                Some(Ok(Err(error))) => failure = Some(error),
                Some(Err(end)) => {
                    let message = "a request to an agent was aborted";
                    failure = Some(Error::new(ErrorKind::Panicked, message).with_source(end));
                }
            }
        }
        match failure {
            Some(error) if found.is_empty() => {
                let message = format!(
                    "task {id} was not found, and not every agent could be searched for it"
                );
                Err(Error::new(error.kind(), message).with_source(error))
            }
            _ => Ok(found),
        }
    }

    /// The sandbox of the task with this id. Of several tasks of one framework with this id, the one
    /// that runs, or else the one that ended last.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] if neither the master nor an agent knows the task, or if several
    /// frameworks have a task with this id: then use [`find_tasks`](Self::find_tasks) and
    /// [`task_sandbox`](Self::task_sandbox). Otherwise the errors of these methods.
    pub async fn sandbox(&self, task: impl Into<TaskId>) -> Result<Sandbox> {
        let id = task.into();
        let mut found = self.find_tasks(&id).await?;
        found.sort_by(|a, b| age(a).total_cmp(&age(b)));
        let Some(newest) = found.pop() else {
            let message = format!("neither the master nor one of its agents knows task {id}");
            return Err(Error::new(ErrorKind::Rejected, message));
        };
        if let Some(other) = found
            .iter()
            .find(|task| task.framework_id != newest.framework_id)
        {
            let message = format!(
                "task {id} exists in several frameworks, such as {} and {}; use find_tasks and \
                 task_sandbox",
                newest.framework_id, other.framework_id
            );
            return Err(Error::new(ErrorKind::Rejected, message));
        }
        self.task_sandbox(&newest).await
    }

    /// The sandbox of a task from an answer of the master or of an agent.
    ///
    /// # Errors
    /// Those of [`agent`](Self::agent) and [`AgentClient::task_sandbox`].
    pub async fn task_sandbox(&self, task: &Task) -> Result<Sandbox> {
        let agent = self.agent(&task.agent_id).await.map_err(|error| {
            let message = format!(
                "the sandbox of task {} is on agent {}, which cannot be used",
                task.task_id, task.agent_id
            );
            let explained = Error::new(error.kind(), message).with_delivery(error.delivery());
            explained.with_source(error)
        })?;
        agent.task_sandbox(task).await
    }
}

/// Orders tasks: a task that runs is the newest, and then the time of the last update decides.
fn age(task: &Task) -> f64 {
    if !task.state().is_terminal() {
        return f64::INFINITY;
    }
    let times = task.statuses.iter().filter_map(|status| status.timestamp);
    times.fold(0.0, f64::max)
}

impl AgentClient {
    /// The sandbox of a task on this agent. For a task of the default executor (a task group) this is
    /// the folder of the task in the sandbox of the executor. Other executors with several tasks have
    /// one sandbox for all.
    ///
    /// The run of the executor is that of the task if the agent reports its work directory (GET_FLAGS);
    /// otherwise the latest run of the executor.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] with status 404 if the sandbox does not exist: it was deleted, or the
    /// task has not started yet.
    pub async fn task_sandbox(&self, task: &Task) -> Result<Sandbox> {
        let executor = match &task.executor_id {
            Some(executor) => executor.clone(),
            None => ExecutorId::from(task.task_id.as_str()),
        };
        let run = match container(task) {
            Some(container) => self.run_of(task, &executor, &container).await,
            None => None,
        };
        let run = run.unwrap_or_else(|| files::sandbox(&task.framework_id, &executor));
        let mut sandbox = Sandbox {
            agent: self.clone(),
            root: run,
            task: Some(task.clone()),
        };
        if task.executor_id.is_some() && self.has_folders_of_tasks(task, &executor).await? {
            sandbox.root = format!("{}/tasks/{}", sandbox.root, task.task_id);
        }
        sandbox.entries("").await?;
        Ok(sandbox)
    }

    /// The folder of this run of the executor (`getExecutorRunPath` in src/slave/paths.cpp). The agent
    /// serves it until it is deleted, also when the executor has run again.
    async fn run_of(
        &self,
        task: &Task,
        executor: &ExecutorId,
        container: &ContainerId,
    ) -> Option<String> {
        let flags = match self.get_flags().await {
            Ok(flags) => flags,
            Err(error) => {
                tracing::debug!(%error, "using the latest run of the executor");
                return None;
            }
        };
        let work_dir = flags.into_iter().find(|flag| flag.name == "work_dir")?;
        Some(format!(
            "{}/slaves/{}/frameworks/{}/executors/{executor}/runs/{}",
            work_dir.value?, task.agent_id, task.framework_id, container.value
        ))
    }

    /// Whether the executor is Mesos' default executor, which has a folder for each task.
    async fn has_folders_of_tasks(&self, task: &Task, executor: &ExecutorId) -> Result<bool> {
        let known = self.get_executors().await?;
        let is_it = |found: &&Executor| {
            let info = &found.executor_info;
            let framework = info.framework_id.as_ref();
            info.executor_id == *executor
                && framework.is_none_or(|framework| *framework == task.framework_id)
        };
        let mut all = known.executors.iter().chain(&known.completed_executors);
        let found = all.find(is_it);
        Ok(found.is_some_and(|found| found.executor_info.r#type() == executor_info::Type::Default))
    }

    /// The tasks with this id that the agent knows.
    async fn tasks_with(&self, id: &TaskId) -> Result<Vec<Task>> {
        let known = self.get_tasks().await?;
        let all = [
            known.pending_tasks,
            known.queued_tasks,
            known.launched_tasks,
            known.terminated_tasks,
            known.completed_tasks,
        ];
        let all = all.into_iter().flatten();
        Ok(all.filter(|task| task.task_id == *id).collect())
    }
}

impl Sandbox {
    /// Whether the agent does not run the task any more.
    pub(super) async fn task_has_ended(&self) -> Result<bool> {
        let Some(task) = &self.task else {
            return Ok(false);
        };
        let known = self.agent.get_tasks().await?;
        let mut running = [
            known.pending_tasks,
            known.queued_tasks,
            known.launched_tasks,
        ]
        .into_iter()
        .flatten();
        Ok(!running
            .any(|found| found.task_id == task.task_id && found.framework_id == task.framework_id))
    }
}

/// The container of the task's executor, from the last update that has one.
fn container(task: &Task) -> Option<ContainerId> {
    let mut newest_first = task.statuses.iter().rev();
    let container =
        newest_first.find_map(|status| status.container_status.as_ref()?.container_id.as_ref())?;
    let mut container = container;
    while let Some(parent) = &container.parent {
        container = parent;
    }
    Some(container.clone())
}

/// Whether the executor of the task may not have started yet.
pub(super) fn is_early(task: &Task) -> bool {
    matches!(
        task.state(),
        TaskState::TaskStaging | TaskState::TaskStarting
    )
}

/// The name of the task's state.
pub(super) fn state(task: &Task) -> &'static str {
    task.state().as_str_name()
}
