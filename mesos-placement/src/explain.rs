//! Reasons: why the requests that are left do not fit, with the state at the end of a round.

use std::collections::{HashMap, HashSet};

use fixedbitset::FixedBitSet;

use crate::dimension::{Demand, Dimension};
use crate::hints::Hints;
use crate::report::{Nearest, Reason, Unplaced};
use crate::run::{Left, Plan, Run};
use crate::{Report, Requirement};

/// Requests with the same key have the same reasons.
type Key<'p> = (usize, &'p Demand, Vec<String>);

/// Explains everything that a run has left.
pub(crate) fn explain(run: &Run<'_, '_>, plans: &[Plan<'_>], dimensions: &[Dimension]) -> Report {
    let mut report = Report::default();
    let mut found: HashMap<Key<'_>, usize> = HashMap::new();
    let mut hints = Hints::new(run.index);
    let mut named: HashSet<(usize, &str)> = HashSet::new();
    for (at, plan) in plans.iter().enumerate() {
        let Some(left) = run.left.get(&at) else {
            continue;
        };
        let key = (plan.class, &plan.demand, parts(plan));
        let at_entry = *found.entry(key).or_insert_with(|| {
            report.unplaced.push(Unplaced {
                requests: Vec::new(),
                missing: 0,
                requested: 0,
                offers: run.index.slots.len(),
                reasons: reasons(run, plan, left, dimensions, &mut hints),
            });
            report.unplaced.len() - 1
        });
        let entry = &mut report.unplaced[at_entry];
        entry.missing += u64::from(left.instances);
        entry.requested += u64::from(plan.request.instances);
        if named.insert((at_entry, plan.request.name.as_str())) {
            entry.requests.push(plan.request.name.clone());
        }
    }
    report
}

/// What the key needs besides the amounts: the parts that only carving checks.
fn parts(plan: &Plan<'_>) -> Vec<String> {
    if plan.demand.exact {
        return Vec::new();
    }
    let tasks = plan.request.tasks.iter();
    let text = tasks.map(|task| format!("{} {:?} {:?}", task.resources, task.ports, task.volumes));
    let executor = plan.request.executor.iter();
    text.chain(executor.map(|executor| executor.executor_id.value.clone()))
        .collect()
}

fn reasons(
    run: &Run<'_, '_>,
    plan: &Plan<'_>,
    left: &Left,
    dimensions: &[Dimension],
    hints: &mut Hints<'_>,
) -> Vec<Reason> {
    let slots = run.index.slots.len();
    if slots == 0 {
        return vec![reason(Requirement::Offer, 0)];
    }
    let class = run.masks.class(plan.class);
    let mut failures: Vec<(Reason, FixedBitSet)> = Vec::new();
    for (requirement, expr) in &class.requirements {
        let mut failed = run.masks.mask_of(expr);
        failed.toggle_range(..);
        let mut reason = reason(requirement.clone(), 0);
        if let Requirement::Constraint(constraint) = requirement {
            reason.hint = hints.of(constraint);
        }
        failures.push((reason, failed));
    }
    if let Some(state) = run.executors.of(plan.request) {
        let blocks = state.blocks(plan.request);
        failures.extend(blocks.map(|(requirement, slots)| (reason(requirement, 0), slots.clone())));
    }
    let elsewhere = run.volumes.elsewhere(plan.request, run.index);
    failures.extend(elsewhere.map(|(requirement, slots)| (reason(requirement, 0), slots)));
    let lacking = run.lacking.of(plan, run.volumes.found(plan.request));
    failures.extend(lacking.map(|(requirement, slots)| (reason(requirement, 0), slots.clone())));
    let mask = run.masks.mask_of_class(plan.class);
    for (k, dimension) in dimensions.iter().enumerate() {
        if plan.demand.amounts[k] > 0 || plan.demand.executor[k] > 0 {
            failures.push(amount(run, plan, (k, dimension), &mask));
        }
    }
    let (mut once, mut twice) = (FixedBitSet::with_capacity(slots), FixedBitSet::new());
    twice.grow(slots);
    for (_, failed) in &failures {
        let mut again = once.clone();
        again.intersect_with(failed);
        twice.union_with(&again);
        once.union_with(failed);
    }
    let mut reasons: Vec<Reason> = failures
        .into_iter()
        .map(|(reason, failed)| Reason {
            failed: failed.count_ones(..),
            only_this: failed.difference(&twice).count(),
            ..reason
        })
        .filter(|reason| reason.failed > 0)
        .collect();
    for (requirement, slots) in &left.refusals {
        match reasons
            .iter_mut()
            .find(|one| one.requirement == *requirement)
        {
            Some(known) => {
                known.failed += slots;
                known.only_this += slots;
            }
            None => reasons.push(Reason {
                only_this: *slots,
                ..reason(requirement.clone(), *slots)
            }),
        }
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse((reason.only_this, reason.failed)));
    reasons
}

fn reason(requirement: Requirement, failed: usize) -> Reason {
    Reason {
        requirement,
        failed,
        only_this: 0,
        nearest: None,
        hint: None,
    }
}

/// The slots with too little in one dimension, and the slot with the most: of the slots where the
/// constraints hold, if there are any.
fn amount(
    run: &Run<'_, '_>,
    plan: &Plan<'_>,
    (k, dimension): (usize, &Dimension),
    mask: &FixedBitSet,
) -> (Reason, FixedBitSet) {
    let slots = run.index.slots.len();
    let (amount, executor) = (plan.demand.amounts[k], plan.demand.executor[k]);
    let total = amount.saturating_add(executor);
    let state = run.executors.of(plan.request);
    let needed = |slot: usize| match state {
        Some(state) if state.running.contains(slot) => amount,
        _ => total,
    };
    let free = |slot: usize| run.tree.row(slot)[k];
    let mut failed = FixedBitSet::with_capacity(slots);
    failed.extend((0..slots).filter(|&slot| free(slot) < needed(slot)));
    let most = |slot: &usize| (mask.contains(*slot), free(*slot), std::cmp::Reverse(*slot));
    let nearest = (0..slots).max_by_key(most).map(|slot| Nearest {
        agent: run.index.slots[slot].first.hostname.clone(),
        available: dimension.print(free(slot)),
        missing: dimension.print((needed(slot) - free(slot)).max(0)),
    });
    let requirement = Requirement::Resource {
        name: dimension.label(),
        amount: dimension.print(total),
    };
    let reason = Reason {
        nearest,
        ..reason(requirement, 0)
    };
    (reason, failed)
}
