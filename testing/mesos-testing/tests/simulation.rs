//! Whole clusters in virtual time.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mesos::scheduler::{ReconcilePolicy, Subscribed};
use mesos::v1::scheduler::call::Type;
use mesos::v1::{CommandInfo, Filters, TaskId, TaskInfo, TaskState};
use mesos::{
    Delivery, ErrorKind, Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate,
    StopReason, TaskFate,
};
use mesos_testing::{Agent, Behavior, Chaos, FakeMaster, Reaction, Trace, seeds};

const HOUR: Duration = Duration::from_secs(3600);
/// A long simulation takes a tenth of this on an idle machine.
const MOST: Duration = Duration::from_secs(120);
const MINUTES_20: Duration = Duration::from_secs(1200);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Runs each item once. A task has the id `ITEM.ATTEMPT`.
struct Items {
    items: Vec<Item>,
    waiting: BTreeSet<usize>,
    done: usize,
    /// Treats tasks without an update as lost when it subscribes again.
    forgetful: bool,
}

#[derive(Clone, Debug)]
struct Item {
    attempt: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Waiting,
    Launched { seen: bool },
    Done,
}

impl Items {
    fn new(count: usize) -> Self {
        let item = Item {
            attempt: 0,
            state: State::Waiting,
        };
        Self {
            items: vec![item; count],
            waiting: (0..count).collect(),
            done: 0,
            forgetful: false,
        }
    }

    fn forgetful(count: usize) -> Self {
        Self {
            forgetful: true,
            ..Self::new(count)
        }
    }

    fn wait(&mut self, item: usize) {
        self.items[item].state = State::Waiting;
        self.waiting.insert(item);
    }

    /// The item whose present task is `task`.
    fn launched(&self, task: &TaskId) -> Option<usize> {
        let (number, attempt) = task.as_str().split_once('.')?;
        let (number, attempt): (usize, u32) = (number.parse().ok()?, attempt.parse().ok()?);
        let item = self.items.get(number)?;
        let launched = matches!(item.state, State::Launched { .. });
        (launched && item.attempt == attempt).then_some(number)
    }
}

#[mesos::async_trait]
impl Scheduler for Items {
    async fn subscribed(&mut self, driver: &SchedulerDriver, granted: Subscribed) -> HandlerResult {
        if self.forgetful && granted.resubscribed {
            for item in 0..self.items.len() {
                if self.items[item].state == (State::Launched { seen: false }) {
                    self.wait(item);
                }
            }
            let _ = driver.revive().await;
        }
        Ok(())
    }

    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            let room = offer.resources()?.cpus().unwrap_or_default().min(8.0) as usize;
            let mut tasks = Vec::new();
            while tasks.len() < room
                && let Some(number) = self.waiting.pop_first()
            {
                let item = &mut self.items[number];
                item.attempt += 1;
                item.state = State::Launched { seen: false };
                let task = TaskInfo::builder("item").id(format!("{number}.{}", item.attempt));
                let task = task.cpus(1.0).mem(32.0).command(CommandInfo::sh("work"));
                tasks.push(task.build());
            }
            if tasks.is_empty() {
                // The scheduler revives its role when a task waits.
                let _ = driver.decline([offer], Some(Filters::refuse(HOUR))).await;
                continue;
            }
            let ids: Vec<_> = tasks.iter().map(|task| task.task_id.clone()).collect();
            if let Err(error) = driver.launch(offer, tasks).await
                && error.delivery() != Delivery::Unknown
            {
                for id in ids {
                    if let Some(item) = self.launched(&id) {
                        self.wait(item);
                    }
                }
            }
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        let (state, fate) = (update.task_state()?, update.fate()?);
        let Some(item) = self.launched(&update.task_id) else {
            return Ok(());
        };
        match fate {
            TaskFate::Active | TaskFate::Unreachable => {
                self.items[item].state = State::Launched { seen: true };
            }
            _ if state == TaskState::TaskFinished => {
                self.items[item].state = State::Done;
                self.done += 1;
            }
            _ => {
                self.wait(item);
                let _ = driver.revive().await;
            }
        }
        if self.done == self.items.len() {
            driver.stop();
        }
        Ok(())
    }
}

/// Tasks take up to ten minutes, and some fail.
fn behavior(task: &TaskInfo) -> Behavior {
    let number = task.task_id.as_str().bytes();
    let number: u64 = number.fold(7, |sum, byte| sum * 31 % 10_007 + u64::from(byte));
    let running = Behavior::runs().after(Duration::from_secs(number % 600));
    match number % 10 {
        0 => running.then(TaskState::TaskFailed),
        _ => running.then(TaskState::TaskFinished),
    }
}

fn framework() -> Framework {
    Framework::with_failover_timeout("items", 7 * DAY).reconcile(ReconcilePolicy::default())
}

fn cluster(agents: usize) -> mesos_testing::Builder {
    let agents = (0..agents).map(|number| Agent::new(format!("a{number}")));
    agents.fold(FakeMaster::builder(), |builder, agent| builder.agent(agent))
}

/// Runs `items` through an hour of chaos, and returns the trace. Panics if they do not finish within
/// a day, or if one of them finished twice.
async fn survive(seed: u64, items: Items) -> Trace {
    let master = cluster(3)
        .tasks(behavior)
        .chaos(Chaos::all().lasting(MINUTES_20));
    let master = master.simulate(seed);
    let driver = SchedulerDriver::start(items, framework(), master.backend()).detach();
    match tokio::time::timeout(DAY, driver.join()).await {
        Ok(end) => assert_eq!(end.unwrap(), StopReason::Stopped),
        Err(_) => panic!(
            "not done after a day; launched: {:?}",
            master.launched().len()
        ),
    }
    let mut finished: BTreeMap<String, usize> = BTreeMap::new();
    for status in master.acknowledged() {
        if status.state() == TaskState::TaskFinished {
            let (item, _) = status.task_id.as_str().split_once('.').unwrap();
            *finished.entry(item.to_owned()).or_default() += 1;
        }
    }
    let twice: Vec<_> = finished.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "items ran twice: {twice:?}");
    master.trace()
}

fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(future)
}

#[test]
fn the_same_seed_repeats_a_run_and_another_seed_does_not() {
    let trace = |seed| in_virtual_time(survive(seed, Items::new(12)));
    for seed in 0..20 {
        let (first, second) = (trace(seed), trace(seed));
        assert_eq!(first.difference(&second), None, "seed {seed}");
        assert!(first.len() > 50, "{first}");
    }
    assert_ne!(trace(0), trace(1));
}

#[test]
fn a_correct_scheduler_survives_a_thousand_seeds() {
    seeds(0..1000, async |seed| {
        survive(seed, Items::new(12)).await;
    });
}

#[test]
fn a_scheduler_that_forgets_tasks_is_found_by_a_seed_that_repeats_the_failure() {
    let found = catch_unwind(|| {
        seeds(0..200, async |seed| {
            survive(seed, Items::forgetful(12)).await;
        });
    });
    let text = *found.unwrap_err().downcast::<String>().unwrap();
    let seed = text.strip_prefix("seed ").unwrap();
    let (seed, _) = seed.split_once(' ').unwrap();
    let seed: u64 = seed.parse().unwrap();
    for _ in 0..2 {
        let again = catch_unwind(AssertUnwindSafe(|| {
            in_virtual_time(survive(seed, Items::forgetful(12)))
        }));
        let again = *again.unwrap_err().downcast::<String>().unwrap();
        assert!(text.ends_with(&again), "{text}\n{again}");
    }
}

#[test]
fn a_day_of_100_agents_and_10_000_tasks_takes_seconds() {
    let start = Instant::now();
    in_virtual_time(async {
        let agents = (0..100).map(|number| Agent::new(format!("a{number}")));
        let agents = agents.map(|agent| agent.having("cpus:4;mem:128"));
        let master = agents.fold(FakeMaster::builder(), |builder, agent| builder.agent(agent));
        // As on a real master.
        let master = master.allocation_interval(Duration::from_secs(1));
        let master = master.tasks(behavior).simulate(1);
        let driver = SchedulerDriver::start(Items::new(10_000), framework(), master.backend());
        assert_eq!(driver.join().await.unwrap(), StopReason::Stopped);
        assert!(master.launched().len() > 10_000);
        // sleep: virtual time, which takes no time.
        tokio::time::sleep(DAY).await;
    });
    assert!(start.elapsed() < MOST, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_month_of_heartbeats_takes_seconds() {
    let start = Instant::now();
    let master = cluster(1).simulate(1);
    let driver = SchedulerDriver::start(Items::new(1), framework(), master.backend());
    master.expect_launched().await;
    // sleep: virtual time, which takes no time.
    tokio::time::sleep(30 * DAY).await;
    assert!(driver.is_subscribed());
    assert_eq!(master.streams().len(), 1);
    assert!(start.elapsed() < MOST, "{:?}", start.elapsed());
}

/// A simulation found this: the framework was removed although it was away for a moment only.
#[tokio::test(start_paused = true)]
async fn the_failover_timeout_of_an_earlier_leader_has_no_effect() {
    let master = cluster(1).simulate(1);
    let framework = Framework::with_failover_timeout("idle", HOUR);
    let driver = SchedulerDriver::start(Items::new(0), framework, master.backend()).detach();
    // The first absence, under the first leader, which knows the framework.
    master.expect_stream().await.cut();
    master.expect_stream().await;
    // The next leader does not know the framework, and counts its absences again.
    master.fail_over();
    master.expect_stream().await;
    // sleep: virtual time, which takes no time.
    tokio::time::sleep(HOUR - Duration::from_secs(60)).await;
    master.react_always(Type::Subscribe, Reaction::respond(503, "not now"));
    master.stream().cut();
    // sleep: virtual time, which takes no time.
    tokio::time::sleep(Duration::from_secs(120)).await;
    master.clear_reactions();
    tokio::time::timeout(HOUR / 2, driver.when_subscribed())
        .await
        .unwrap()
        .unwrap();
}

/// The errors are those of the HTTP backend.
#[tokio::test(start_paused = true)]
async fn refusals_and_silence_end_a_subscription_as_over_http() {
    let master = cluster(1).credential("me", "secret").simulate(1);
    let backend = master.backend().credentials("me", "wrong");
    let driver = SchedulerDriver::start(Items::new(0), framework(), backend);
    let refused = driver.join().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthorized);
    assert_eq!(refused.status(), Some(401));

    let backend = master.backend().credentials("me", "secret");
    let driver = SchedulerDriver::start(Items::new(0), framework(), backend).detach();
    let stream = master.expect_stream().await;
    stream.mute();
    let since = tokio::time::Instant::now();
    stream.closed().await;
    // Five heartbeats of 15 s.
    assert_eq!(since.elapsed().as_secs(), 75);
    let stream = master.expect_stream().await;

    // A call without an answer: the driver does not know whether it was executed.
    driver.when_subscribed().await.unwrap();
    master.react(Type::Revive, Reaction::ExecuteAndIgnore);
    let lost = driver.revive().await.unwrap_err();
    assert_eq!(
        (lost.kind(), lost.delivery()),
        (ErrorKind::Timeout, Delivery::Unknown)
    );
    stream.closed().await;
    master.expect_stream().await;

    drop(master);
    // sleep: virtual time, which takes no time.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!driver.is_subscribed());
    driver.abort();
}
