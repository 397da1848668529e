//! `mesos framework list`.

use super::{id, roles, state};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Cell, Column, Table, age, mebibytes, number, or_dash, scalar};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also list frameworks that have ended
    #[arg(long, short)]
    all: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let (mut frameworks, tasks) = tokio::try_join!(master.get_frameworks(), master.get_tasks())?;
    if !args.all {
        frameworks.completed_frameworks.clear();
    }
    let mut table = Table::new([
        Column::text("ID"),
        Column::text("NAME"),
        Column::text("STATE"),
        Column::number("TASKS"),
        Column::number("CPUS"),
        Column::number("MEM"),
        Column::number("AGE"),
        Column::text("ROLES").wide(),
        Column::text("USER").wide(),
        Column::text("PRINCIPAL").wide(),
        Column::text("HOST").wide(),
    ]);
    let all = frameworks.frameworks.iter();
    for framework in all.chain(&frameworks.completed_frameworks) {
        let info = &framework.framework_info;
        let count = tasks
            .tasks
            .iter()
            .filter(|task| Some(&task.framework_id) == info.id.as_ref());
        let used = |name| scalar(&framework.allocated_resources, name);
        let optional = |text: &Option<String>| or_dash(text.clone().unwrap_or_default());
        let cells: [Cell; 11] = [
            id(framework).into(),
            info.name.as_str().into(),
            state(framework),
            count.count().to_string().into(),
            number(used("cpus")).into(),
            mebibytes(used("mem")).into(),
            age(framework.registered_time.as_ref()).into(),
            roles(framework).join(",").into(),
            or_dash(info.user.as_str()).into(),
            optional(&info.principal).into(),
            optional(&info.hostname).into(),
        ];
        table.row(id(framework), cells);
    }
    context.out.list(&frameworks, &table)
}
