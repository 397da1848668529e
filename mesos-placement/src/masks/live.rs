//! Constraints that depend on other tasks. Their masks change with each placement.

use std::collections::HashMap;
use std::rc::Rc;

use fixedbitset::FixedBitSet;

use crate::fields::Values;
use crate::{Constraint, Field, RunningTask};

/// The state of one constraint of one request.
#[derive(Clone, Debug)]
pub(crate) struct Live<'a> {
    rule: Rule,
    pub(super) tasks: Tasks,
    field: Field,
    values: Rc<Values<'a>>,
    /// The number of tasks per value that a slot has.
    counts: Vec<u32>,
    /// The number of tasks per value that no slot has.
    elsewhere: HashMap<String, u32>,
    /// The values that a task may have apart from this constraint.
    possible: Vec<bool>,
    /// The smallest count of all values.
    fewest: u32,
    /// The slots where the constraint holds.
    pub(crate) mask: FixedBitSet,
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    MaxPer(u32),
    GroupBy(u32),
    Cluster,
    With,
    Avoid,
}

/// Which tasks are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tasks {
    Named(String),
    Labeled(String, String),
}

impl Tasks {
    pub(crate) fn include(&self, task: &RunningTask) -> bool {
        match self {
            Tasks::Named(name) => task.request == *name,
            Tasks::Labeled(key, value) => task.labels.get(key) == Some(value),
        }
    }
}

impl<'a> Live<'a> {
    /// The state of `constraint`, if the constraint depends on tasks. `fixed` has the slots where
    /// the other constraints of the request hold.
    pub(super) fn new(
        constraint: &Constraint,
        name: &str,
        values: impl FnOnce(&Field) -> Rc<Values<'a>>,
        fixed: &FixedBitSet,
        running: &[RunningTask],
    ) -> Option<Live<'a>> {
        let named = || Tasks::Named(name.to_owned());
        let labeled = |key: &String, value: &String| Tasks::Labeled(key.clone(), value.clone());
        let (rule, tasks, field) = match constraint {
            Constraint::Unique(field) => (Rule::MaxPer(1), named(), field),
            Constraint::MaxPer { field, max } => (Rule::MaxPer(*max), named(), field),
            Constraint::GroupBy { field, values } => (Rule::GroupBy(*values), named(), field),
            Constraint::Cluster(field) => (Rule::Cluster, named(), field),
            Constraint::With { key, value, field } => (Rule::With, labeled(key, value), field),
            Constraint::Avoid { key, value, field } => (Rule::Avoid, labeled(key, value), field),
            _ => return None,
        };
        let values = values(field);
        let possible = (0..values.len())
            .map(|value| values.slots(value).iter().any(|&slot| fixed.contains(slot)))
            .collect();
        let mut live = Live {
            rule,
            tasks,
            field: field.clone(),
            counts: vec![0; values.len()],
            elsewhere: HashMap::new(),
            possible,
            fewest: 0,
            mask: FixedBitSet::with_capacity(fixed.len()),
            values,
        };
        for task in running {
            if live.tasks.include(task) {
                live.count(task);
            }
        }
        live.draw();
        Some(live)
    }

    fn count(&mut self, task: &RunningTask) {
        match self.values.of_agent(&task.agent, &self.field) {
            Some(value) => self.counts[value] += 1,
            None => {
                if let Some(text) = task.agent.value(&self.field) {
                    *self.elsewhere.entry(text.to_owned()).or_default() += 1;
                }
            }
        }
    }

    /// Draws the whole mask.
    fn draw(&mut self) {
        self.fewest = self.fewest_of_all();
        self.mask.clear();
        for (slot, value) in self.values.of_slot.iter().enumerate() {
            let holds = match value {
                Some(value) => self.holds_at(*value),
                None => matches!(self.rule, Rule::Avoid),
            };
            self.mask.set(slot, holds);
        }
    }

    fn fewest_of_all(&self) -> u32 {
        let Rule::GroupBy(least) = self.rule else {
            return 0;
        };
        let here = self.counts.iter().zip(&self.possible);
        let here = here.filter(|(count, possible)| **possible || **count > 0);
        let all = here.map(|(count, _)| count).chain(self.elsewhere.values());
        if all.clone().count() < least as usize {
            return 0;
        }
        all.min().copied().unwrap_or(0)
    }

    fn holds_at(&self, value: usize) -> bool {
        let count = self.counts[value];
        match self.rule {
            Rule::MaxPer(max) => count < max,
            Rule::GroupBy(_) => count <= self.fewest,
            Rule::Cluster => {
                let tasks: u32 = self.counts.iter().chain(self.elsewhere.values()).sum();
                count == tasks
            }
            Rule::With => count > 0,
            Rule::Avoid => count == 0,
        }
    }

    /// Counts one more task on `slot`. Returns whether the mask has changed.
    pub(super) fn add(&mut self, slot: usize) -> bool {
        let Some(value) = self.values.of_slot[slot] else {
            return false;
        };
        self.counts[value] += 1;
        let count = self.counts[value];
        match self.rule {
            Rule::MaxPer(max) if count == max => self.set_all(value, false),
            Rule::GroupBy(_) if count == self.fewest + 1 => {
                self.set_all(value, false);
                let fewest = self.fewest_of_all();
                if fewest > self.fewest {
                    self.draw();
                }
            }
            Rule::Cluster if count == 1 => self.draw(),
            Rule::With if count == 1 => self.set_all(value, true),
            Rule::Avoid if count == 1 => self.set_all(value, false),
            _ => return false,
        }
        true
    }

    fn set_all(&mut self, value: usize, holds: bool) {
        let values = Rc::clone(&self.values);
        for &slot in values.slots(value) {
            self.mask.set(slot, holds);
        }
    }
}
