//! `mesos agent drain`.

use std::time::{Duration, Instant};

use mesos::operator::DrainOptions;
use mesos::v1::{AgentId, DrainState};

use super::find::id;
use super::{Known, known};
use crate::context::Context;
use crate::error::{Code, Error};
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
    match wait(&id, context).await? {
        Drain::Drained | Drain::Removed if args.mark_gone => {
            context.out.done("agent", &id.value, "is drained and gone")
        }
        // The master does not list an agent that it cannot reach, and its tasks may run.
        Drain::Removed => {
            let message = format!("the master cannot reach agent {}", id.value);
            let hint = "the agent is drained when it registers again";
            Err(Error::new(Code::Failure, message).hint(hint))
        }
        Drain::Canceled => {
            let message = format!("agent {} was reactivated before it was drained", id.value);
            Err(Error::new(Code::Failure, message))
        }
        Drain::Draining | Drain::Drained => context.out.done("agent", &id.value, "is drained"),
    }
}

/// The state of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drain {
    Draining,
    Drained,
    /// The master does not list the agent any more.
    Removed,
    /// The agent was reactivated.
    Canceled,
}

/// The state of the drain of the agent `id`.
fn drain<'a>(mut agents: impl Iterator<Item = Known<'a>>, id: &AgentId) -> Drain {
    match agents.find(|agent| agent.id() == id.value) {
        None => Drain::Removed,
        // The registry has the drain.
        Some(Known::Recovered(_)) => Drain::Draining,
        Some(Known::Registered(agent)) => match &agent.drain_info {
            None => Drain::Canceled,
            Some(info) if info.state() == DrainState::Drained => Drain::Drained,
            Some(_) => Drain::Draining,
        },
    }
}

/// Waits until the drain of the agent ends.
async fn wait(id: &AgentId, context: &Context) -> Result<Drain, Error> {
    let master = context.master()?;
    let mut progress = Progress::new();
    loop {
        let begin = Instant::now();
        let (agents, tasks) = tokio::try_join!(master.get_agents(), master.get_tasks())?;
        match drain(known(&agents), id) {
            Drain::Draining => {}
            end => return Ok(end),
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

#[cfg(test)]
mod tests {
    use mesos::v1::master::response::get_agents::Agent;
    use mesos::v1::{AgentInfo, DrainInfo};

    use super::*;

    #[test]
    fn a_drain_ends_when_the_agent_is_drained_removed_or_reactivated() {
        let info = AgentInfo {
            id: Some("a".into()),
            ..Default::default()
        };
        let registered = |state: Option<DrainState>| Agent {
            agent_info: info.clone(),
            drain_info: state.map(|state| DrainInfo {
                state: state.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let (draining, drained) = (DrainState::Draining, DrainState::Drained);
        for (state, expected) in [
            (Some(draining), Drain::Draining),
            (Some(drained), Drain::Drained),
            (None, Drain::Canceled),
        ] {
            let agent = registered(state);
            let agents = [Known::Registered(&agent)].into_iter();
            assert_eq!(drain(agents, &"a".into()), expected, "{state:?}");
        }
        let recovered = [Known::Recovered(&info)].into_iter();
        assert_eq!(drain(recovered, &"a".into()), Drain::Draining);
        assert_eq!(drain([].into_iter(), &"a".into()), Drain::Removed);
    }
}
