//! `mesos reservation`: resources of an agent that are kept for a role.

use clap::Subcommand;
use mesos::resources::Resources;
use mesos::v1::resource::ReservationInfo;
use mesos::v1::resource::reservation_info::Type;

use super::stock::{Stock, is_reserved, volume_id};
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::{Code, Error};
use crate::output::{Cell, Column, Table, or_dash};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the reservations of all agents
    #[command(visible_alias = "ls")]
    List,
    /// Reserve resources of an agent for a role
    Create(Create),
    /// Remove reservations of a role from an agent
    Remove(Remove),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// The resources, such as cpus:1;mem:128;ports:[31000-31009] (mem and disk in MiB)
    resources: Resources,
    /// The agent: its id, a unique part of the id, or its host name
    #[arg(long)]
    agent: String,
    /// The role
    #[arg(long)]
    role: String,
    /// The principal that reserves [default: the principal of the cluster's settings]
    #[arg(long)]
    principal: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    /// The resources [default: everything that is reserved for the role and is not a volume]
    resources: Option<Resources>,
    /// The agent: its id, a unique part of the id, or its host name
    #[arg(long)]
    agent: String,
    /// The role
    #[arg(long)]
    role: String,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::List => list(context).await,
        Command::Create(args) => create(&args, context).await,
        Command::Remove(args) => remove(&args, context).await,
    }
}

async fn list(context: &Context) -> Result<(), Error> {
    let agents = context.master()?.get_agents().await?;
    let mut table = Table::new([
        Column::text("AGENT"),
        Column::text("ROLE"),
        Column::text("TYPE"),
        Column::text("PRINCIPAL"),
        Column::text("RESOURCES"),
    ]);
    let mut objects = Vec::new();
    for agent in &agents.agents {
        let stock = Stock::of(agent);
        for (role, resources) in stock.resources.reservations() {
            for (r#type, principal) in kinds(&resources) {
                let is_kind = |last: &ReservationInfo| {
                    last.r#type() == r#type && last.principal() == principal
                };
                let part = resources.filter(|r| r.reservations.last().is_some_and(is_kind));
                let cells: [Cell; 5] = [
                    stock.id.value.as_str().into(),
                    role.as_str().into(),
                    r#type.as_str_name().to_ascii_lowercase().into(),
                    or_dash(principal).into(),
                    part.to_unreserved().to_string().into(),
                ];
                table.row(&role, cells);
                let messages: Vec<_> = part.iter().collect();
                objects.push(serde_json::json!({ "agent_id": stock.id, "resources": messages }));
            }
        }
    }
    context.out.list(&objects, &table)
}

/// The types and principals of the reservations, each once.
fn kinds(resources: &Resources) -> Vec<(Type, String)> {
    let mut kinds: Vec<_> = resources
        .iter()
        .filter_map(|resource| {
            let last = resource.reservations.last()?;
            Some((last.r#type(), last.principal().to_owned()))
        })
        .collect();
    kinds.sort_by(|a, b| (a.0 as i32, &a.1).cmp(&(b.0 as i32, &b.1)));
    kinds.dedup();
    kinds
}

async fn create(args: &Create, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let agents = master.get_agents().await?;
    let stock = Stock::find(&args.agent, &agents)?;
    let principal = args.principal.clone();
    let reservation = ReservationInfo {
        r#type: Some(Type::Dynamic.into()),
        role: Some(args.role.clone()),
        principal: principal.or_else(|| context.principal()),
        labels: None,
    };
    let unreserved = stock.take(&args.resources, |resource| resource.reservations.is_empty())?;
    let reserved = unreserved
        .push_reservation(&reservation)
        .map_err(|error| Error::usage(format!("cannot reserve for {:?}: {error}", args.role)))?;
    master
        .reserve_resources(stock.id.clone(), &reserved)
        .await?;
    let name = format!("{} for {}", args.resources, args.role);
    context.out.done("reservation", &name, "is created")
}

async fn remove(args: &Remove, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let agents = master.get_agents().await?;
    let stock = Stock::find(&args.agent, &agents)?;
    let usable = |resource: &mesos::v1::Resource| {
        is_reserved(resource, &args.role) && volume_id(resource).is_none()
    };
    let resources = match &args.resources {
        Some(request) => stock.take(request, usable)?,
        None => stock.resources.filter(usable),
    };
    if resources.is_empty() {
        let message = format!("agent {} has no reservation for {:?}", stock.id, args.role);
        return Err(Error::new(Code::NotFound, message)
            .hint("`mesos reservation list` prints the reservations"));
    }
    let shown = resources.to_unreserved();
    let question = format!("Remove the reservation of {shown} for {}?", args.role);
    confirm(&question, args.yes)?;
    master
        .unreserve_resources(stock.id.clone(), &resources)
        .await?;
    let name = format!("{shown} for {}", args.role);
    context.out.done("reservation", &name, "is removed")
}
