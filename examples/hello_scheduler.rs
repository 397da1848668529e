//! Runs one task on the Mesos master of the command line, and ends with the task:
//! `cargo run --example hello_scheduler http://127.0.0.1:5050/master`

use mesos::v1::{CommandInfo, TaskInfo};
use mesos::{Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate};

struct Hello(Option<TaskInfo>);

#[mesos::async_trait]
impl Scheduler for Hello {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            if let Some(task) = &self.0 {
                driver.launch(offer, task.clone()).await?;
                self.0 = None; // If the call fails, the task waits for the next offer.
            } // All other offers are declined here, when they are dropped.
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        println!("{update}");
        if update.is_terminal() {
            driver.stop();
        }
        Ok(()) // The driver acknowledges the update now.
    }
}

#[tokio::main]
async fn main() -> Result<(), mesos::BoxError> {
    tracing_subscriber::fmt::init(); // Shows why a connection fails.
    let usage = "usage: hello_scheduler MASTER";
    let master = std::env::args().nth(1).ok_or(usage)?;
    let task = TaskInfo::builder("hello").id("hello").cpus(0.1).mem(32.0);
    let task = task.command(CommandInfo::sh("echo hello")).build();
    let backend = mesos::http::HttpBackend::new(master.parse()?);
    SchedulerDriver::run(Hello(Some(task)), Framework::ephemeral("hello"), backend).await?;
    Ok(())
}
