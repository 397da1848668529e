//! Spreads 30 tasks over the racks of the agents (the attribute `rack`), and ends with the tasks:
//! `cargo run --example place_tasks http://127.0.0.1:5050`.
//! The cluster needs agents in at least two racks.

use std::collections::{BTreeMap, BTreeSet};

use mesos::placement::{Cluster, Constraint, Field, Placer, Request, Strategy, TaskTemplate};
use mesos::v1::{CommandInfo, TaskId};
use mesos::{Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate};

struct Spread {
    waiting: BTreeSet<TaskId>,
    unfinished: usize,
    launched: Cluster, // The spread counts the tasks that were launched.
}

#[mesos::async_trait]
impl Scheduler for Spread {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        let sleep = TaskTemplate::new("sleep", "cpus:0.1;mem:16".parse()?);
        let request = Request::new(sleep.command(CommandInfo::sh("sleep 1")))
            .ids(self.waiting.iter().cloned())
            .constraint(Constraint::group_by(Field::attribute("rack"), 2));
        let round = Placer::new(Strategy::Spread).place(offers, &[request], &self.launched);
        println!("{}", round.report); // Nothing if all tasks were placed.
        for call in round.accepts {
            for placed in &call.placed {
                self.waiting.remove(&placed.task_ids[0]);
                self.launched.tasks.push(placed.running.clone());
            }
            driver.accept(call.offers, call.operations, None).await?;
        }
        Ok(()) // The other offers are declined here.
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        self.unfinished -= usize::from(update.is_terminal());
        if self.unfinished == 0 {
            let mut racks = BTreeMap::new();
            for task in &self.launched.tasks {
                *racks.entry(&task.agent.attributes["rack"]).or_insert(0) += 1;
            }
            println!("tasks by rack: {racks:?}");
            driver.stop();
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), mesos::BoxError> {
    let master = std::env::args().nth(1).ok_or("usage: place_tasks MASTER")?;
    let scheduler = Spread {
        waiting: (0..30).map(|i| format!("sleep-{i}").into()).collect(),
        unfinished: 30,
        launched: Cluster::new(),
    };
    let backend = mesos::http::HttpBackend::new(master.parse()?);
    SchedulerDriver::run(scheduler, Framework::ephemeral("place tasks"), backend).await?;
    Ok(())
}
