//! `mesos task list`.

use mesos::v1::Task;

use super::find::{all, started, state};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Cell, Column, Table, age, mebibytes, number, or_dash, scalar};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also list tasks that have ended
    #[arg(long, short)]
    all: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Error> {
    let mut known = context.master()?.get_tasks().await?;
    if !args.all {
        known.completed_tasks.clear();
    }
    let mut table = Table::new([
        Column::text("ID"),
        Column::text("NAME"),
        Column::text("STATE"),
        Column::number("CPUS"),
        Column::number("MEM"),
        Column::number("AGE"),
        Column::text("FRAMEWORK"),
        Column::text("AGENT").wide(),
        Column::text("EXECUTOR").wide(),
    ]);
    for task in all(&known) {
        table.row(task.task_id.as_str(), cells(task));
    }
    context.out.list(&known, &table)
}

fn cells(task: &Task) -> [Cell; 9] {
    let amount = |name| scalar(&task.resources, name);
    let executor = task.executor_id.as_ref().map_or("", |id| id.as_str());
    [
        task.task_id.as_str().into(),
        task.name.as_str().into(),
        state(task),
        number(amount("cpus")).into(),
        mebibytes(amount("mem")).into(),
        age(started(task).as_ref()).into(),
        task.framework_id.as_str().into(),
        task.agent_id.as_str().into(),
        or_dash(executor).into(),
    ]
}
