//! Runs one task on the Mesos named on the command line, and ends with it, over HTTP or libmesos:
//! `cargo run --example hello_scheduler http://127.0.0.1:5050/master [--backend native]`

use mesos::v1::{CommandInfo, TaskInfo};
use mesos::{Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate};

struct Hello(Option<TaskInfo>);

#[mesos::async_trait]
impl Scheduler for Hello {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            if let Some(task) = self.0.take() {
                driver.launch(offer, [task]).await?;
            } // Every other offer is declined when it is dropped, here.
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: StatusUpdate) -> HandlerResult {
        println!("{}: {:?}", update.task_id, update.task_state()?);
        if update.is_terminal() {
            driver.stop(false);
        }
        Ok(()) // Now the update is acknowledged.
    }
}

#[tokio::main]
async fn main() -> Result<(), mesos::BoxError> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = mesos_examples::backend_name(&mut arguments)?;
    let master = arguments.first().ok_or("which master?")?;
    let task = TaskInfo::builder("hello").id("hello").cpus(0.1).mem(32.0);
    let task = task.command(CommandInfo::sh("echo hello")).build();
    let backend = mesos_examples::backend(&name, master).await?;
    SchedulerDriver::run(Hello(Some(task)), Framework::ephemeral("hello"), backend).await?;
    Ok(())
}
