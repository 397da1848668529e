//! Masks: the slots where the constraints of requests hold, one bit per slot.
//!
//! Requests with the same constraints share their evaluation, and constraints are evaluated once
//! per value of a field instead of once per offer.

mod live;

use std::collections::HashMap;
use std::rc::Rc;

use fixedbitset::FixedBitSet;

use crate::fields::Values;
use crate::index::Index;
use crate::{Cluster, Constraint, Field, Request, Requirement};

pub(crate) use self::live::{Live, Tasks};

/// The constraints of one or more requests.
#[derive(Clone, Debug)]
pub(crate) struct Class<'a> {
    /// Each requirement with its expression.
    pub(crate) requirements: Vec<(Requirement, Expr)>,
    /// The slots where all requirements hold that do not depend on tasks.
    fixed: Rc<FixedBitSet>,
    lives: Vec<Live<'a>>,
    /// The slots where all requirements hold.
    pub(crate) mask: FixedBitSet,
}

/// A requirement as an expression of masks.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Fixed(Rc<FixedBitSet>),
    /// The index in the lives of the class.
    Live(usize),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
}

impl Class<'_> {
    /// The slots where a requirement holds.
    pub(crate) fn mask_of(&self, expr: &Expr) -> FixedBitSet {
        let slots = self.mask.len();
        match expr {
            Expr::Fixed(mask) => FixedBitSet::clone(mask),
            Expr::Live(at) => self.lives[*at].mask.clone(),
            Expr::All(parts) => {
                let mut all = full(slots);
                parts
                    .iter()
                    .for_each(|part| all.intersect_with(&self.mask_of(part)));
                all
            }
            Expr::Any(parts) => {
                let mut any = FixedBitSet::with_capacity(slots);
                parts
                    .iter()
                    .for_each(|part| any.union_with(&self.mask_of(part)));
                any
            }
            Expr::Not(part) => {
                let mut mask = self.mask_of(part);
                mask.toggle_range(..);
                mask
            }
        }
    }

    fn draw(&mut self) {
        let mut mask = FixedBitSet::clone(&self.fixed);
        for (_, expr) in &self.requirements {
            match expr {
                Expr::Fixed(_) => {}
                Expr::Live(at) => mask.intersect_with(&self.lives[*at].mask),
                expr => mask.intersect_with(&self.mask_of(expr)),
            }
        }
        self.mask = mask;
    }

    /// Counts a task that was placed on `slot`.
    pub(crate) fn add(&mut self, tasks: &Tasks, slot: usize) {
        let lives = self.lives.iter_mut().filter(|live| live.tasks == *tasks);
        // All of them count, so no short circuit.
        let changed = lives.fold(false, |changed, live| live.add(slot) | changed);
        if changed {
            self.draw();
        }
    }

    /// The tasks whose placement changes the masks.
    pub(crate) fn depends_on(&self) -> impl Iterator<Item = &Tasks> {
        self.lives.iter().map(|live| &live.tasks)
    }
}

pub(crate) fn full(slots: usize) -> FixedBitSet {
    let mut mask = FixedBitSet::with_capacity(slots);
    mask.insert_range(..);
    mask
}

/// Builds the classes of a round.
pub(crate) struct Builder<'a, 'r> {
    index: &'r Index<'a>,
    cluster: &'r Cluster,
    fields: HashMap<Field, Rc<Values<'a>>>,
    fixed: HashMap<Constraint, Rc<FixedBitSet>>,
    by_role: HashMap<Option<&'a str>, Vec<usize>>,
    found: HashMap<Key<'r>, usize>,
    pub(crate) classes: Vec<Class<'a>>,
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
}

impl<'a, 'r> Builder<'a, 'r> {
    pub(crate) fn new(index: &'r Index<'a>, cluster: &'r Cluster) -> Builder<'a, 'r> {
        let mut by_role: HashMap<Option<&str>, Vec<usize>> = HashMap::new();
        for (i, slot) in index.slots.iter().enumerate() {
            by_role.entry(slot.role()).or_default().push(i);
        }
        Builder {
            index,
            cluster,
            fields: HashMap::new(),
            fixed: HashMap::new(),
            by_role,
            found: HashMap::new(),
            classes: Vec::new(),
        }
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
        let mut lives = Vec::new();
        for constraint in own.filter(|one| is_live(one)) {
            let expr = self.expr(constraint, request, &fixed, &mut lives);
            requirements.push((Requirement::Constraint(constraint.clone()), expr));
        }
        let mut class = Class {
            requirements,
            mask: fixed.clone(),
            fixed: Rc::new(fixed),
            lives,
        };
        class.draw();
        self.classes.push(class);
        self.found.insert(key, self.classes.len() - 1);
        self.classes.len() - 1
    }

    fn expr(
        &mut self,
        constraint: &'r Constraint,
        request: &Request,
        fixed: &FixedBitSet,
        lives: &mut Vec<Live<'a>>,
    ) -> Expr {
        if !is_live(constraint) {
            return Expr::Fixed(self.fixed(constraint));
        }
        let mut parts = |parts: &'r [Constraint], lives: &mut Vec<Live<'a>>| {
            let parts = parts.iter();
            parts
                .map(|part| self.expr(part, request, fixed, lives))
                .collect()
        };
        match constraint {
            Constraint::All(inner) => Expr::All(parts(inner, lives)),
            Constraint::Any(inner) => Expr::Any(parts(inner, lives)),
            Constraint::Not(inner) => Expr::Not(Box::new(self.expr(inner, request, fixed, lives))),
            _ => {
                let running = &self.cluster.tasks;
                let values = |field: &Field| self.values(field);
                lives.extend(Live::new(constraint, &request.name, values, fixed, running));
                Expr::Live(lives.len() - 1)
            }
        }
    }

    pub(crate) fn values(&mut self, field: &Field) -> Rc<Values<'a>> {
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
