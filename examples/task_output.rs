//! Shows what a task writes, while it runs, over either backend:
//! `cargo run --example task_output MASTER 'echo hello' [--backend native]`

use mesos::http::OperatorClient;
use mesos::http::files::{Output, Stream};
use mesos::v1::{CommandInfo, TaskInfo};
use mesos::{
    BoxError, Endpoint, Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate,
};
use tokio::sync::oneshot;

struct Launch {
    task: Option<TaskInfo>,
    /// Sends the output of the task, which can be read from the launch on.
    output: Option<oneshot::Sender<Output>>,
}

#[mesos::async_trait]
impl Scheduler for Launch {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            let Some(task) = self.task.take() else { break };
            // The agent that runs the task serves the files of the task.
            let url = offer.url.as_ref().ok_or("the offer has no URL")?;
            let agent = OperatorClient::for_endpoint(Endpoint::try_from(url)?);
            let output = Output::new(agent, &offer.framework_id, &task.task_id);
            driver.launch(offer, task).await?;
            if let Some(sender) = self.output.take() {
                let _ = sender.send(output);
            }
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        eprintln!("{:?}", update.task_state()?);
        if update.is_terminal() {
            driver.stop();
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = mesos_examples::backend_name(&mut arguments)?;
    let [master, command] = &arguments[..] else {
        return Err("usage: task_output MASTER COMMAND [--backend native]".into());
    };
    let backend = mesos_examples::backend(&name, master).await?;
    let task = TaskInfo::builder("output").cpus(0.1).mem(32.0);
    let task = task.command(CommandInfo::sh(command)).build();
    let (sender, output) = oneshot::channel();
    let scheduler = Launch {
        task: Some(task),
        output: Some(sender),
    };
    let driver = SchedulerDriver::start(scheduler, Framework::ephemeral("task_output"), backend);
    // Dropped without an output if the driver fails before the launch.
    if let Ok(mut output) = output.await {
        // Ends after the last line of a task that has ended.
        while let Some(line) = output.next().await? {
            match line.stream {
                Stream::Stdout => println!("{line}"),
                Stream::Stderr => eprintln!("{line}"),
            }
        }
    }
    driver.join().await?;
    Ok(())
}
