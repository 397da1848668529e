//! `mesos quota`: guarantees and limits of roles.

use std::collections::BTreeMap;

use clap::Subcommand;
use mesos::resources::Resources;
use mesos::v1::quota::QuotaConfig;
use mesos::v1::value::Scalar;

use crate::context::Context;
use crate::error::{Code, Error};
use crate::output::{Cell, Column, Table, number, or_dash};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the quotas of all roles, or of one role
    Get {
        /// The role
        role: Option<String>,
    },
    /// Replace the quota of a role
    Set(Set),
    /// Remove the quota of a role
    Remove {
        /// The role
        role: String,
    },
}

/// At least one of the two parts of a quota.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Quota {
    /// What the role can use at most, such as cpus:4;mem:1024 (mem and disk in MiB)
    #[arg(long, value_name = "RESOURCES", value_parser = amounts)]
    limit: Option<Amounts>,
    /// What Mesos keeps available for the role
    #[arg(long, value_name = "RESOURCES", value_parser = amounts)]
    guarantee: Option<Amounts>,
}

/// The amounts of a quota by resource name.
type Amounts = BTreeMap<String, Scalar>;

#[derive(Debug, clap::Args)]
pub(crate) struct Set {
    /// The role, without `/`
    role: String,
    #[command(flatten)]
    quota: Quota,
    /// Skip the checks for enough resources in the cluster
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::Get { role } => get(role.as_deref(), context).await,
        Command::Set(set) => {
            let quota = QuotaConfig {
                role: set.role.clone(),
                guarantees: set.quota.guarantee.unwrap_or_default(),
                limits: set.quota.limit.unwrap_or_default(),
            };
            let master = context.master()?;
            if set.force {
                master.force_update_quota([quota]).await?;
            } else {
                master.update_quota([quota]).await.map_err(refused)?;
            }
            context.out.done("role", &set.role, "has the new quota")
        }
        Command::Remove { role } => {
            let quota = QuotaConfig {
                role: role.clone(),
                ..QuotaConfig::default()
            };
            context.master()?.update_quota([quota]).await?;
            context.out.done("role", &role, "has no quota any more")
        }
    }
}

/// Adds the way around the checks of the master.
fn refused(error: mesos::Error) -> Error {
    let checked = error.status() == Some(400);
    let error = Error::from(error);
    if checked {
        error.hint("--force skips the checks for enough resources in the cluster")
    } else {
        error
    }
}

async fn get(role: Option<&str>, context: &Context) -> Result<(), Error> {
    let status = context.master()?.get_quota().await?;
    let quotas: Vec<_> = status
        .configs
        .into_iter()
        // Mesos keeps the role of a quota that was removed.
        .filter(|quota| !quota.limits.is_empty() || !quota.guarantees.is_empty())
        .filter(|quota| role.is_none_or(|role| quota.role == role))
        .collect();
    if let (Some(role), true) = (role, quotas.is_empty()) {
        let message = format!("role {role:?} does not have a quota");
        return Err(Error::new(Code::NotFound, message)
            .hint("`mesos quota get` prints the quotas of all roles"));
    }
    let mut table = Table::new([
        Column::text("ROLE"),
        Column::text("GUARANTEE"),
        Column::text("LIMIT"),
    ]);
    for quota in &quotas {
        let cells: [Cell; 3] = [
            quota.role.as_str().into(),
            or_dash(text(&quota.guarantees)).into(),
            or_dash(text(&quota.limits)).into(),
        ];
        table.row(&quota.role, cells);
    }
    context.out.list(&quotas, &table)
}

fn text(amounts: &Amounts) -> String {
    let parts: Vec<_> = amounts
        .iter()
        .map(|(name, amount)| format!("{name}:{}", number(amount.value)))
        .collect();
    parts.join(";")
}

/// Parses `cpus:4;mem:1024`.
fn amounts(text: &str) -> Result<Amounts, String> {
    let resources: Resources = text.parse().map_err(|error| format!("{error}"))?;
    let amount = |resource: &mesos::v1::Resource| {
        if !resource.reservations.is_empty() {
            return Err("a quota does not have reservations".to_owned());
        }
        let scalar = resource.scalar;
        let scalar = scalar.ok_or_else(|| format!("{} is not a number", resource.name))?;
        Ok((resource.name.clone(), scalar))
    };
    resources.iter().map(amount).collect()
}
