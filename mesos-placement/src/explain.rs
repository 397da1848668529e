//! Reasons: why the requests that are left do not fit, with the state at the end of a round.

use std::collections::{BTreeSet, HashMap};

use fixedbitset::FixedBitSet;

use crate::dimension::{Demand, Dimension};
use crate::fields::value;
use crate::near::near;
use crate::report::{Nearest, Reason, Unplaced};
use crate::run::{Left, Plan, Run};
use crate::{Constraint, Field, Report, Requirement};

/// Requests with the same key have the same reasons.
type Key<'p> = (usize, &'p Demand, Vec<String>);

/// The hints, which do not depend on the request.
type Hints = HashMap<Constraint, Option<String>>;

/// Explains everything that a run has left.
#[expect(
    clippy::mutable_key_type,
    reason = "patterns are compared by their text"
)]
pub(crate) fn explain(run: &Run<'_, '_>, plans: &[Plan<'_>], dimensions: &[Dimension]) -> Report {
    let mut report = Report::default();
    let mut found: HashMap<Key<'_>, usize> = HashMap::new();
    let mut hints = Hints::default();
    for (at, plan) in plans.iter().enumerate() {
        let Some(left) = run.left.get(&at) else {
            continue;
        };
        let key = (plan.class, &plan.demand, parts(plan));
        let entry = *found.entry(key).or_insert_with(|| {
            report.unplaced.push(Unplaced {
                requests: Vec::new(),
                missing: 0,
                requested: 0,
                offers: run.index.slots.len(),
                reasons: reasons(run, plan, left, dimensions, &mut hints),
            });
            report.unplaced.len() - 1
        });
        let entry = &mut report.unplaced[entry];
        entry.missing += u64::from(left.instances);
        entry.requested += u64::from(plan.request.instances);
        if !entry.requests.contains(&plan.request.name) {
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

#[expect(
    clippy::mutable_key_type,
    reason = "patterns are compared by their text"
)]
fn reasons(
    run: &Run<'_, '_>,
    plan: &Plan<'_>,
    left: &Left,
    dimensions: &[Dimension],
    hints: &mut Hints,
) -> Vec<Reason> {
    let slots = run.index.slots.len();
    if slots == 0 {
        return vec![reason(Requirement::Offer, 0)];
    }
    let class = &run.classes[plan.class];
    let mut failures: Vec<(Reason, FixedBitSet)> = Vec::new();
    for (requirement, expr) in &class.requirements {
        let mut failed = class.mask_of(expr);
        failed.toggle_range(..);
        let mut reason = reason(requirement.clone(), 0);
        if let Requirement::Constraint(constraint) = requirement {
            let known = hints.entry(constraint.clone());
            reason.hint = known.or_insert_with(|| hint(run, constraint)).clone();
        }
        failures.push((reason, failed));
    }
    let executor = plan.request.executor.as_ref();
    if let (Some(state), Some(executor)) = (run.executors.of(plan.request), executor) {
        let requirement = Requirement::Executor(executor.executor_id.value.clone());
        failures.push((reason(requirement, 0), state.blocked.clone()));
    }
    for (k, dimension) in dimensions.iter().enumerate() {
        let total = plan.demand.amounts[k] + plan.demand.executor[k];
        if total > 0 {
            failures.push(amount(run, plan, k, dimension));
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
    let refusals = left.refusals.iter();
    reasons.extend(refusals.map(|(requirement, slots)| Reason {
        only_this: *slots,
        ..reason(requirement.clone(), *slots)
    }));
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
    k: usize,
    dimension: &Dimension,
) -> (Reason, FixedBitSet) {
    let slots = run.index.slots.len();
    let needed = |slot: usize| {
        let running = run.executors.is_running(plan.request, slot);
        let executor = if running { 0 } else { plan.demand.executor[k] };
        plan.demand.amounts[k] + executor
    };
    let free = |slot: usize| run.tree.row(slot)[k];
    let mut failed = FixedBitSet::with_capacity(slots);
    failed.extend((0..slots).filter(|&slot| free(slot) < needed(slot)));
    let mask = &run.classes[plan.class].mask;
    let most = |slot: &usize| (mask.contains(*slot), free(*slot), std::cmp::Reverse(*slot));
    let nearest = (0..slots).max_by_key(most).map(|slot| Nearest {
        agent: run.index.slots[slot].first.hostname.clone(),
        available: dimension.print(free(slot)),
        missing: dimension.print((needed(slot) - free(slot)).max(0)),
    });
    let total = plan.demand.amounts[k] + plan.demand.executor[k];
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

/// A hint if a name or a value in the constraint is in none of the offers.
fn hint(run: &Run<'_, '_>, constraint: &Constraint) -> Option<String> {
    let field = constraint.field()?;
    let offers = || run.index.offers().iter().copied();
    let values: BTreeSet<_> = offers().filter_map(|offer| value(offer, field)).collect();
    if let (Field::Attribute(name), true) = (field, values.is_empty()) {
        let names: BTreeSet<&str> = offers()
            .flat_map(|offer| {
                offer
                    .attributes
                    .iter()
                    .map(|attribute| attribute.name.as_str())
            })
            .collect();
        return Some(match near(name, names.into_iter()).as_slice() {
            [] => format!("no agent has an attribute {name}"),
            similar => format!(
                "no agent has an attribute {name}; similar names: {}",
                similar.join(", ")
            ),
        });
    }
    let Constraint::Is { value, .. } = constraint else {
        return None;
    };
    if values.contains(value.as_str()) {
        return None;
    }
    match near(value, values.iter().map(AsRef::as_ref)).as_slice() {
        [] => None,
        similar => Some(format!("similar values: {}", similar.join(", "))),
    }
}
