//! How to simulate a scheduler: it lives through a week with faults, in a second.
//! `cargo run --example simulate_your_scheduler [--bug]`
//!
//! The scheduler runs a report each night. With `--bug` it takes a launch without an answer for a
//! launch that did not happen. Some seed finds that a report then runs twice, and repeats the
//! failure: `MESOS_SEED=… cargo run --example simulate_your_scheduler -- --bug`.
//!
//! In your own crate `main` is a `#[test]`, and `mesos-testing` is a dev-dependency.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mesos::scheduler::ReconcilePolicy;
use mesos::v1::{CommandInfo, Filters, TaskInfo, TaskState};
use mesos::{
    Delivery, Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate, TaskFate,
};
use mesos_testing::{Agent, Behavior, Chaos, FakeMaster, seeds};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const NIGHTS: usize = 7;

// The scheduler.

/// The next night.
struct Night;

#[derive(Default)]
struct Reports {
    nights: usize,
    done: usize,
    attempts: usize,
    running: Option<String>,
    bug: bool,
}

#[mesos::async_trait]
impl Scheduler<Night> for Reports {
    async fn input(&mut self, driver: &SchedulerDriver<Night>, Night: Night) -> HandlerResult {
        self.nights += 1;
        driver.send_after(DAY, Night);
        let _ = driver.revive().await; // A new subscription gets offers without it.
        Ok(())
    }

    async fn offers(
        &mut self,
        driver: &SchedulerDriver<Night>,
        offers: Vec<Offer>,
    ) -> HandlerResult {
        for offer in offers {
            if self.running.is_some() || self.done == self.nights {
                let filters = Filters::refuse(DAY);
                let _ = driver.decline([offer], Some(filters)).await;
                continue;
            }
            self.attempts += 1;
            let id = format!("{}.{}", self.done, self.attempts);
            let task = TaskInfo::builder("report").id(&id).cpus(1.0).mem(64.0);
            let task = task.command(CommandInfo::sh("make-report")).build();
            self.running = Some(id);
            if let Err(error) = driver.launch(offer, [task]).await
                && (self.bug || error.delivery() != Delivery::Unknown)
            {
                self.running = None;
            }
            // After a launch without an answer, the driver requests the state of the task.
        }
        Ok(())
    }

    async fn update(
        &mut self,
        driver: &SchedulerDriver<Night>,
        update: &StatusUpdate,
    ) -> HandlerResult {
        if self.running.as_deref() != Some(update.task_id.as_str()) {
            return Ok(()); // A repetition, for example.
        }
        match update.fate()? {
            TaskFate::Active | TaskFate::Unreachable => return Ok(()),
            TaskFate::Ended if update.task_state()? == TaskState::TaskFinished => self.done += 1,
            _ => {}
        }
        self.running = None;
        let _ = driver.revive().await;
        Ok(())
    }
}

// The simulation.

/// Some faults each day.
fn chaos() -> Chaos {
    Chaos::none()
        .fail_over_every(DAY)
        .make_agents_unreachable_every(DAY, HOUR)
        .cut_connections_every(6 * HOUR)
        .lose_answers(0.05)
        .repeat_updates(0.1)
        .latency(Duration::from_millis(50))
}

async fn week(seed: u64, bug: bool) {
    let master = FakeMaster::builder()
        .agent(Agent::new("a1"))
        .agent(Agent::new("a2"))
        .tasks(|_| Behavior::runs().after(HOUR).then(TaskState::TaskFinished))
        .heartbeat(5 * MINUTE) // Fewer events in the same time.
        .chaos(chaos().lasting(NIGHTS as u32 * DAY))
        .simulate(seed);
    let framework = Framework::with_failover_timeout("reports", 7 * DAY);
    let framework = framework.reconcile(ReconcilePolicy::default());
    let scheduler = Reports {
        bug,
        ..Reports::default()
    };
    let driver = SchedulerDriver::start(scheduler, framework, master.backend());
    driver.send(Night).expect("the driver runs");
    tokio::time::sleep(NIGHTS as u32 * DAY - HOUR).await; // Takes no time.
    tokio::time::sleep(DAY - 2 * HOUR).await;

    let mut finished: BTreeMap<String, usize> = BTreeMap::new();
    for update in master.acknowledged() {
        if let (TaskState::TaskFinished, Some((night, _))) =
            (update.state(), update.task_id.as_str().split_once('.'))
        {
            *finished.entry(night.to_owned()).or_default() += 1;
        }
    }
    let twice: Vec<_> = finished.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "reports that ran twice: {twice:?}");
    assert!(finished.len() >= NIGHTS, "only {} reports", finished.len());
    driver.abort();
}

fn main() {
    let bug = std::env::args().any(|argument| argument == "--bug");
    let start = Instant::now();
    seeds(0..5, async |seed| week(seed, bug).await);
    println!("5 weeks without a failure in {:?}", start.elapsed());
}
