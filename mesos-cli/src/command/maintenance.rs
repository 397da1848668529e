//! `mesos maintenance`: planned downtime of machines.

use std::time::{Duration, SystemTime};

use clap::Subcommand;
use mesos::v1::maintenance::{ClusterStatus, Schedule, Window};
use mesos::v1::master::response::get_agents::Agent;
use mesos::v1::{MachineId, TimeInfo, Unavailability};

use crate::confirm::confirm;
use crate::context::Context;
use crate::error::Error;
use crate::output::{BAD, Cell, Column, Table, WARN, or_dash, utc_time};
use crate::resolve::{Candidate, resolve};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the machines that are scheduled, draining or down
    Status,
    /// Add machines to the schedule, or remove machines from it
    Schedule(ScheduleArgs),
    /// Take scheduled machines down; their agents are removed with all tasks
    Start(Start),
    /// Bring machines back; their agents can register again
    Stop(Machines),
}

/// Machines on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Machines {
    /// A machine: its host name, its IP address, or HOST/IP as its agent has registered
    #[arg(required = true, value_name = "MACHINE")]
    machines: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ScheduleArgs {
    #[command(flatten)]
    machines: Machines,
    /// When the machines go down, in UTC, such as 2030-01-31T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    start: Option<SystemTime>,
    /// How long the machines are down, such as 2h [default: not known]
    #[arg(long, value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// Remove the machines from the schedule
    #[arg(long, conflicts_with_all = ["start", "duration"])]
    remove: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Start {
    #[command(flatten)]
    machines: Machines,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    match command {
        Command::Status => status(context).await,
        Command::Schedule(args) => schedule(&args, context).await,
        Command::Start(args) => {
            let machines = find_all(&args.machines, context).await?;
            let names = names(&machines);
            confirm(
                &format!("Take down {}? All tasks there are lost.", names.join(", ")),
                args.yes,
            )?;
            master.start_maintenance(machines).await?;
            context.out.done_all("machine", &names, "is down")
        }
        Command::Stop(args) => {
            let machines = find_all(&args, context).await?;
            let names = names(&machines);
            master.stop_maintenance(machines).await?;
            context.out.done_all("machine", &names, "is up")
        }
    }
}

async fn status(context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let (status, schedule) = tokio::try_join!(
        master.get_maintenance_status(),
        master.get_maintenance_schedule()
    )?;
    let mut table = Table::new([
        Column::text("MACHINE"),
        Column::text("IP"),
        Column::text("STATE"),
        Column::text("START"),
        Column::text("DURATION"),
    ]);
    for window in &schedule.windows {
        let unavailability = &window.unavailability;
        let duration = unavailability.duration.as_ref();
        let duration = duration.and_then(|d| u64::try_from(d.nanoseconds).ok());
        let duration = duration
            .map(|d| humantime::format_duration(Duration::from_nanos(d)).to_string())
            .unwrap_or_default();
        for machine in &window.machine_ids {
            let cells: [Cell; 5] = [
                or_dash(machine.hostname()).into(),
                or_dash(machine.ip()).into(),
                state(machine, &status),
                or_dash(utc_time(Some(&unavailability.start))).into(),
                or_dash(duration.as_str()).into(),
            ];
            table.row(name(machine), cells);
        }
    }
    let object = serde_json::json!({ "status": status, "schedule": schedule });
    context.out.list(&object, &table)
}

fn state(machine: &MachineId, status: &ClusterStatus) -> Cell {
    if status.down_machines.contains(machine) {
        Cell::styled("down", BAD)
    } else if status.draining_machines.iter().any(|d| d.id == *machine) {
        Cell::styled("draining", WARN)
    } else {
        "up".into()
    }
}

/// Changes the windows of some machines; the windows of other machines stay the same.
async fn schedule(args: &ScheduleArgs, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let machines = find_all(&args.machines, context).await?;
    let mut schedule: Schedule = master.get_maintenance_schedule().await?;
    for window in &mut schedule.windows {
        window
            .machine_ids
            .retain(|machine| !machines.contains(machine));
    }
    schedule
        .windows
        .retain(|window| !window.machine_ids.is_empty());
    let names = names(&machines);
    if !args.remove {
        let start = args.start.unwrap_or_else(SystemTime::now);
        let since = start
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        schedule.windows.push(Window {
            machine_ids: machines,
            unavailability: Unavailability {
                start: TimeInfo {
                    nanoseconds: i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
                },
                duration: args.duration.map(Into::into),
            },
        });
    }
    master.update_maintenance_schedule(schedule).await?;
    let result = if args.remove {
        "is not scheduled any more"
    } else {
        "is scheduled"
    };
    context.out.done_all("machine", &names, result)
}

/// The machines of the agents and of the schedule that the arguments mean.
async fn find_all(arguments: &Machines, context: &Context) -> Result<Vec<MachineId>, Error> {
    let master = context.master()?;
    let (agents, schedule) =
        tokio::try_join!(master.get_agents(), master.get_maintenance_schedule())?;
    let mut known: Vec<_> = agents.agents.iter().map(machine).collect();
    known.extend(
        schedule
            .windows
            .into_iter()
            .flat_map(|window| window.machine_ids),
    );
    known.sort_by_key(name);
    known.dedup();
    let find = |wanted: &String| match wanted.split_once('/') {
        // A machine whose agent is not registered.
        Some((hostname, ip)) => {
            let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            Ok(MachineId {
                hostname: text(hostname),
                ip: text(ip),
            })
        }
        None => resolve(
            "machine",
            wanted,
            known.iter().map(|machine| Candidate {
                id: machine.hostname(),
                name: machine.ip(),
                value: machine.clone(),
            }),
        ),
    };
    arguments.machines.iter().map(find).collect()
}

/// The machine of an agent, as the master sees it: its host name and the IP address of its
/// libprocess (`Slave` in src/master/master.hpp).
fn machine(agent: &Agent) -> MachineId {
    let pid = agent.pid.as_deref().unwrap_or_default();
    let address = pid.rsplit_once('@').map_or(pid, |(_, address)| address);
    let ip = address.rsplit_once(':').map_or(address, |(ip, _)| ip);
    MachineId {
        hostname: Some(agent.agent_info.hostname.clone()),
        ip: Some(ip.trim_matches(['[', ']']).to_owned()),
    }
}

fn name(machine: &MachineId) -> String {
    format!("{}/{}", machine.hostname(), machine.ip())
}

fn names(machines: &[MachineId]) -> Vec<String> {
    machines.iter().map(name).collect()
}

fn time(text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339_weak(text)
        .map_err(|_| "expected a time in UTC such as 2030-01-31T12:00:00Z".to_owned())
}
