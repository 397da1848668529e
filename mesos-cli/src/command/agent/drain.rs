//! `mesos agent drain`.

use std::time::{Duration, Instant};

use mesos::operator::DrainOptions;
use mesos::v1::{AgentId, DrainState};

use super::find::id;
use super::{Known, known};
use crate::context::Context;
use crate::error::Error;
use crate::progress::Progress;

/// The shortest time between two requests for the progress, for which the operator API has no event.
const INTERVAL: Duration = Duration::from_millis(500);
/// The time between two requests, as a multiple of the time of a request: the master of a large cluster
/// has other work.
const PAUSE: u32 = 10;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    agent: super::Agent,
    /// The longest time that a task has to end, such as 30s or 5m; by default the kill policies of
    /// the tasks decide
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    max_grace_period: Option<Duration>,
    /// Mark the agent as gone after the drain
    #[arg(long)]
    mark_gone: bool,
    /// Return at once; the drain continues
    #[arg(long)]
    no_wait: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Error> {
    let id = id(&args.agent.agent, context).await?;
    let options = DrainOptions::new()
        .max_grace_period(args.max_grace_period)
        .mark_gone(args.mark_gone);
    context
        .master()?
        .drain_agent_with(id.clone(), options)
        .await?;
    if args.no_wait {
        return context.out.done("agent", &id.value, "is draining");
    }
    wait(&id, context).await?;
    let result = if args.mark_gone {
        "is drained and gone"
    } else {
        "is drained"
    };
    context.out.done("agent", &id.value, result)
}

/// Waits until the agent is drained, or is not an agent of the cluster any more.
async fn wait(id: &AgentId, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let mut progress = Progress::new();
    loop {
        let begin = Instant::now();
        let (agents, tasks) = tokio::try_join!(master.get_agents(), master.get_tasks())?;
        let state = known(&agents).find_map(|agent| match agent {
            Known::Registered(agent) if agent.agent_info.id.as_ref() == Some(id) => {
                Some(agent.drain_info.as_ref().map(|info| info.state()))
            }
            Known::Recovered(info) if info.id.as_ref() == Some(id) => Some(None),
            _ => None,
        });
        if let None | Some(Some(DrainState::Drained)) = state {
            return Ok(());
        }
        let left = tasks
            .tasks
            .iter()
            .filter(|task| task.agent_id == *id)
            .count();
        progress.set(match left {
            0 => "draining: waiting for acknowledgements".to_owned(),
            1 => "draining: 1 task is left".to_owned(),
            left => format!("draining: {left} tasks are left"),
        });
        tokio::time::sleep(INTERVAL.max(begin.elapsed() * PAUSE)).await;
    }
}
