//! Whether constraints hold on an agent.

use std::collections::BTreeMap;

use crate::slot::Slot;
use crate::{Agent, Cluster, Constraint, Field, Request, RunningTask};

/// What constraints compare with.
pub(crate) struct Surroundings<'a> {
    pub(crate) slots: &'a [Slot],
    pub(crate) cluster: &'a Cluster,
}

impl Surroundings<'_> {
    fn tasks(&self) -> impl Iterator<Item = &RunningTask> {
        let placed = self.slots.iter().flat_map(|slot| &slot.placed);
        self.cluster
            .tasks
            .iter()
            .chain(placed.map(|placed| &placed.running))
    }

    /// The number of tasks of the request per value of the field.
    fn counts(&self, request: &Request, field: &Field) -> BTreeMap<&str, u32> {
        let mut counts = BTreeMap::new();
        for task in self.tasks().filter(|task| task.request == request.name) {
            if let Some(value) = task.agent.value(field) {
                *counts.entry(value).or_default() += 1;
            }
        }
        counts
    }

    /// Whether a task with the label runs at the same value of the field.
    fn near(&self, agent: &Agent, field: &Field, key: &str, value: &str) -> bool {
        let here = agent.value(field);
        here.is_some()
            && self.tasks().any(|task| {
                task.agent.value(field) == here
                    && task.labels.get(key).is_some_and(|label| label == value)
            })
    }

    pub(crate) fn holds(&self, constraint: &Constraint, request: &Request, slot: &Slot) -> bool {
        let agent = &slot.agent;
        match constraint {
            Constraint::Is { field, value } => agent.value(field) == Some(value),
            Constraint::IsNot { field, value } => agent.value(field) != Some(value),
            Constraint::Like { field, pattern } => {
                agent.value(field).is_some_and(|text| pattern.matches(text))
            }
            Constraint::Unlike { field, pattern } => {
                !agent.value(field).is_some_and(|text| pattern.matches(text))
            }
            Constraint::In { field, values } => {
                agent.value(field).is_some_and(|text| values.contains(text))
            }
            Constraint::NotIn { field, values } => {
                !agent.value(field).is_some_and(|text| values.contains(text))
            }
            Constraint::Exists(field) => agent.value(field).is_some(),
            Constraint::Unique(field) => self.max_per(request, agent, field, 1),
            Constraint::MaxPer { field, max } => self.max_per(request, agent, field, *max),
            Constraint::GroupBy { field, values } => {
                let mut counts = self.counts(request, field);
                for slot in self.slots {
                    if let Some(value) = slot.agent.value(field) {
                        counts.entry(value).or_default();
                    }
                }
                let known = counts.len() >= *values as usize;
                let fewest = counts.values().min().copied().unwrap_or(0);
                let fewest = if known { fewest } else { 0 };
                agent
                    .value(field)
                    .is_some_and(|value| counts[value] <= fewest)
            }
            Constraint::Cluster(field) => {
                let counts = self.counts(request, field);
                agent.value(field).is_some_and(|value| {
                    counts.is_empty() || (counts.len() == 1 && counts.contains_key(value))
                })
            }
            Constraint::With { key, value, field } => self.near(agent, field, key, value),
            Constraint::Avoid { key, value, field } => !self.near(agent, field, key, value),
            Constraint::KeepGpus => {
                request.is_gpu() || slot.free.gpus().is_none_or(|gpus| gpus == 0.0)
            }
            Constraint::Available => {
                !slot.unavailable && !self.cluster.draining.contains(&agent.id)
            }
            Constraint::All(parts) => parts.iter().all(|part| self.holds(part, request, slot)),
            Constraint::Any(parts) => parts.iter().any(|part| self.holds(part, request, slot)),
            Constraint::Not(part) => !self.holds(part, request, slot),
        }
    }

    fn max_per(&self, request: &Request, agent: &Agent, field: &Field, max: u32) -> bool {
        let counts = self.counts(request, field);
        let value = agent.value(field);
        value.is_some_and(|value| counts.get(value).is_none_or(|count| *count < max))
    }
}
