//! `mesos doctor`: checks the path from this machine to a cluster, and says what to change.
//!
//! `check` has the results, `cluster` the checks through the operator API, `network` those of names
//! and ports, and `connection` those of one HTTP or TLS connection.

mod check;
mod cluster;
mod connection;
mod network;

pub(crate) use self::network::{authority, connect};

use std::time::Duration;

use self::check::State;
use crate::context::Context;
use crate::error::{Code, Error};
use crate::output::{Cell, Column, Table};

/// The time limit of one connection.
const CONNECT: Duration = Duration::from_secs(5);

pub(crate) async fn run(context: &Context) -> Result<(), Error> {
    let checks = cluster::checks(context).await;
    let mut table = Table::new([
        Column::text("CHECK"),
        Column::text("RESULT"),
        Column::text("DETAIL"),
    ]);
    for check in &checks {
        let cells: [Cell; 3] = [
            check.name.into(),
            check.state.cell(),
            check.detail.as_str().into(),
        ];
        table.row(check.name, cells);
    }
    context.out.list(&checks, &table)?;
    for check in &checks {
        if let Some(advice) = &check.advice {
            crate::output::note(&format!("{}: {advice}", check.name));
        }
    }
    if checks.iter().any(|check| check.state == State::Failed) {
        return Err(Error::Exit(Code::Failure as u8));
    }
    Ok(())
}
