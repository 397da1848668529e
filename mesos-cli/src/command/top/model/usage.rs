//! How much of a resource is in use, and how a bar shows it. Pure.

use mesos::v1::Resource;

use crate::output::{Usage, scalar};

/// The resources that the view shows.
pub(crate) const NAMES: [&str; 4] = ["cpus", "mem", "disk", "gpus"];

/// The amounts of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Share {
    pub(crate) used: f64,
    pub(crate) offered: f64,
    pub(crate) total: f64,
}

/// The number of cells of each part of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) used: usize,
    pub(crate) offered: usize,
    pub(crate) free: usize,
}

impl Share {
    pub(super) fn add(&mut self, other: Self) {
        self.used += other.used;
        self.offered += other.offered;
        self.total += other.total;
    }

    /// `used/total` in the unit of the resource; `-` if there is nothing of the resource.
    pub(crate) fn text(&self, name: &str) -> String {
        let usage = Usage {
            used: self.used,
            total: self.total,
        };
        match name {
            "mem" | "disk" => usage.size(),
            _ => usage.count(),
        }
    }

    /// The part of the total that is in use, from 0 to 1.
    pub(crate) fn ratio(&self) -> f64 {
        ratio(self.used, self.total)
    }

    /// A bar of `width` cells. What is in use or offered has at least one cell, if there is room.
    pub(crate) fn bar(&self, width: usize) -> Bar {
        let cells = |amount: f64, room: usize| {
            let cells = (ratio(amount, self.total) * width as f64).round() as usize;
            let least = usize::from(amount > 0.0 && self.total > 0.0);
            cells.max(least).min(room)
        };
        let used = cells(self.used, width);
        let offered = cells(self.offered, width - used);
        Bar {
            used,
            offered,
            free: width - used - offered,
        }
    }
}

fn ratio(amount: f64, total: f64) -> f64 {
    if total > 0.0 {
        (amount / total).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// The amount of each of the [`NAMES`].
pub(super) fn amounts(resources: &[Resource]) -> [f64; 4] {
    NAMES.map(|name| scalar(resources, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(used: f64, offered: f64, total: f64, width: usize) -> (usize, usize, usize) {
        let share = Share {
            used,
            offered,
            total,
        };
        let bar = share.bar(width);
        assert_eq!(bar.used + bar.offered + bar.free, width);
        (bar.used, bar.offered, bar.free)
    }

    #[test]
    fn a_bar_has_cells_in_proportion_to_the_amounts() {
        assert_eq!(bar(2.0, 1.0, 4.0, 8), (4, 2, 2));
        assert_eq!(bar(4.0, 0.0, 4.0, 8), (8, 0, 0));
        assert_eq!(bar(0.0, 0.0, 4.0, 8), (0, 0, 8));
    }

    #[test]
    fn a_small_amount_has_a_cell_and_a_bar_never_overflows() {
        assert_eq!(bar(0.001, 0.001, 100.0, 8), (1, 1, 6));
        // An offer that has become a task a moment ago counts twice.
        assert_eq!(bar(4.0, 4.0, 4.0, 8), (8, 0, 0));
        assert_eq!(bar(9.0, 0.0, 4.0, 8), (8, 0, 0));
        assert_eq!(bar(1.0, 1.0, 4.0, 0), (0, 0, 0));
    }

    #[test]
    fn a_resource_that_an_agent_does_not_have_is_an_empty_bar() {
        assert_eq!(bar(0.0, 0.0, 0.0, 4), (0, 0, 4));
        assert_eq!(Share::default().text("gpus"), "-");
        assert_eq!(bar(f64::NAN, 0.0, 4.0, 4), (0, 0, 4));
    }
}
