//! Constraints that depend on other tasks. What they permit changes with each placement.

use std::collections::HashMap;
use std::rc::Rc;

use fixedbitset::FixedBitSet;

use crate::fields::Values;
use crate::{Constraint, Field, RunningTask};

/// The tasks that one constraint counts, by the value of its field. Requests whose constraints
/// count the same tasks share it.
#[derive(Clone, Debug)]
pub(crate) struct Live<'a, 'r> {
    rule: Rule,
    field: &'r Field,
    values: Rc<Values<'a>>,
    /// The number of tasks per value that a slot has. Most values have none.
    counts: HashMap<usize, u32>,
    /// The number of tasks per value that no slot has.
    elsewhere: HashMap<&'r str, u32>,
    spread: Spread,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rule {
    MaxPer(u32),
    GroupBy(u32),
    Cluster,
    With,
    Avoid,
}

/// Which tasks are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tasks<'t> {
    /// Those of the request with this name.
    Named(&'t str),
    /// Those with this label.
    Labeled(&'t str, &'t str),
    /// Those that avoid this label on agents with the same value of the field.
    Avoiding(&'t str, &'t str, &'t Field),
}

impl<'t> Tasks<'t> {
    /// All groups of tasks that a task belongs to.
    pub(crate) fn of(task: &'t RunningTask) -> impl Iterator<Item = Tasks<'t>> {
        let labels = task.labels.iter();
        let labeled = labels.map(|(key, value)| Tasks::Labeled(key, value));
        let avoided = task.avoids.iter();
        let avoiding = avoided.map(|one| Tasks::Avoiding(&one.key, &one.value, &one.field));
        std::iter::once(Tasks::Named(&task.request))
            .chain(labeled)
            .chain(avoiding)
    }
}

/// What an even spread needs: the smallest count, and how many values have it.
#[derive(Clone, Debug, Default)]
struct Spread {
    /// The values that a task may have apart from the constraint. Values with tasks count, too.
    possible: FixedBitSet,
    fewest: u32,
    with_fewest: usize,
}

/// What one more task changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    /// The constraint now excludes the slots with this value.
    Lost(usize),
    All,
}

/// The rule, the tasks and the field of a constraint, if it depends on tasks. `name` is the name of
/// the request.
pub(super) fn parts<'r>(
    constraint: &'r Constraint,
    name: &'r str,
) -> Option<(Rule, Tasks<'r>, &'r Field)> {
    let named = Tasks::Named(name);
    Some(match constraint {
        Constraint::Unique(field) => (Rule::MaxPer(1), named, field),
        Constraint::MaxPer { field, max } => (Rule::MaxPer(*max), named, field),
        Constraint::GroupBy { field, values } => (Rule::GroupBy(*values), named, field),
        Constraint::Cluster(field) => (Rule::Cluster, named, field),
        Constraint::With { key, value, field } => (Rule::With, Tasks::Labeled(key, value), field),
        Constraint::Avoid { key, value, field } => (Rule::Avoid, Tasks::Labeled(key, value), field),
        _ => return None,
    })
}

impl<'a, 'r> Live<'a, 'r> {
    /// Without tasks. `fixed` has the slots where the other constraints of the request hold.
    pub(super) fn new(
        (rule, field): (Rule, &'r Field),
        values: Rc<Values<'a>>,
        fixed: &FixedBitSet,
    ) -> Live<'a, 'r> {
        let mut spread = Spread::default();
        if let Rule::GroupBy(_) = rule {
            let possible = |value: &usize| values.slots(*value).iter().any(|&s| fixed.contains(s));
            spread.possible = FixedBitSet::with_capacity(values.len());
            spread
                .possible
                .extend((0..values.len()).filter(|value| possible(value)));
        }
        Live {
            rule,
            field,
            values,
            counts: HashMap::new(),
            elsewhere: HashMap::new(),
            spread,
        }
    }

    /// Counts a task that runs already. [`settle`](Self::settle) follows when all are counted.
    pub(super) fn count(&mut self, task: &'r RunningTask) {
        let Some(text) = task.agent.value(self.field) else {
            return;
        };
        match self.values.get(text) {
            Some(value) => *self.counts.entry(value).or_default() += 1,
            None => *self.elsewhere.entry(text).or_default() += 1,
        }
    }

    /// Finds the smallest count of all values.
    pub(super) fn settle(&mut self) {
        let Rule::GroupBy(least) = self.rule else {
            return;
        };
        let possible = self.spread.possible.ones();
        let here = possible.map(|value| self.of_value(value));
        let counted = self.counts.iter();
        let others = counted.filter(|(value, _)| !self.spread.possible.contains(**value));
        let all = here.chain(others.map(|(_, count)| *count));
        let all: Vec<u32> = all.chain(self.elsewhere.values().copied()).collect();
        let fewest = match all.iter().min() {
            Some(fewest) if all.len() >= least as usize => *fewest,
            _ => 0,
        };
        self.spread.fewest = fewest;
        self.spread.with_fewest = all.iter().filter(|count| **count == fewest).count();
    }

    fn of_value(&self, value: usize) -> u32 {
        self.counts.get(&value).copied().unwrap_or(0)
    }

    /// Removes the slots where the constraint does not hold.
    pub(super) fn restrict(&self, mask: &mut FixedBitSet) {
        let lose = |mask: &mut FixedBitSet, least: u32| {
            for (value, _) in self.counts.iter().filter(|(_, count)| **count >= least) {
                self.remove(*value, mask);
            }
        };
        match self.rule {
            Rule::MaxPer(0) => mask.clear(),
            Rule::MaxPer(max) => {
                mask.intersect_with(&self.values.known);
                lose(mask, max);
            }
            Rule::GroupBy(_) => {
                mask.intersect_with(&self.values.known);
                lose(mask, self.spread.fewest.saturating_add(1));
            }
            // An agent without the field has nothing in common with another agent.
            Rule::Avoid => lose(mask, 1),
            Rule::With => self.keep(mask),
            Rule::Cluster if self.counts.is_empty() && self.elsewhere.is_empty() => {
                mask.intersect_with(&self.values.known);
            }
            Rule::Cluster if self.counts.len() == 1 && self.elsewhere.is_empty() => self.keep(mask),
            Rule::Cluster => mask.clear(),
        }
    }

    /// Keeps the slots whose values have tasks.
    fn keep(&self, mask: &mut FixedBitSet) {
        let mut kept = FixedBitSet::with_capacity(mask.len());
        for value in self.counts.keys() {
            kept.extend(self.values.slots(*value).iter().copied());
        }
        mask.intersect_with(&kept);
    }

    /// Removes the slots with this value.
    pub(super) fn remove(&self, value: usize, mask: &mut FixedBitSet) {
        for &slot in self.values.slots(value) {
            mask.remove(slot);
        }
    }

    /// Counts one more task on `slot`.
    pub(super) fn add(&mut self, slot: usize) -> Change {
        let Some(value) = self.values.of_slot[slot] else {
            return Change::Nothing;
        };
        let count = self.counts.entry(value).or_default();
        *count += 1;
        match (self.rule, *count) {
            (Rule::MaxPer(max), count) if count == max => Change::Lost(value),
            (Rule::Avoid, 1) => Change::Lost(value),
            (Rule::With | Rule::Cluster, 1) => Change::All,
            (Rule::GroupBy(_), 1) if !self.spread.possible.contains(value) => {
                self.settle();
                Change::All
            }
            (Rule::GroupBy(_), count) if count == self.spread.fewest + 1 => {
                self.spread.with_fewest = self.spread.with_fewest.saturating_sub(1);
                if self.spread.with_fewest > 0 {
                    return Change::Lost(value);
                }
                self.settle();
                Change::All
            }
            _ => Change::Nothing,
        }
    }
}
