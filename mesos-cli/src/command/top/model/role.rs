//! The roles in use.

use std::cmp::Ordering;
use std::time::SystemTime;

use mesos::v1::Role;

use super::row::{Cell, Row, any_contains};
use super::usage::amounts;
use crate::output::{Column, mebibytes, number};

/// A role with the resources that are allocated or offered to its frameworks.
#[derive(Clone, Debug)]
pub(crate) struct RoleRow {
    name: String,
    weight: f64,
    frameworks: usize,
    amounts: [f64; 4],
}

impl RoleRow {
    pub(super) fn new(role: &Role) -> Self {
        Self {
            name: role.name.clone(),
            weight: role.weight,
            frameworks: role.frameworks.len(),
            amounts: amounts(&role.resources),
        }
    }
}

impl Row for RoleRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("ROLE"),
        Column::number("CPUS"),
        Column::number("MEM"),
        Column::number("DISK"),
        Column::number("GPUS"),
        Column::number("WEIGHT"),
        Column::number("FRAMEWORKS"),
    ];
    const SORT: (usize, bool) = (0, false);

    fn key(&self) -> &str {
        &self.name
    }

    fn cell(&self, column: usize, _: SystemTime) -> Cell {
        let text = match column {
            0 => self.name.clone(),
            1 | 4 => number(self.amounts[column - 1]),
            2 | 3 => mebibytes(self.amounts[column - 1]),
            5 => number(self.weight),
            _ => self.frameworks.to_string(),
        };
        text.into()
    }

    fn order(&self, other: &Self, column: usize) -> Ordering {
        match column {
            0 => self.name.cmp(&other.name),
            1..=4 => self.amounts[column - 1].total_cmp(&other.amounts[column - 1]),
            5 => self.weight.total_cmp(&other.weight),
            _ => self.frameworks.cmp(&other.frameworks),
        }
    }

    fn contains(&self, text: &str) -> bool {
        any_contains([self.name.as_str()], text)
    }
}
