//! The tasks that the master knows, and the one that an argument means.

use std::collections::HashMap;

use anstyle::Style;
use mesos::operator::Sandbox;
use mesos::v1::master::response::GetTasks;
use mesos::v1::{Task, TaskState, TimeInfo};

use crate::context::Context;
use crate::error::{Code, Error};
use crate::output::{BAD, Cell, GOOD, WARN};
use crate::resolve::{Candidate, resolve};

/// The task that `wanted` means: one that runs, or else one that has ended, or else one that only its
/// agent knows.
pub(super) async fn find(wanted: &str, context: &Context) -> Result<Task, Error> {
    let master = context.master()?;
    let known = master.get_tasks().await?;
    let running = known.tasks.iter().chain(&known.unreachable_tasks);
    let error = match select(wanted, running).or_else(|_| select(wanted, all(&known))) {
        Ok(task) => return Ok(task.clone()),
        Err(error) => error,
    };
    let found = master.find_tasks(wanted).await?;
    let newest = found.into_iter().max_by(|a, b| time(a).total_cmp(&time(b)));
    newest.ok_or(error)
}

/// The sandbox of the task that `wanted` means.
pub(super) async fn sandbox(wanted: &str, context: &Context) -> Result<Sandbox, Error> {
    let task = find(wanted, context).await?;
    let sandbox = context.master()?.task_sandbox(&task).await;
    sandbox.map_err(|error| match error.status() {
        Some(404) => Error::new(Code::NotFound, format!("{error:#}")),
        _ => error.into(),
    })
}

fn select<'a>(wanted: &str, tasks: impl Iterator<Item = &'a Task>) -> Result<&'a Task, Error> {
    let mut newest: HashMap<_, &Task> = HashMap::new();
    for task in tasks {
        let key = (&task.framework_id.value, &task.task_id.value);
        let present = newest.entry(key).or_insert(task);
        if time(task) > time(present) {
            *present = task;
        }
    }
    let mut tasks: Vec<_> = newest.into_values().collect();
    tasks.sort_by(|a, b| a.task_id.value.cmp(&b.task_id.value));
    let candidate = |task: &'a Task| Candidate {
        id: &task.task_id.value,
        // A name that repeats the id does not help.
        name: match task.name == task.task_id.value {
            true => "",
            false => &task.name,
        },
        value: task,
    };
    resolve("task", wanted, tasks.into_iter().map(candidate))
}

/// All tasks in an answer.
pub(super) fn all(known: &GetTasks) -> impl Iterator<Item = &Task> {
    let running = known.tasks.iter().chain(&known.unreachable_tasks);
    running.chain(&known.completed_tasks)
}

/// The state without `TASK_` in lower case, with its style.
pub(crate) fn state(task: &Task) -> Cell {
    let state = task.state();
    let name = state.as_str_name();
    let name = name.strip_prefix("TASK_").unwrap_or(name);
    let style = match state {
        TaskState::TaskRunning => GOOD,
        TaskState::TaskFinished | TaskState::TaskStaging | TaskState::TaskStarting => Style::new(),
        TaskState::TaskKilling | TaskState::TaskKilled | TaskState::TaskUnreachable => WARN,
        _ => BAD,
    };
    Cell::styled(name.to_lowercase(), style)
}

/// The time of the last update; 0 without one.
pub(super) fn time(task: &Task) -> f64 {
    let times = task.statuses.iter().filter_map(|status| status.timestamp);
    times.fold(0.0, f64::max)
}

/// The time of the first update.
pub(crate) fn started(task: &Task) -> Option<TimeInfo> {
    let times = task.statuses.iter().filter_map(|status| status.timestamp);
    let first = times.min_by(f64::total_cmp)?;
    Some(TimeInfo {
        nanoseconds: (first * 1e9) as i64,
    })
}
