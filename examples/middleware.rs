//! Prints all events and calls of a scheduler, and repeats calls that fail temporarily:
//! `cargo run --example middleware MASTER [--backend native]`

use std::sync::Arc;

use mesos::backend::{Answer, Calls, SchedulerApi};
use mesos::middleware::{Middleware, RetryCalls, Wrapped};
use mesos::v1::scheduler::{Call, Event};
use mesos::v1::{CommandInfo, TaskInfo};
use mesos::{BoxError, Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate};

#[derive(Debug)]
struct Print;

#[mesos::async_trait]
impl Middleware<SchedulerApi> for Print {
    fn event(&self, event: Box<Event>) -> Option<Box<Event>> {
        println!("< {}", event.r#type().as_str_name());
        Some(event)
    }

    async fn call(&self, call: Call, next: &Arc<dyn Calls<SchedulerApi>>) -> mesos::Result<Answer> {
        println!("> {}", call.r#type().as_str_name());
        next.send(call).await
    }
}

/// Runs one task.
struct Once(Option<TaskInfo>);

#[mesos::async_trait]
impl Scheduler for Once {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            if let Some(task) = &self.0 {
                driver.launch(offer, task.clone()).await?;
                self.0 = None; // If the call fails, the task waits for the next offer.
            }
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
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
    let [master] = &arguments[..] else {
        return Err("usage: middleware MASTER [--backend native]".into());
    };
    let backend = mesos_examples::backend(&name, master).await?;
    // The outermost middleware is next to the driver, so it does not print the repetitions.
    let backend = Wrapped::new(Wrapped::new(backend, RetryCalls::new()), Print);
    let task = TaskInfo::builder("once").id("once").cpus(0.1).mem(32.0);
    let task = task.command(CommandInfo::sh("true")).build();
    SchedulerDriver::run(Once(Some(task)), Framework::ephemeral("once"), backend).await?;
    Ok(())
}
