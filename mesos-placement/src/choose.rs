//! Choosing a slot by a strategy.

use std::borrow::Cow;

use crate::run::Used;
use crate::tree::{Goal, Query, Tree};
use crate::{Candidate, Request, Strategy};

/// The slot that the strategy prefers of those that fit.
///
/// The built-in strategies search the tree. All others rate every slot that fits.
pub(crate) fn choose<'q>(
    strategy: &Strategy,
    tree: &Tree,
    query: impl Fn(Goal) -> Query<'q>,
    request: &'q Request,
    used: impl Fn(usize) -> Cow<'q, Used>,
) -> Option<usize> {
    let goal = match strategy {
        Strategy::FirstFit => Goal::First,
        Strategy::BestFit => Goal::Tightest,
        Strategy::Spread => Goal::Loosest,
        Strategy::Fitness(_) | Strategy::Weighted(_) => {
            return best_rated(strategy, tree, query, request, used);
        }
    };
    tree.search(&query(goal))
}

fn best_rated<'q>(
    strategy: &Strategy,
    tree: &Tree,
    query: impl Fn(Goal) -> Query<'q>,
    request: &'q Request,
    used: impl Fn(usize) -> Cow<'q, Used>,
) -> Option<usize> {
    let costs = [Goal::Tightest, Goal::Loosest].map(&query);
    let mut best: Option<(f64, usize)> = None;
    for slot in costs[0].mask.difference(costs[0].refused) {
        let [Some(tightest), Some(loosest)] = [0, 1].map(|i| tree.cost(slot, &costs[i])) else {
            continue;
        };
        let rated = Rated {
            order: 1.0 - slot as f64 / tree.slots() as f64,
            tight: 1.0 - tightest,
            loose: (-loosest).min(1.0),
        };
        let value = rated.value(strategy, request, &|| used(slot));
        // NaN is not above anything.
        let better = match best {
            Some((best, _)) => value > best,
            None => !value.is_nan(),
        };
        if better {
            best = Some((value, slot));
        }
    }
    best.map(|(_, slot)| slot)
}

/// The values of the built-in strategies for a slot, from 0 to 1.
struct Rated {
    order: f64,
    tight: f64,
    loose: f64,
}

impl Rated {
    fn value<'q>(
        &self,
        strategy: &Strategy,
        request: &Request,
        used: &dyn Fn() -> Cow<'q, Used>,
    ) -> f64 {
        match strategy {
            Strategy::FirstFit => self.order,
            Strategy::BestFit => self.tight,
            Strategy::Spread => self.loose,
            Strategy::Fitness(fitness) => {
                let used = used();
                (fitness.0)(&Candidate {
                    request,
                    agent: &used.agent,
                    offered: &used.offered,
                    free: &used.free.resources,
                })
            }
            Strategy::Weighted(parts) => {
                let parts = parts.iter();
                parts
                    .map(|(weight, part)| weight * self.value(part, request, used))
                    .sum()
            }
        }
    }
}
