//! Masks: the slots where the constraints of requests hold, one bit per slot.
//!
//! Requests with the same constraints share their evaluation, and constraints are evaluated once
//! per value of a field instead of once per offer. A mask that depends on other tasks is drawn when
//! a request needs it, and only the last one is kept.

mod build;
mod live;

use std::collections::HashMap;
use std::rc::Rc;

use fixedbitset::FixedBitSet;

use self::live::{Change, Live};
use crate::{Requirement, RunningTask};

pub(crate) use self::build::Builder;
pub(crate) use self::live::Tasks;

/// The constraints of one or more requests.
#[derive(Debug)]
pub(crate) struct Class {
    /// Each requirement with its expression.
    pub(crate) requirements: Vec<(Requirement, Expr)>,
    /// The slots where all requirements hold that do not depend on tasks.
    fixed: Rc<FixedBitSet>,
    /// The requirements that depend on tasks: those that are one live constraint, and the others
    /// with the live constraints inside.
    lives: Vec<usize>,
    inner: Vec<usize>,
}

/// A requirement as an expression of masks.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Fixed(Rc<FixedBitSet>),
    /// The index in the lives.
    Live(usize),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
}

impl Class {
    fn is_fixed(&self) -> bool {
        self.lives.is_empty() && self.inner.is_empty()
    }
}

/// The masks of all classes, with the tasks that were placed so far.
#[derive(Clone, Debug)]
pub(crate) struct Masks<'a, 'r> {
    classes: Rc<Vec<Class>>,
    lives: Vec<Live<'a, 'r>>,
    /// The lives that count these tasks.
    depending: Rc<HashMap<Tasks<'r>, Vec<usize>>>,
    /// The class whose mask is in `mask`.
    drawn: Option<usize>,
    mask: FixedBitSet,
}

impl Masks<'_, '_> {
    pub(crate) fn class(&self, class: usize) -> &Class {
        &self.classes[class]
    }

    /// Prepares [`mask`](Self::mask) of this class.
    pub(crate) fn draw(&mut self, class: usize) {
        let classes = Rc::clone(&self.classes);
        let new = &classes[class];
        if self.drawn == Some(class) || new.is_fixed() {
            return;
        }
        let mut mask = std::mem::take(&mut self.mask);
        mask.clone_from(&new.fixed);
        self.restrict(new, &mut mask);
        self.mask = mask;
        self.drawn = Some(class);
    }

    /// Removes the slots where requirements that depend on tasks do not hold.
    fn restrict(&self, class: &Class, mask: &mut FixedBitSet) {
        for (_, expr) in &class.requirements {
            match expr {
                Expr::Fixed(_) => {}
                Expr::Live(live) => self.lives[*live].restrict(mask),
                expr => mask.intersect_with(&self.mask_of(expr)),
            }
        }
    }

    /// A copy of the slots where all requirements of the class hold.
    pub(crate) fn mask_of_class(&self, class: usize) -> FixedBitSet {
        let class = &self.classes[class];
        let mut mask = FixedBitSet::clone(&class.fixed);
        self.restrict(class, &mut mask);
        mask
    }

    /// The slots where all requirements of the class hold, which was drawn last.
    pub(crate) fn mask(&self, class: usize) -> &FixedBitSet {
        let class = &self.classes[class];
        if class.is_fixed() {
            &class.fixed
        } else {
            &self.mask
        }
    }

    /// The slots where a requirement holds.
    pub(crate) fn mask_of(&self, expr: &Expr) -> FixedBitSet {
        let slots = self.slots();
        match expr {
            Expr::Fixed(mask) => FixedBitSet::clone(mask),
            Expr::Live(live) => {
                let mut mask = full(slots);
                self.lives[*live].restrict(&mut mask);
                mask
            }
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

    fn slots(&self) -> usize {
        self.classes.first().map_or(0, |class| class.fixed.len())
    }

    /// Counts a task that was placed on `slot`.
    pub(crate) fn add(&mut self, task: &RunningTask, slot: usize) {
        if self.depending.is_empty() {
            return;
        }
        let depending = Rc::clone(&self.depending);
        let groups = Tasks::of(task);
        let lives = groups.flat_map(|tasks| depending.get(&tasks).into_iter().flatten());
        for &live in lives {
            let change = self.lives[live].add(slot);
            self.apply(live, change);
        }
    }

    /// Keeps the drawn mask current.
    fn apply(&mut self, live: usize, change: Change) {
        let Some(drawn) = self.drawn.filter(|_| change != Change::Nothing) else {
            return;
        };
        let class = &self.classes[drawn];
        if class.inner.contains(&live) {
            self.drawn = None;
        } else if class.lives.contains(&live) {
            match change {
                Change::Lost(value) => self.lives[live].remove(value, &mut self.mask),
                Change::All | Change::Nothing => self.drawn = None,
            }
        }
    }
}

pub(crate) fn full(slots: usize) -> FixedBitSet {
    let mut mask = FixedBitSet::with_capacity(slots);
    mask.insert_range(..);
    mask
}
