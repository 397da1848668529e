//! `mesos weights`: the shares of the roles.

use clap::Subcommand;
use mesos::v1::WeightInfo;

use crate::context::Context;
use crate::error::Error;
use crate::output::{Cell, Column, Table, number};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the weights that were set; other roles have weight 1
    Get,
    /// Set the weights of roles; other roles keep their weights
    Set {
        /// A role and its weight, a number above 0
        #[arg(required = true, value_name = "ROLE=WEIGHT", value_parser = weight)]
        weights: Vec<WeightInfo>,
    },
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    match command {
        Command::Get => {
            let weights = master.get_weights().await?;
            let mut table = Table::new([Column::text("ROLE"), Column::number("WEIGHT")]);
            for weight in &weights {
                let cells: [Cell; 2] = [weight.role().into(), number(weight.weight).into()];
                table.row(weight.role(), cells);
            }
            context.out.list(&weights, &table)
        }
        Command::Set { weights } => {
            let roles: Vec<_> = weights.iter().map(|w| w.role().to_owned()).collect();
            master.update_weights(weights).await?;
            context
                .out
                .done("role", &roles.join(","), "has the new weight")
        }
    }
}

fn weight(text: &str) -> Result<WeightInfo, String> {
    let wrong = || "expected ROLE=WEIGHT with a weight above 0".to_owned();
    let (role, weight) = text.rsplit_once('=').ok_or_else(wrong)?;
    let weight: f64 = weight.parse().map_err(|_| wrong())?;
    if role.is_empty() || !weight.is_finite() || weight <= 0.0 {
        return Err(wrong());
    }
    Ok(WeightInfo {
        role: Some(role.to_owned()),
        weight,
    })
}
