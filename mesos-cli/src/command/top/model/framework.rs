//! The frameworks that have not ended.

use std::cmp::Ordering;
use std::time::SystemTime;

use mesos::v1::master::response::get_frameworks::Framework;

use super::row::{Cell, Row, any_contains};
use super::usage::amounts;
use crate::command::framework::{id, roles, state};
use crate::output::{self, Column, mebibytes, number};

/// A framework with the number and the resources of its tasks.
#[derive(Clone, Debug)]
pub(crate) struct FrameworkRow {
    pub(crate) id: String,
    name: String,
    state: output::Cell,
    roles: String,
    user: String,
    tasks: usize,
    cpus: f64,
    mem: f64,
}

impl FrameworkRow {
    /// As for an agent, the allocation may be older than the resources of the tasks.
    pub(super) fn new(framework: &Framework, by_tasks: [f64; 4], tasks: usize) -> Self {
        let [cpus, mem, ..] = amounts(&framework.allocated_resources);
        Self {
            id: id(framework).to_owned(),
            name: framework.framework_info.name.clone(),
            state: state(framework),
            roles: roles(framework).join(","),
            user: framework.framework_info.user.clone(),
            tasks,
            cpus: cpus.max(by_tasks[0]),
            mem: mem.max(by_tasks[1]),
        }
    }
}

impl Row for FrameworkRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("FRAMEWORK"),
        Column::text("STATE"),
        Column::number("TASKS"),
        Column::number("CPUS"),
        Column::number("MEM"),
        Column::text("ROLES"),
        Column::text("USER"),
        Column::text("ID"),
    ];
    const SORT: (usize, bool) = (0, false);

    fn key(&self) -> &str {
        &self.id
    }

    fn cell(&self, column: usize, _: SystemTime) -> Cell {
        match column {
            0 => self.name.as_str().into(),
            1 => Cell::Text(self.state.clone()),
            2 => self.tasks.to_string().into(),
            3 => number(self.cpus).into(),
            4 => mebibytes(self.mem).into(),
            5 => self.roles.as_str().into(),
            6 => self.user.as_str().into(),
            _ => self.id.as_str().into(),
        }
    }

    fn order(&self, other: &Self, column: usize) -> Ordering {
        match column {
            0 => self.name.cmp(&other.name),
            1 => self.state.text().cmp(other.state.text()),
            2 => self.tasks.cmp(&other.tasks),
            3 => self.cpus.total_cmp(&other.cpus),
            4 => self.mem.total_cmp(&other.mem),
            5 => self.roles.cmp(&other.roles),
            6 => self.user.cmp(&other.user),
            _ => Ordering::Equal,
        }
    }

    fn contains(&self, text: &str) -> bool {
        let state = self.state.text();
        any_contains(
            [self.id.as_str(), &self.name, state, &self.roles, &self.user],
            text,
        )
    }
}
