//! `mesos role`: the roles in use.

use clap::Subcommand;

use crate::context::Context;
use crate::error::Error;
use crate::output::{Cell, Column, Table, mebibytes, number, scalar};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the roles that have frameworks, reservations, a weight or a quota
    #[command(visible_alias = "ls")]
    List,
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::List => list(context).await,
    }
}

async fn list(context: &Context) -> Result<(), Error> {
    let roles = context.master()?.get_roles().await?;
    let mut table = Table::new([
        Column::text("ROLE"),
        Column::number("WEIGHT"),
        Column::number("FRAMEWORKS"),
        Column::number("CPUS"),
        Column::number("MEM"),
        Column::number("DISK"),
        Column::number("GPUS").wide(),
    ]);
    for role in &roles {
        let amount = |name| scalar(&role.resources, name);
        let cells: [Cell; 7] = [
            role.name.as_str().into(),
            number(role.weight).into(),
            role.frameworks.len().to_string().into(),
            number(amount("cpus")).into(),
            mebibytes(amount("mem")).into(),
            mebibytes(amount("disk")).into(),
            number(amount("gpus")).into(),
        ];
        table.row(&role.name, cells);
    }
    context.out.list(&roles, &table)
}
