//! `mesos volume`: persistent volumes.

use clap::Subcommand;
use mesos::resources::Resources;
use mesos::v1::master::response::GetAgents;
use mesos::v1::{AgentId, Resource};

use super::agent::find;
use super::stock::{Stock, is_reserved, role, size, volume_id};
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::{Code, Error};
use crate::output::{Cell, Column, Table, mebibytes, or_dash, scalar};
use crate::resolve::{Candidate, resolve};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the persistent volumes of all agents
    #[command(visible_alias = "ls")]
    List,
    /// Create a persistent volume in reserved disk of an agent
    Create(Create),
    /// Destroy a persistent volume and its data
    Destroy(Destroy),
    /// Add reserved disk to a persistent volume
    Grow(Resize),
    /// Free a part of a persistent volume
    Shrink(Resize),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// The id of the volume, unique among the volumes of the role on the agent
    id: String,
    /// The agent: its id, a unique part of the id, or its host name
    #[arg(long)]
    agent: String,
    /// The role that the disk is reserved for
    #[arg(long)]
    role: String,
    /// The size in MiB, or with a unit such as 1.5GiB
    #[arg(long, value_parser = size)]
    size: f64,
    /// The path in the container of a task; a relative path is in the sandbox
    #[arg(long)]
    path: String,
    /// The principal that creates the volume [default: the principal of the cluster's settings]
    #[arg(long)]
    principal: Option<String>,
}

/// A volume on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Argument {
    /// The id of the volume, or its unique beginning
    id: String,
    /// The agent of the volume, if several agents have a volume with this id
    #[arg(long)]
    agent: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Destroy {
    #[command(flatten)]
    volume: Argument,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Resize {
    #[command(flatten)]
    volume: Argument,
    /// How much to add or free, in MiB or with a unit such as 1.5GiB
    #[arg(value_parser = size)]
    amount: f64,
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::List => list(context).await,
        Command::Create(args) => create(&args, context).await,
        Command::Destroy(args) => destroy(&args, context).await,
        Command::Grow(args) => grow(&args, context).await,
        Command::Shrink(args) => shrink(&args, context).await,
    }
}

/// The volumes of all agents.
fn volumes(agents: &GetAgents) -> impl Iterator<Item = (AgentId, Resource)> {
    agents.agents.iter().flat_map(|agent| {
        let stock = Stock::of(agent);
        let volumes: Vec<_> = stock.resources.persistent_volumes().into_iter().collect();
        volumes
            .into_iter()
            .map(move |volume| (stock.id.clone(), volume))
    })
}

/// The volume that an argument means.
fn wanted(argument: &Argument, agents: &GetAgents) -> Result<(AgentId, Resource), Error> {
    let agent = match &argument.agent {
        Some(agent) => Some(find(agent, agents)?.id()),
        None => None,
    };
    let volumes: Vec<_> = volumes(agents)
        .filter(|(id, _)| agent.is_none_or(|agent| id.value == agent))
        .collect();
    let candidates = volumes.iter().map(|pair| Candidate {
        id: volume_id(&pair.1).unwrap_or_default(),
        name: "",
        value: pair,
    });
    resolve("volume", &argument.id, candidates).cloned()
}

async fn list(context: &Context) -> Result<(), Error> {
    let agents = context.master()?.get_agents().await?;
    let mut table = Table::new([
        Column::text("ID"),
        Column::text("AGENT"),
        Column::text("ROLE"),
        Column::number("SIZE"),
        Column::text("USED"),
        Column::text("PATH"),
        Column::text("PRINCIPAL").wide(),
    ]);
    let mut objects = Vec::new();
    for (agent_id, volume) in volumes(&agents) {
        let id = volume_id(&volume).unwrap_or_default();
        let used = agents
            .agents
            .iter()
            .filter(|agent| agent.agent_info.id.as_ref() == Some(&agent_id))
            .flat_map(|agent| &agent.allocated_resources)
            .any(|used| volume_id(used) == Some(id) && role(used) == role(&volume));
        let disk = volume.disk.as_ref();
        let path = disk.and_then(|disk| Some(disk.volume.as_ref()?.container_path.as_str()));
        let principal = disk.and_then(|disk| disk.persistence.as_ref()?.principal.clone());
        let cells: [Cell; 7] = [
            id.into(),
            agent_id.value.as_str().into(),
            role(&volume).into(),
            mebibytes(scalar(std::slice::from_ref(&volume), "disk")).into(),
            (if used { "yes" } else { "no" }).into(),
            or_dash(path.unwrap_or_default()).into(),
            or_dash(principal.unwrap_or_default()).into(),
        ];
        table.row(id, cells);
        objects.push(serde_json::json!({ "agent_id": agent_id, "volume": volume }));
    }
    context.out.list(&objects, &table)
}

async fn create(args: &Create, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let agents = master.get_agents().await?;
    let stock = Stock::find(&args.agent, &agents)?;
    let role = &args.role;
    let principal = args.principal.clone().or_else(|| context.principal());
    let disk =
        disk(&stock, args.size, |resource| is_reserved(resource, role)).map_err(|error| {
            error.hint(format!(
                "reserve disk with `mesos reservation create 'disk:{}' --agent {} --role {role}`",
                args.size, args.agent
            ))
        })?;
    let volume = disk.persistent_volume(&args.id, &args.path, principal.as_deref());
    master.create_volumes(stock.id, [volume]).await?;
    context.out.done("volume", &args.id, "is created")
}

/// One piece of disk of this size that is not a volume, among what `usable` accepts.
fn disk(stock: &Stock, size: f64, usable: impl Fn(&Resource) -> bool) -> Result<Resource, Error> {
    let request = Resources::try_from(Resource::scalar("disk", size))
        .map_err(|error| Error::usage(error.to_string()))?;
    let free = |resource: &Resource| volume_id(resource).is_none() && usable(resource);
    let taken = stock.take(&request, free)?;
    let mut pieces = taken.into_iter();
    match (pieces.next(), pieces.next()) {
        (Some(piece), None) => Ok(piece),
        _ => {
            let message = format!(
                "agent {} has this much disk only in several pieces, which cannot be one volume",
                stock.id
            );
            Err(Error::new(Code::Failure, message))
        }
    }
}

async fn destroy(args: &Destroy, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let agents = master.get_agents().await?;
    let (agent, volume) = wanted(&args.volume, &agents)?;
    let id = volume_id(&volume).unwrap_or_default().to_owned();
    let question = format!("Destroy volume {id} on agent {agent} with all its data?");
    confirm(&question, args.yes)?;
    master.destroy_volumes(agent, [volume]).await?;
    context.out.done("volume", &id, "is destroyed")
}

async fn grow(args: &Resize, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let agents = master.get_agents().await?;
    let (agent, volume) = wanted(&args.volume, &agents)?;
    let stock = Stock::find(&agent.value, &agents)?;
    // The addition has the same reservations and the same source.
    let source = |resource: &Resource| resource.disk.as_ref().and_then(|disk| disk.source.clone());
    let addition = disk(&stock, args.amount, |resource| {
        resource.reservations == volume.reservations && source(resource) == source(&volume)
    })?;
    let id = volume_id(&volume).unwrap_or_default().to_owned();
    master.grow_volume(agent, volume, addition).await?;
    context.out.done("volume", &id, "has grown")
}

async fn shrink(args: &Resize, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let agents = master.get_agents().await?;
    let (agent, volume) = wanted(&args.volume, &agents)?;
    let id = volume_id(&volume).unwrap_or_default().to_owned();
    master.shrink_volume(agent, volume, args.amount).await?;
    context.out.done("volume", &id, "has shrunk")
}
