//! The tasks that have not ended.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::SystemTime;

use mesos::v1::Task;

use super::row::{Cell, Row, any_contains};
use crate::command::task::{started, state};
use crate::output::{Column, age_at, mebibytes, number};

/// A task.
#[derive(Clone, Debug)]
pub(crate) struct TaskRow {
    pub(crate) task: Arc<Task>,
    key: String,
    cpus: f64,
    mem: f64,
    /// Nanoseconds since 1970; 0 before the first update.
    started: i64,
    host: Arc<str>,
    framework: Arc<str>,
}

impl TaskRow {
    pub(super) fn new(
        task: &Arc<Task>,
        [cpus, mem, ..]: [f64; 4],
        host: Arc<str>,
        framework: Arc<str>,
    ) -> Self {
        Self {
            key: format!("{} {}", task.framework_id, task.task_id),
            cpus,
            mem,
            started: started(task).map_or(0, |time| time.nanoseconds),
            host,
            framework,
            task: Arc::clone(task),
        }
    }
}

impl Row for TaskRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("TASK"),
        Column::text("STATE"),
        Column::number("CPUS"),
        Column::number("MEM"),
        Column::number("AGE"),
        Column::text("HOST"),
        Column::text("NAME"),
        Column::text("FRAMEWORK"),
    ];
    const SORT: (usize, bool) = (0, false);

    fn key(&self) -> &str {
        &self.key
    }

    fn cell(&self, column: usize, now: SystemTime) -> Cell {
        match column {
            0 => self.task.task_id.as_str().into(),
            1 => Cell::Text(state(&self.task)),
            2 => number(self.cpus).into(),
            3 => mebibytes(self.mem).into(),
            4 => age_at(started(&self.task).as_ref(), now).into(),
            5 => self.host.as_ref().into(),
            6 => self.task.name.as_str().into(),
            _ => self.framework.as_ref().into(),
        }
    }

    fn order(&self, other: &Self, column: usize) -> Ordering {
        match column {
            0 => self.task.task_id.value.cmp(&other.task.task_id.value),
            1 => {
                let name = |row: &Self| row.task.state().as_str_name();
                name(self).cmp(name(other))
            }
            2 => self.cpus.total_cmp(&other.cpus),
            3 => self.mem.total_cmp(&other.mem),
            // The oldest task has the largest age.
            4 => other.started.cmp(&self.started),
            5 => self.host.cmp(&other.host),
            6 => self.task.name.cmp(&other.task.name),
            _ => self.framework.cmp(&other.framework),
        }
    }

    fn contains(&self, text: &str) -> bool {
        let task = &self.task;
        let parts = [
            task.task_id.as_str(),
            &task.name,
            state_name(task),
            &self.host,
            task.agent_id.as_str(),
            &self.framework,
            task.framework_id.as_str(),
        ];
        any_contains(parts, text)
    }
}

fn state_name(task: &Task) -> &'static str {
    task.state().as_str_name()
}
