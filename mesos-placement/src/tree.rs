//! The free amounts of all slots, with bounds of groups of slots.
//!
//! A block is a group of neighboring slots, as many as a word of a mask has bits. A binary tree over
//! the blocks has the smallest and the largest amount of each dimension below each node. A search
//! enters a node only if something below the node can fit, and can be better than the best slot
//! so far.

use fixedbitset::{Block, FixedBitSet};

const BLOCK: usize = Block::BITS as usize;

#[derive(Clone, Debug)]
pub(crate) struct Tree {
    width: usize,
    slots: usize,
    /// The number of leaves: a power of two.
    leaves: usize,
    free: Vec<i64>,
    /// The factor from an amount to its share of the largest offer.
    shares: Vec<f64>,
    /// The least amount that any request needs: slots with less are never entered.
    least: Vec<i64>,
    /// Per node and dimension. Nodes without usable slots have the largest amount -1.
    most: Vec<i64>,
    fewest: Vec<i64>,
    /// Per node: the smallest dominant share.
    dominant: Vec<f64>,
}

/// Which slot a search prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    First,
    /// The smallest dominant share stays unused.
    Tightest,
    /// The largest share stays unused.
    Loosest,
}

/// What a search needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'q> {
    pub(crate) goal: Goal,
    pub(crate) demand: &'q [i64],
    /// The slots where the constraints hold.
    pub(crate) mask: &'q FixedBitSet,
    /// The slots that were tried in vain.
    pub(crate) refused: &'q FixedBitSet,
    /// The further amount on slots where the executor does not run, and the slots where it runs.
    pub(crate) executor: Option<(&'q [i64], &'q FixedBitSet)>,
}

#[derive(Clone, Copy, Debug)]
struct Best {
    /// The smallest cost so far.
    cost: f64,
    slot: Option<usize>,
}

impl Tree {
    pub(crate) fn new(free: Vec<i64>, slots: usize, shares: &[f64], least: Vec<i64>) -> Tree {
        let width = shares.len();
        let leaves = slots.div_ceil(BLOCK).next_power_of_two();
        let mut tree = Tree {
            width,
            slots,
            leaves,
            free,
            shares: shares.to_vec(),
            least,
            most: vec![-1; 2 * leaves * width],
            fewest: vec![i64::MAX; 2 * leaves * width],
            dominant: vec![f64::INFINITY; 2 * leaves],
        };
        for block in 0..slots.div_ceil(BLOCK) {
            tree.update_leaf(block);
        }
        for node in (1..leaves).rev() {
            tree.update_node(node);
        }
        tree
    }

    /// The free amounts of a slot.
    pub(crate) fn row(&self, slot: usize) -> &[i64] {
        &self.free[slot * self.width..(slot + 1) * self.width]
    }

    /// Changes the free amounts of a slot.
    pub(crate) fn set(&mut self, slot: usize, free: &[i64]) {
        self.free[slot * self.width..(slot + 1) * self.width].copy_from_slice(free);
        self.update_leaf(slot / BLOCK);
        let mut node = (self.leaves + slot / BLOCK) / 2;
        while node > 0 {
            self.update_node(node);
            node /= 2;
        }
    }

    fn update_leaf(&mut self, block: usize) {
        let (width, node) = (self.width, self.leaves + block);
        let (most, fewest) = (
            &mut self.most[node * width..(node + 1) * width],
            &mut self.fewest[node * width..(node + 1) * width],
        );
        most.fill(-1);
        fewest.fill(i64::MAX);
        let mut dominant = f64::INFINITY;
        let last = self.slots.min((block + 1) * BLOCK);
        for slot in block * BLOCK..last {
            let row = &self.free[slot * width..(slot + 1) * width];
            if row
                .iter()
                .zip(&self.least)
                .any(|(free, least)| free < least)
            {
                continue;
            }
            for ((free, most), fewest) in row.iter().zip(&mut *most).zip(&mut *fewest) {
                *most = (*most).max(*free);
                *fewest = (*fewest).min(*free);
            }
            dominant = dominant.min(largest(row, &self.shares));
        }
        self.dominant[node] = dominant;
    }

    fn update_node(&mut self, node: usize) {
        for k in 0..self.width {
            let (at, left, right) = (
                node * self.width + k,
                2 * node * self.width + k,
                (2 * node + 1) * self.width + k,
            );
            self.most[at] = self.most[left].max(self.most[right]);
            self.fewest[at] = self.fewest[left].min(self.fewest[right]);
        }
        self.dominant[node] = self.dominant[2 * node].min(self.dominant[2 * node + 1]);
    }

    /// The best slot for a query; of equal slots the first.
    pub(crate) fn search(&self, query: &Query<'_>) -> Option<usize> {
        let mut best = Best {
            cost: f64::INFINITY,
            slot: None,
        };
        let asked = largest(query.demand, &self.shares);
        self.visit(1, query, asked, &mut best);
        best.slot
    }

    fn visit(&self, node: usize, query: &Query<'_>, asked: f64, best: &mut Best) {
        if node >= self.leaves {
            return self.visit_block(node - self.leaves, query, best);
        }
        let bounds = [2 * node, 2 * node + 1].map(|child| (self.bound(child, query, asked), child));
        let [left, right] = bounds;
        // The more promising side first, and the left one of equal sides.
        let order = if right.0 < left.0 {
            [right, left]
        } else {
            [left, right]
        };
        for (bound, child) in order {
            let hopeless = match best.slot {
                Some(slot) => {
                    // An equal slot further left is still better.
                    bound > best.cost || (bound == best.cost && self.first_of(child) > slot)
                }
                None => bound == f64::INFINITY,
            };
            if !hopeless {
                self.visit(child, query, asked, best);
            }
        }
    }

    /// The first slot below a node.
    fn first_of(&self, node: usize) -> usize {
        let depth = self.leaves.ilog2() - node.ilog2();
        ((node << depth) - self.leaves) * BLOCK
    }

    /// The smallest cost that a slot below the node can have; infinite if nothing fits.
    fn bound(&self, node: usize, query: &Query<'_>, asked: f64) -> f64 {
        let of_node = node * self.width..(node + 1) * self.width;
        let most = &self.most[of_node.clone()];
        if self.dominant[node] == f64::INFINITY
            || most
                .iter()
                .zip(query.demand)
                .any(|(most, demand)| most < demand)
        {
            return f64::INFINITY;
        }
        match query.goal {
            Goal::First => 0.0,
            Goal::Tightest => {
                let fewest = self.fewest[of_node]
                    .iter()
                    .zip(query.demand)
                    .zip(&self.shares);
                let left = fewest.map(|((free, demand), share)| {
                    (*free).max(*demand).saturating_sub(*demand) as f64 * share
                });
                // A little less than the difference, because of rounding.
                left.fold(self.dominant[node] - asked - 1e-9, f64::max)
            }
            Goal::Loosest => -smallest(most, query.demand, &self.shares),
        }
    }

    fn visit_block(&self, block: usize, query: &Query<'_>, best: &mut Best) {
        let word = |mask: &FixedBitSet| mask.as_slice().get(block).copied().unwrap_or(0);
        let mut candidates = word(query.mask) & !word(query.refused);
        while candidates != 0 {
            let slot = block * BLOCK + candidates.trailing_zeros() as usize;
            candidates &= candidates - 1;
            if let Some(cost) = self.cost(slot, query)
                && (cost < best.cost
                    || best.slot.is_none()
                    || (cost == best.cost && best.slot.is_some_and(|other| slot < other)))
            {
                *best = Best {
                    cost,
                    slot: Some(slot),
                };
                if query.goal == Goal::First {
                    return;
                }
            }
        }
    }

    /// The cost of a slot; `None` if it does not fit.
    pub(crate) fn cost(&self, slot: usize, query: &Query<'_>) -> Option<f64> {
        let row = self.row(slot);
        if row
            .iter()
            .zip(query.demand)
            .any(|(free, demand)| free < demand)
        {
            return None;
        }
        if let Some((more, running)) = query.executor
            && !running.contains(slot)
        {
            let all = row.iter().zip(query.demand).zip(more);
            let mut left = all.map(|((free, demand), more)| free - demand - more);
            if left.any(|left| left < 0) {
                return None;
            }
        }
        Some(match query.goal {
            Goal::First => 0.0,
            Goal::Tightest => {
                let left = row.iter().zip(query.demand).zip(&self.shares);
                left.map(|((free, demand), share)| (free - demand) as f64 * share)
                    .fold(0.0, f64::max)
            }
            Goal::Loosest => -smallest(row, query.demand, &self.shares),
        })
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }
}

/// The dominant share: the largest share of all dimensions.
fn largest(amounts: &[i64], shares: &[f64]) -> f64 {
    let all = amounts.iter().zip(shares);
    all.map(|(amount, share)| *amount as f64 * share)
        .fold(0.0, f64::max)
}

/// The smallest share that stays unused of a needed dimension.
fn smallest(free: &[i64], demand: &[i64], shares: &[f64]) -> f64 {
    let all = free.iter().zip(demand).zip(shares);
    all.filter(|((_, demand), _)| **demand > 0)
        .map(|((free, demand), share)| (free - demand) as f64 * share)
        .fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_search_finds_the_slot_that_a_scan_finds(
            rows in prop::collection::vec((0..9_i64, 0..9_i64, any::<bool>()), 1..400),
            changes in prop::collection::vec((0..400_usize, 0..9_i64, 0..9_i64), 0..40),
            demand in (0..9_i64, 0..9_i64),
            goal in prop_oneof![Just(Goal::First), Just(Goal::Tightest), Just(Goal::Loosest)],
        ) {
            let demand = [demand.0, demand.1];
            let free = rows.iter().flat_map(|(a, b, _)| [*a, *b]).collect();
            let shares = [1.0 / 8.0, 1.0 / 3.0];
            let mut tree = Tree::new(free, rows.len(), &shares, demand.to_vec());
            for (slot, a, b) in changes {
                tree.set(slot % rows.len(), &[a, b]);
            }
            let mut mask = FixedBitSet::with_capacity(rows.len());
            let open = rows.iter().enumerate().filter(|(_, (_, _, open))| *open);
            mask.extend(open.map(|(slot, _)| slot));
            let query = Query {
                goal,
                demand: &demand,
                mask: &mask,
                refused: &FixedBitSet::with_capacity(rows.len()),
                executor: None,
            };
            let costs = mask.ones().filter_map(|slot| Some((tree.cost(slot, &query)?, slot)));
            let scan = costs.min_by(|a, b| a.partial_cmp(b).unwrap()).map(|(_, slot)| slot);
            prop_assert_eq!(tree.search(&query), scan);
        }
    }
}
