//! A table of resources.

use std::collections::BTreeSet;

use mesos::v1::Resource;

use super::table::{Cell, Column, Table};
use super::units::{mebibytes, number, scalar};

/// A row for each scalar resource, and a column for each part, such as what is in use.
pub(crate) fn resource_table<const N: usize>(parts: [(&'static str, &[Resource]); N]) -> Table {
    let titles = parts.iter().map(|(title, _)| Column::number(title));
    let mut table = Table::new([Column::text("RESOURCE")].into_iter().chain(titles));
    let all = parts.iter().flat_map(|(_, resources)| resources.iter());
    let names: BTreeSet<_> = all
        .filter(|resource| resource.scalar.is_some())
        .map(|resource| resource.name.as_str())
        .collect();
    for name in names {
        let amount = |(_, resources): &(_, &[Resource])| {
            let value = scalar(resources, name);
            match name {
                "mem" | "disk" => mebibytes(value),
                _ => number(value),
            }
        };
        let amounts = parts.iter().map(amount).map(Cell::from);
        table.row(name, [Cell::from(name)].into_iter().chain(amounts));
    }
    table
}
