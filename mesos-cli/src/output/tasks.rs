//! A table of tasks as a part of the description of an agent or a framework.

use mesos::v1::Task;

use super::table::{Cell, Column, Table};

/// A row for each task.
pub(crate) fn task_table<'a>(tasks: impl Iterator<Item = &'a Task>) -> Table {
    let mut table = Table::new([
        Column::text("TASK"),
        Column::text("NAME"),
        Column::text("STATE"),
        Column::text("FRAMEWORK"),
        Column::text("AGENT"),
    ]);
    for task in tasks {
        let cells: [Cell; 5] = [
            task.task_id.value.as_str().into(),
            task.name.as_str().into(),
            task.state().as_str_name().into(),
            task.framework_id.value.as_str().into(),
            task.agent_id.value.as_str().into(),
        ];
        table.row(&task.task_id.value, cells);
    }
    table
}
