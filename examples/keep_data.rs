//! Keeps data on the disk of an agent from one task to the next:
//! `cargo run --example keep_data http://127.0.0.1:5050`
//!
//! The first task writes to a persistent volume on reserved disk, and the second task reads the
//! volume. Afterwards the volume is destroyed and the reservation is removed.

use mesos::resources::Resources;
use mesos::scheduler::OperationUpdate;
use mesos::v1::offer::Operation;
use mesos::v1::{CommandInfo, Resource, TaskInfo};
use mesos::{Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate};

const ROLE: &str = "keep-data";

fn disk() -> Resource {
    Resource::scalar("disk", 64.0).reserved_dynamic(ROLE, None)
}

fn volume() -> Resource {
    disk().persistent_volume("data", "data", None)
}

fn task(name: &str, command: &str, resources: Resources) -> Operation {
    let task = TaskInfo::builder(name)
        .id(name)
        .command(CommandInfo::sh(command));
    Operation::launch(task.resources(resources).resource(volume()).build())
}

/// What to do with the next offer that fits.
#[derive(Debug, PartialEq)]
enum Next {
    Write,
    Read,
    Remove,
    Wait,
}

struct KeepData(Next);

#[mesos::async_trait]
impl Scheduler for KeepData {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            let mut free = offer.resources()?;
            let has_volume = !free.persistent_volumes().is_empty();
            let needs = free.take(&"cpus:0.1;mem:32".parse()?);
            // Mesos applies the operations of a call in order, so a later operation can use the
            // result of an earlier operation.
            let operations = match (&self.0, needs) {
                (Next::Write, Ok(needs)) if !has_volume => vec![
                    Operation::reserve([disk()]),
                    Operation::create([volume()]),
                    task("write", "date > data/when", needs),
                ],
                (Next::Read, Ok(needs)) if has_volume => vec![task("read", "cat data/when", needs)],
                (Next::Remove, _) if has_volume => vec![
                    Operation::destroy([volume()]),
                    // Only an operation with an id has status updates.
                    Operation::unreserve([disk()]).with_id("unreserve"),
                ],
                _ => continue, // The offer is declined here, when it is dropped.
            };
            self.0 = Next::Wait;
            driver.accept([offer], operations, None).await?;
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        println!("{}: {:?}", update.task_id, update.task_state()?);
        if update.is_terminal() {
            let written = update.task_id == "write";
            self.0 = if written { Next::Read } else { Next::Remove };
            driver.revive().await?; // Offers come at once, also from agents that were declined.
        }
        Ok(())
    }

    async fn operation_update(
        &mut self,
        driver: &SchedulerDriver,
        update: &OperationUpdate,
    ) -> HandlerResult {
        println!("unreserve: {:?}", update.operation_state()?);
        driver.stop();
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), mesos::BoxError> {
    tracing_subscriber::fmt::init(); // Shows why a connection fails.
    let master = std::env::args().nth(1).ok_or("usage: keep_data MASTER")?;
    let framework = Framework::ephemeral("keep data").role(ROLE);
    let backend = mesos::http::HttpBackend::new(master.parse()?);
    SchedulerDriver::run(KeepData(Next::Write), framework, backend).await?;
    Ok(())
}
