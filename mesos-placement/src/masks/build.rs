//! Building the masks of a round.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use fixedbitset::FixedBitSet;

use super::live::{Live, Rule, Tasks, parts};
use super::{Class, Expr, Masks, full};
use crate::fields::Values;
use crate::index::Index;
use crate::{Avoided, Cluster, Constraint, Field, Request, Requirement};

/// Builds the classes of a round.
pub(crate) struct Builder<'a, 'r> {
    index: &'r Index<'a>,
    cluster: &'r Cluster,
    /// The fields by which tasks, old or new, avoid a label.
    avoided: HashMap<(&'r str, &'r str), BTreeSet<&'r Field>>,
    fields: HashMap<Field, Rc<Values<'a>>>,
    fixed: HashMap<Constraint, Rc<FixedBitSet>>,
    by_role: HashMap<Option<&'a str>, Vec<usize>>,
    found: HashMap<Key<'r>, usize>,
    classes: Vec<Class>,
    lives: Vec<Live<'a, 'r>>,
    /// The lives that several classes can share.
    shared: HashMap<(Rule, Tasks<'r>, &'r Field), usize>,
    depending: HashMap<Tasks<'r>, Vec<usize>>,
}

/// Requests with equal keys have the same masks.
#[derive(PartialEq, Eq, Hash)]
struct Key<'r> {
    role: Option<&'r str>,
    reserve: Option<&'r str>,
    gpu: bool,
    constraints: &'r [Constraint],
    /// Set if a constraint compares tasks of one request.
    name: Option<&'r str>,
    avoided: Vec<Tasks<'r>>,
}

impl<'a, 'r> Builder<'a, 'r> {
    pub(crate) fn new(
        index: &'r Index<'a>,
        cluster: &'r Cluster,
        requests: &[&'r Request],
    ) -> Builder<'a, 'r> {
        let mut by_role: HashMap<Option<&str>, Vec<usize>> = HashMap::new();
        for (i, slot) in index.slots.iter().enumerate() {
            by_role.entry(slot.role()).or_default().push(i);
        }
        let mut builder = Builder {
            index,
            cluster,
            avoided: HashMap::new(),
            fields: HashMap::new(),
            fixed: HashMap::new(),
            by_role,
            found: HashMap::new(),
            classes: Vec::new(),
            lives: Vec::new(),
            shared: HashMap::new(),
            depending: HashMap::new(),
        };
        let running = cluster.tasks.iter().flat_map(|task| &task.avoids);
        let running = running.map(Avoided::parts);
        let new = requests.iter().flat_map(|request| request.avoids());
        for (key, value, field) in running.chain(new) {
            builder
                .avoided
                .entry((key, value))
                .or_default()
                .insert(field);
        }
        builder
    }

    /// The class of a request; `always` are the constraints of all requests.
    pub(crate) fn class(&mut self, request: &'r Request, always: &'r [Constraint]) -> usize {
        let own = request.constraints.iter().chain(always);
        let dynamic = own.clone().any(compares_requests);
        let key = Key {
            role: request.role.as_deref(),
            reserve: request
                .reserve
                .as_ref()
                .map(|reserve| reserve.role.as_str()),
            gpu: request.is_gpu(),
            constraints: &request.constraints,
            name: dynamic.then_some(request.name.as_str()),
            avoided: self.avoiding(request),
        };
        if let Some(&class) = self.found.get(&key) {
            return class;
        }
        let mut requirements = Vec::new();
        let mut fixed = full(self.index.slots.len());
        for (role, reserve) in [(key.role, false), (key.reserve, true)] {
            if let Some(role) = role {
                let mask = self.role(role, reserve);
                fixed.intersect_with(&mask);
                let expr = Expr::Fixed(Rc::new(mask));
                requirements.push((Requirement::Role(role.to_owned()), expr));
            }
        }
        for constraint in own.clone().filter(|one| !is_live(one)) {
            if let (Constraint::KeepGpus, true) = (constraint, key.gpu) {
                continue;
            }
            let mask = self.fixed(constraint);
            fixed.intersect_with(&mask);
            requirements.push((
                Requirement::Constraint(constraint.clone()),
                Expr::Fixed(mask),
            ));
        }
        let (mut lives, mut inner) = (Vec::new(), Vec::new());
        for constraint in own.filter(|one| is_live(one)) {
            let mut found = Vec::new();
            let expr = self.expr(constraint, request, &fixed, &mut found);
            match expr {
                Expr::Live(live) => lives.push(live),
                _ => inner.extend(found),
            }
            requirements.push((Requirement::Constraint(constraint.clone()), expr));
        }
        for &tasks in &key.avoided {
            let Tasks::Avoiding(label, value, field) = tasks else {
                continue;
            };
            let live = self.live((Rule::Avoid, tasks, field), &fixed);
            lives.push(live);
            let requirement = Requirement::Avoided {
                key: label.to_owned(),
                value: value.to_owned(),
                field: field.clone(),
            };
            requirements.push((requirement, Expr::Live(live)));
        }
        self.classes.push(Class {
            requirements,
            fixed: Rc::new(fixed),
            lives,
            inner,
        });
        self.found.insert(key, self.classes.len() - 1);
        self.classes.len() - 1
    }

    /// Counts the running tasks.
    pub(crate) fn finish(mut self) -> Masks<'a, 'r> {
        if !self.lives.is_empty() {
            let cluster = self.cluster;
            for task in &cluster.tasks {
                for tasks in Tasks::of(task) {
                    for &live in self.depending.get(&tasks).into_iter().flatten() {
                        self.lives[live].count(task);
                    }
                }
            }
            self.lives.iter_mut().for_each(Live::settle);
        }
        Masks {
            classes: Rc::new(self.classes),
            lives: self.lives,
            depending: Rc::new(self.depending),
            drawn: None,
            mask: FixedBitSet::new(),
        }
    }

    /// The tasks that avoid a label of the request.
    fn avoiding(&self, request: &'r Request) -> Vec<Tasks<'r>> {
        if self.avoided.is_empty() {
            return Vec::new();
        }
        let labels = request.tasks.iter();
        let labels = labels.flat_map(|task| &task.template.labels);
        let labels = labels.flat_map(|labels| &labels.labels);
        let found = labels.flat_map(|label| {
            let (key, value) = (label.key.as_str(), label.value.as_deref().unwrap_or(""));
            let fields = self.avoided.get(&(key, value)).into_iter().flatten();
            fields.map(move |field| Tasks::Avoiding(key, value, field))
        });
        found.collect()
    }

    fn expr(
        &mut self,
        constraint: &'r Constraint,
        request: &'r Request,
        fixed: &FixedBitSet,
        found: &mut Vec<usize>,
    ) -> Expr {
        if !is_live(constraint) {
            return Expr::Fixed(self.fixed(constraint));
        }
        let mut all = |parts: &'r [Constraint]| {
            let parts = parts.iter();
            parts
                .map(|part| self.expr(part, request, fixed, found))
                .collect()
        };
        match constraint {
            Constraint::All(inner) => Expr::All(all(inner)),
            Constraint::Any(inner) => Expr::Any(all(inner)),
            Constraint::Not(inner) => Expr::Not(Box::new(self.expr(inner, request, fixed, found))),
            constraint => match parts(constraint, &request.name) {
                Some(parts) => {
                    let live = self.live(parts, fixed);
                    found.push(live);
                    Expr::Live(live)
                }
                None => Expr::Fixed(self.fixed(constraint)),
            },
        }
    }

    fn live(&mut self, parts: (Rule, Tasks<'r>, &'r Field), fixed: &FixedBitSet) -> usize {
        // An even spread depends on the other constraints of the request.
        let own = matches!(parts.0, Rule::GroupBy(_));
        if let Some(&live) = self.shared.get(&parts).filter(|_| !own) {
            return live;
        }
        let values = self.values(parts.2);
        let live = self.lives.len();
        self.lives
            .push(Live::new((parts.0, parts.2), values, fixed));
        self.shared.insert(parts, live);
        self.depending.entry(parts.1).or_default().push(live);
        live
    }

    fn values(&mut self, field: &Field) -> Rc<Values<'a>> {
        if let Some(values) = self.fields.get(field) {
            return Rc::clone(values);
        }
        let values = Rc::new(Values::new(self.index, field));
        self.fields.insert(field.clone(), Rc::clone(&values));
        values
    }

    /// The slots of a role. An offer without a role is for the only role of the framework, which
    /// may be the role of a reservation.
    fn role(&self, role: &str, reserve: bool) -> FixedBitSet {
        let mut mask = FixedBitSet::with_capacity(self.index.slots.len());
        let mut add = |role| mask.extend(self.by_role.get(&role).into_iter().flatten().copied());
        add(Some(role));
        if reserve || role == "*" {
            add(None);
        }
        mask
    }

    fn mask(&self, holds: impl Fn(usize) -> bool) -> FixedBitSet {
        let mut mask = FixedBitSet::with_capacity(self.index.slots.len());
        mask.extend((0..self.index.slots.len()).filter(|&slot| holds(slot)));
        mask
    }

    /// The mask of a constraint that does not depend on tasks.
    fn fixed(&mut self, constraint: &Constraint) -> Rc<FixedBitSet> {
        if let Some(mask) = self.fixed.get(constraint) {
            return Rc::clone(mask);
        }
        let mask = match constraint {
            Constraint::KeepGpus => self.mask(|slot| !self.index.slots[slot].has_gpus),
            Constraint::Available => {
                let draining = &self.cluster.draining;
                self.mask(|slot| {
                    let slot = &self.index.slots[slot];
                    !slot.unavailable && !draining.contains(&slot.first.agent_id.value)
                })
            }
            Constraint::All(parts) => {
                let mut all = full(self.index.slots.len());
                parts
                    .iter()
                    .for_each(|part| all.intersect_with(&self.fixed(part)));
                all
            }
            Constraint::Any(parts) => {
                let mut any = FixedBitSet::with_capacity(self.index.slots.len());
                parts
                    .iter()
                    .for_each(|part| any.union_with(&self.fixed(part)));
                any
            }
            Constraint::Not(part) => {
                let mut mask = FixedBitSet::clone(&self.fixed(part));
                mask.toggle_range(..);
                mask
            }
            constraint => match constraint.field() {
                Some(field) => {
                    let values = self.values(field);
                    let mut holds = vec![false; values.len()];
                    for (text, id) in values.iter() {
                        holds[id] = constraint.accepts(Some(text));
                    }
                    let missing = constraint.accepts(None);
                    self.mask(|slot| values.of_slot[slot].map_or(missing, |value| holds[value]))
                }
                None => full(self.index.slots.len()),
            },
        };
        let mask = Rc::new(mask);
        self.fixed.insert(constraint.clone(), Rc::clone(&mask));
        mask
    }
}

/// Whether the constraint depends on tasks.
fn is_live(constraint: &Constraint) -> bool {
    compares_requests(constraint)
        || match constraint {
            Constraint::With { .. } | Constraint::Avoid { .. } => true,
            other => other.parts().iter().any(is_live),
        }
}

/// Whether the constraint compares tasks of one request.
fn compares_requests(constraint: &Constraint) -> bool {
    match constraint {
        Constraint::Unique(_)
        | Constraint::MaxPer { .. }
        | Constraint::GroupBy { .. }
        | Constraint::Cluster(_) => true,
        other => other.parts().iter().any(compares_requests),
    }
}
