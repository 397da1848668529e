//! The agents.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::SystemTime;

use mesos::v1::AgentInfo;
use mesos::v1::master::response::get_agents::Agent;

use super::row::{Cell, Row, any_contains};
use super::usage::{NAMES, Share, amounts};
use crate::command::agent::Known;
use crate::output::{self, Column};

/// An agent with its resources and the number of its tasks.
#[derive(Clone, Debug)]
pub(crate) struct AgentRow {
    pub(crate) id: String,
    pub(crate) host: String,
    state: output::Cell,
    /// One for each of the [`NAMES`].
    pub(crate) shares: [Share; 4],
    pub(crate) tasks: usize,
}

impl AgentRow {
    /// `by_tasks` has the resources of its tasks that have not ended, and `tasks` their number.
    ///
    /// The master reports the allocation of an agent only on request, so the agent may be older than
    /// the tasks: more tasks show at once, and fewer tasks with the next report.
    pub(super) fn registered(agent: &Arc<Agent>, by_tasks: [f64; 4], tasks: usize) -> Self {
        let total = amounts(&agent.total_resources);
        let allocated = amounts(&agent.allocated_resources);
        let offered = amounts(&agent.offered_resources);
        let share = |index: usize| {
            let used = allocated[index].max(by_tasks[index]);
            Share {
                used,
                // A part of the offers has become tasks since the report.
                offered: offered[index].min((total[index] - used).max(0.0)),
                total: total[index],
            }
        };
        let shares = [0, 1, 2, 3].map(share);
        Self::new(Known::Registered(agent), shares, tasks)
    }

    /// An agent that has not returned since the election of the master.
    pub(super) fn recovered(info: &AgentInfo) -> Self {
        Self::new(Known::Recovered(info), Default::default(), 0)
    }

    fn new(known: Known<'_>, shares: [Share; 4], tasks: usize) -> Self {
        Self {
            id: known.id().to_owned(),
            host: known.info().hostname.clone(),
            state: known.state(),
            shares,
            tasks,
        }
    }
}

impl Row for AgentRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("HOST"),
        Column::number("CPUS"),
        Column::number("MEM"),
        Column::number("DISK"),
        Column::number("GPUS"),
        Column::text("STATE"),
        Column::number("TASKS"),
        Column::text("ID"),
    ];
    const SORT: (usize, bool) = (0, false);

    fn key(&self) -> &str {
        &self.id
    }

    fn cell(&self, column: usize, _: SystemTime) -> Cell {
        match column {
            0 => self.host.as_str().into(),
            1..=4 => Cell::bar(self.shares[column - 1], NAMES[column - 1]),
            5 => Cell::Text(self.state.clone()),
            6 => self.tasks.to_string().into(),
            _ => self.id.as_str().into(),
        }
    }

    fn order(&self, other: &Self, column: usize) -> Ordering {
        match column {
            0 => self.host.cmp(&other.host),
            1..=4 => {
                let ratio = |row: &Self| row.shares[column - 1].ratio();
                ratio(self).total_cmp(&ratio(other))
            }
            5 => self.state.text().cmp(other.state.text()),
            6 => self.tasks.cmp(&other.tasks),
            _ => Ordering::Equal,
        }
    }

    fn contains(&self, text: &str) -> bool {
        any_contains([self.id.as_str(), &self.host, self.state.text()], text)
    }
}
