//! Keeps one task running, and moves the task away from agents whose maintenance the operator has
//! announced: `cargo run --example maintenance http://127.0.0.1:5050`
//!
//! To announce a maintenance, run `mesos maintenance schedule`. A service of `mesos::framework` does
//! all of this by itself.

use mesos::v1::{AgentId, CommandInfo, InverseOffer, TaskId, TaskInfo};
use mesos::{Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate};

#[derive(Default)]
struct Move {
    /// The task and its agent.
    running: Option<(TaskId, AgentId)>,
}

#[mesos::async_trait]
impl Scheduler for Move {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            // An offer says when its agent will be unavailable.
            if self.running.is_none() && offer.unavailability.is_none() {
                let id = TaskId::random();
                let task = TaskInfo::builder("sleep")
                    .id(id.clone())
                    .cpus(0.1)
                    .mem(16.0);
                let task = task.command(CommandInfo::sh("sleep 3600")).build();
                self.running = Some((id, offer.agent_id.clone()));
                driver.launch(offer, task).await?;
            }
        }
        Ok(())
    }

    async fn inverse_offers(
        &mut self,
        driver: &SchedulerDriver,
        inverse_offers: Vec<InverseOffer>,
    ) -> HandlerResult {
        for inverse in inverse_offers {
            // The agent waits for the maintenance until its tasks have ended or the time has come.
            if let Some((task, agent)) = &self.running
                && inverse.agent_id.as_ref() == Some(agent)
            {
                println!("leaving {agent}");
                driver.kill(task.clone()).await?;
            }
            driver.accept_inverse_offers([inverse.id], None).await?;
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        println!("{:?}", update.task_state()?);
        if update.is_terminal() {
            self.running = None;
            driver.revive().await?; // Offers come at once, also from agents that were declined.
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), mesos::BoxError> {
    tracing_subscriber::fmt::init(); // Shows why a connection fails.
    let master = std::env::args().nth(1).ok_or("usage: maintenance MASTER")?;
    let backend = mesos::http::HttpBackend::new(master.parse()?);
    let framework = Framework::ephemeral("maintenance");
    let driver = SchedulerDriver::start(Move::default(), framework, backend);
    mesos_examples::join_or_ctrl_c(&*driver, || driver.stop()).await?;
    Ok(())
}
