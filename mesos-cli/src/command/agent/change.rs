//! `mesos agent deactivate|reactivate|gone`.

use super::find::id;
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::Error;

#[derive(Debug, clap::Args)]
pub(crate) struct Gone {
    #[command(flatten)]
    agent: super::Agent,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn deactivate(agent: &str, context: &Context) -> Result<(), Error> {
    let id = id(agent, context).await?;
    context.master()?.deactivate_agent(id.clone()).await?;
    context.out.done("agent", &id.value, "is deactivated")
}

pub(super) async fn reactivate(agent: &str, context: &Context) -> Result<(), Error> {
    let id = id(agent, context).await?;
    context.master()?.reactivate_agent(id.clone()).await?;
    context.out.done("agent", &id.value, "is reactivated")
}

pub(super) async fn gone(args: &Gone, context: &Context) -> Result<(), Error> {
    let id = id(&args.agent.agent, context).await?;
    let question = format!(
        "Mark agent {} as gone? Its tasks are lost, and the agent can never return.",
        id.value
    );
    confirm(&question, args.yes)?;
    context.master()?.mark_agent_gone(id.clone()).await?;
    context.out.done("agent", &id.value, "is gone")
}
