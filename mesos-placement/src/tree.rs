//! The free amounts of all slots, with bounds of groups of slots.
//!
//! A binary tree divides the slots: each node divides its slots at the median of the dimension in
//! which they differ most, and knows the smallest and the largest amount of each dimension below
//! it. A search enters a node only if something below the node can fit, and can be better than the
//! best slot so far. A slot whose amounts change moves to the leaf where slots with similar amounts
//! are, so the bounds stay close. A slot that no request fits leaves the tree.

use fixedbitset::FixedBitSet;

/// The largest number of slots in a leaf.
const LEAF: usize = 32;

/// The parent of the root, and the leaf of a slot that is not in the tree.
const NONE: usize = usize::MAX;

#[derive(Clone, Debug)]
pub(crate) struct Tree {
    width: usize,
    slots: usize,
    free: Vec<i64>,
    /// The factor from an amount to its share of the largest offer.
    shares: Vec<f64>,
    /// The least amount that any request needs: slots with less are not in the tree.
    least: Vec<i64>,
    /// Whether a search wants the first slot, so the slots are divided by their numbers.
    by_number: bool,
    nodes: Vec<Node>,
    /// Per node and dimension. Nodes without slots have the largest amount -1.
    most: Vec<i64>,
    fewest: Vec<i64>,
    /// The leaf of each slot.
    leaf_of: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Node {
    parent: usize,
    content: Content,
    /// The smallest dominant share below the node.
    dominant: f64,
    /// The first slot below the node.
    first: usize,
}

#[derive(Clone, Debug)]
enum Content {
    Leaf(Vec<usize>),
    Inner {
        left: usize,
        right: usize,
        /// Slots with less than `at` belong to the left.
        by: By,
        at: i64,
    },
}

/// What divides the slots of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Amount(usize),
    Number,
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
    /// `goal` is what most searches want.
    pub(crate) fn new(
        free: Vec<i64>,
        slots: usize,
        shares: &[f64],
        least: Vec<i64>,
        goal: Goal,
    ) -> Tree {
        let mut tree = Tree {
            width: shares.len(),
            slots,
            free,
            shares: shares.to_vec(),
            least,
            by_number: goal == Goal::First,
            nodes: Vec::new(),
            most: Vec::new(),
            fewest: Vec::new(),
            leaf_of: vec![NONE; slots],
        };
        let mut usable: Vec<usize> = (0..slots).filter(|&slot| tree.is_usable(slot)).collect();
        tree.build(NONE, &mut usable);
        tree
    }

    /// The free amounts of a slot.
    pub(crate) fn row(&self, slot: usize) -> &[i64] {
        &self.free[slot * self.width..(slot + 1) * self.width]
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Whether a request can fit the slot.
    fn is_usable(&self, slot: usize) -> bool {
        let mut all = self.row(slot).iter().zip(&self.least);
        all.all(|(free, least)| free >= least)
    }

    /// Adds a node with these slots, and returns its number.
    fn build(&mut self, parent: usize, slots: &mut [usize]) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node {
            parent,
            content: Content::Leaf(Vec::new()),
            dominant: f64::INFINITY,
            first: usize::MAX,
        });
        self.most.resize((node + 1) * self.width, -1);
        self.fewest.resize((node + 1) * self.width, i64::MAX);
        self.fill(node, slots);
        node
    }

    /// Puts the slots below an empty leaf, which is divided if there are too many of them.
    fn fill(&mut self, node: usize, slots: &mut [usize]) {
        if slots.len() <= LEAF {
            for &slot in &*slots {
                self.leaf_of[slot] = node;
            }
            self.nodes[node].content = Content::Leaf(slots.to_vec());
        } else {
            let by = self.widest(slots);
            let half = slots.len() / 2;
            // Equal amounts keep the order of the slots.
            slots.select_nth_unstable_by_key(half, |&slot| (self.value(slot, by), slot));
            let at = self.value(slots[half], by);
            let (left, right) = slots.split_at_mut(half);
            let (left, right) = (self.build(node, left), self.build(node, right));
            self.nodes[node].content = Content::Inner {
                left,
                right,
                by,
                at,
            };
        }
        self.update(node);
    }

    /// The dimension in which the slots differ most.
    fn widest(&self, slots: &[usize]) -> By {
        let mut widest = (0.0, By::Number);
        for k in (0..self.width).filter(|_| !self.by_number) {
            let all = slots.iter().map(|slot| self.free[slot * self.width + k]);
            let (least, most) = all.fold((i64::MAX, i64::MIN), |(least, most), one| {
                (least.min(one), most.max(one))
            });
            let spread = most.saturating_sub(least) as f64 * self.shares[k];
            if spread > widest.0 {
                widest = (spread, By::Amount(k));
            }
        }
        widest.1
    }

    fn value(&self, slot: usize, by: By) -> i64 {
        match by {
            By::Amount(k) => self.free[slot * self.width + k],
            By::Number => i64::try_from(slot).unwrap_or(i64::MAX),
        }
    }

    /// Changes the free amounts of a slot.
    pub(crate) fn set(&mut self, slot: usize, free: &[i64]) {
        self.free[slot * self.width..(slot + 1) * self.width].copy_from_slice(free);
        let old = self.leaf_of[slot];
        let new = match self.is_usable(slot) {
            true => self.leaf_for(slot),
            false => NONE,
        };
        if old != new {
            self.leaf_of[slot] = new;
            if let Some(Content::Leaf(slots)) =
                self.nodes.get_mut(old).map(|node| &mut node.content)
            {
                slots.retain(|other| *other != slot);
            }
            let mut all = Vec::new();
            if let Some(Content::Leaf(slots)) =
                self.nodes.get_mut(new).map(|node| &mut node.content)
            {
                slots.push(slot);
                if slots.len() > LEAF {
                    all = std::mem::take(slots);
                }
            }
            if !all.is_empty() {
                self.fill(new, &mut all);
            }
            self.update_up(new);
        }
        self.update_up(old);
    }

    /// The leaf where slots with similar amounts are.
    fn leaf_for(&self, slot: usize) -> usize {
        let mut node = 0;
        while let Content::Inner {
            left,
            right,
            by,
            at,
        } = self.nodes[node].content
        {
            node = match self.value(slot, by) < at {
                true => left,
                false => right,
            };
        }
        node
    }

    /// Corrects the bounds of a node and of all nodes above it.
    fn update_up(&mut self, mut node: usize) {
        while node != NONE {
            self.update(node);
            node = self.nodes[node].parent;
        }
    }

    fn update(&mut self, node: usize) {
        let width = self.width;
        let of_node = node * width..(node + 1) * width;
        match &self.nodes[node].content {
            Content::Leaf(slots) => {
                let (most, fewest) = (&mut self.most[of_node.clone()], &mut self.fewest[of_node]);
                most.fill(-1);
                fewest.fill(i64::MAX);
                let (mut dominant, mut first) = (f64::INFINITY, usize::MAX);
                for &slot in slots {
                    let row = &self.free[slot * width..(slot + 1) * width];
                    for ((free, most), fewest) in row.iter().zip(&mut *most).zip(&mut *fewest) {
                        *most = (*most).max(*free);
                        *fewest = (*fewest).min(*free);
                    }
                    dominant = dominant.min(largest(row, &self.shares));
                    first = first.min(slot);
                }
                self.nodes[node].dominant = dominant;
                self.nodes[node].first = first;
            }
            Content::Inner { left, right, .. } => {
                let (left, right) = (*left, *right);
                for k in 0..width {
                    let (of_left, of_right) = (left * width + k, right * width + k);
                    let most = self.most[of_left].max(self.most[of_right]);
                    let fewest = self.fewest[of_left].min(self.fewest[of_right]);
                    self.most[node * width + k] = most;
                    self.fewest[node * width + k] = fewest;
                }
                let (left, right) = (&self.nodes[left], &self.nodes[right]);
                let dominant = left.dominant.min(right.dominant);
                let first = left.first.min(right.first);
                self.nodes[node].dominant = dominant;
                self.nodes[node].first = first;
            }
        }
    }

    /// The best slot for a query; of equal slots the first.
    pub(crate) fn search(&self, query: &Query<'_>) -> Option<usize> {
        let mut best = Best {
            cost: f64::INFINITY,
            slot: None,
        };
        let asked = largest(query.demand, &self.shares);
        if self.bound(0, query, asked) < f64::INFINITY {
            self.visit(0, query, asked, &mut best);
        }
        best.slot
    }

    fn visit(&self, node: usize, query: &Query<'_>, asked: f64, best: &mut Best) {
        let (left, right) = match &self.nodes[node].content {
            Content::Leaf(slots) => return self.visit_leaf(slots, query, best),
            Content::Inner { left, right, .. } => (*left, *right),
        };
        let [left, right] = [left, right].map(|child| (self.bound(child, query, asked), child));
        // The more promising side first, and of equal sides the one with the first slot.
        let by_first = self.nodes[right.1].first < self.nodes[left.1].first;
        let order = if right.0 < left.0 || (right.0 == left.0 && by_first) {
            [right, left]
        } else {
            [left, right]
        };
        for (bound, child) in order {
            let hopeless = match best.slot {
                Some(slot) => {
                    // An equal slot with a smaller number is still better.
                    bound > best.cost || (bound == best.cost && self.nodes[child].first > slot)
                }
                None => bound == f64::INFINITY,
            };
            if !hopeless {
                self.visit(child, query, asked, best);
            }
        }
    }

    /// The smallest cost that a slot below the node can have; infinite if nothing fits.
    fn bound(&self, node: usize, query: &Query<'_>, asked: f64) -> f64 {
        let of_node = node * self.width..(node + 1) * self.width;
        let most = &self.most[of_node.clone()];
        let dominant = self.nodes[node].dominant;
        if dominant == f64::INFINITY
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
                left.fold(dominant - asked - 1e-9, f64::max)
            }
            Goal::Loosest => -smallest(most, query.demand, &self.shares),
        }
    }

    fn visit_leaf(&self, slots: &[usize], query: &Query<'_>, best: &mut Best) {
        for &slot in slots {
            if !query.mask.contains(slot) || query.refused.contains(slot) {
                continue;
            }
            if let Some(cost) = self.cost(slot, query)
                && best
                    .slot
                    .is_none_or(|other| (cost, slot) < (best.cost, other))
            {
                *best = Best {
                    cost,
                    slot: Some(slot),
                };
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
            changes in prop::collection::vec((0..400_usize, 0..9_i64, 0..9_i64), 0..200),
            demand in (0..9_i64, 0..9_i64),
            goal in prop_oneof![Just(Goal::First), Just(Goal::Tightest), Just(Goal::Loosest)],
            shaped in prop_oneof![Just(Goal::First), Just(Goal::Tightest)],
        ) {
            let demand = [demand.0, demand.1];
            let free = rows.iter().flat_map(|(a, b, _)| [*a, *b]).collect();
            let shares = [1.0 / 8.0, 1.0 / 3.0];
            let mut tree = Tree::new(free, rows.len(), &shares, demand.to_vec(), shaped);
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

    /// Otherwise a search among equal agents would visit all of them.
    #[test]
    fn equal_slots_are_divided_by_their_numbers() {
        let tree = Tree::new(vec![7; 1000], 1000, &[1.0 / 7.0], vec![1], Goal::Tightest);
        for node in &tree.nodes {
            assert!(!matches!(&node.content, Content::Leaf(slots) if slots.len() > LEAF));
        }
    }
}
