//! `mesos framework teardown`.

use mesos::v1::FrameworkId;

use super::{find, id};
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::Error;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    framework: super::Argument,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let (frameworks, tasks) = tokio::try_join!(master.get_frameworks(), master.get_tasks())?;
    let framework = find(&args.framework.framework, &frameworks)?;
    let id = id(framework);
    let count = tasks
        .tasks
        .iter()
        .filter(|task| task.framework_id.value == id)
        .count();
    let name = &framework.framework_info.name;
    let tasks = crate::output::count(count as u64, "task");
    let question = format!("End framework {id} ({name}) and kill {tasks}?");
    confirm(&question, args.yes)?;
    master.teardown(FrameworkId::from(id)).await?;
    context.out.done("framework", id, "is ended")
}
