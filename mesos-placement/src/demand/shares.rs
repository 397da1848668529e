//! How a number of offers is divided among roles.

use std::collections::BTreeMap;

/// What a role wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Want {
    /// How much the role can use at most.
    pub amount: u64,
    /// How important the role is, compared with the others: above 0. Other numbers count as 1.
    pub weight: f64,
}

/// Divides `total` among roles by max-min fairness: no role gets more than it wants, and what one
/// role does not want goes to the others by their weights.
///
/// The shares are whole numbers. Their sum is `total`, or the sum of the wanted amounts if that is
/// less.
///
/// ```
/// use mesos::placement::{Want, fair_shares};
///
/// let want = |amount| Want { amount, weight: 1.0 };
/// let wants = [("a", want(1)), ("b", want(10)), ("c", want(10))];
/// let shares = fair_shares(9, wants.map(|(role, want)| (role.to_owned(), want)));
/// assert_eq!(Vec::from_iter(shares.into_values()), [1, 4, 4]);
/// ```
pub fn fair_shares(
    total: u64,
    wants: impl IntoIterator<Item = (String, Want)>,
) -> BTreeMap<String, u64> {
    let mut shares: BTreeMap<String, u64> = BTreeMap::new();
    let wants: BTreeMap<String, Want> = wants.into_iter().collect();
    let mut left = total;
    // The roles that want more than they have.
    let mut open: Vec<(&String, Want)> = wants.iter().map(|(role, want)| (role, *want)).collect();
    loop {
        open.retain(|(role, want)| shares.get(*role).copied().unwrap_or(0) < want.amount);
        let weights: f64 = open.iter().map(|(_, want)| weight(want)).sum();
        if open.is_empty() || left == 0 {
            break;
        }
        let divided = left;
        for (role, want) in &open {
            let share = shares.entry((*role).clone()).or_default();
            // The conversion saturates.
            let part = (divided as f64 * weight(want) / weights) as u64;
            let part = part.min(want.amount - *share).min(left);
            *share += part;
            left -= part;
        }
        if left == divided {
            rest(&mut shares, &open, &mut left);
            break;
        }
    }
    for role in wants.into_keys() {
        shares.entry(role).or_default();
    }
    shares
}

/// Less than one for each role is left: the roles get one each, those with the least by weight
/// first.
fn rest(shares: &mut BTreeMap<String, u64>, open: &[(&String, Want)], left: &mut u64) {
    let mut order: Vec<_> = open.iter().collect();
    order.sort_by(|(left, a), (right, b)| {
        let of = |role: &String, want: &Want| {
            let share = shares.get(role).copied().unwrap_or(0);
            (share as f64 + 1.0) / weight(want)
        };
        of(left, a).total_cmp(&of(right, b))
    });
    for (role, want) in order {
        let share = shares.entry((*role).clone()).or_default();
        if *left > 0 && *share < want.amount {
            *share += 1;
            *left -= 1;
        }
    }
}

fn weight(want: &Want) -> f64 {
    match want.weight {
        weight if weight.is_finite() && weight > 0.0 => weight,
        _ => 1.0,
    }
}
