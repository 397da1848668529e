//! The rows.

mod checks;
mod commands;
mod containers;
mod executors;
mod frameworks;
mod groups;
mod resources;
mod tasks;

use super::row::Row;

pub(super) fn rows() -> Vec<Row> {
    [
        frameworks::rows(),
        commands::rows(),
        tasks::rows(),
        checks::rows(),
        containers::rows(),
        resources::rows(),
        executors::rows(),
        groups::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
