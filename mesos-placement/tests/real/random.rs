//! Random request sets.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use mesos_core::scheduler::Subscribed;
use mesos_core::{Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_placement::{
    Cluster, Constraint, DiskKind, Field, Placer, Ports, Request, Reservations, Strategy,
    TaskTemplate, Volume,
};
use mesos_proto::v1::{CommandInfo, ExecutorInfo, FrameworkId, TaskState};
use mesos_testing::answer_offers;

const SETS: u32 = 200;

/// Places a random set of requests on each list of offers.
struct Random {
    random: fastrand::Rng,
    framework: FrameworkId,
    sets: u32,
    /// The tasks that run, and the last state of the others.
    live: BTreeSet<String>,
    ended: BTreeMap<String, (TaskState, String)>,
    /// How often each part of a request was launched.
    launched: BTreeMap<&'static str, u32>,
    racks: BTreeSet<String>,
}

impl Random {
    fn task(&mut self, name: &str) -> TaskTemplate {
        let random = &mut self.random;
        let cpus = f64::from(random.u32(1..8)) / 20.0;
        let mut needs = format!("cpus:{cpus};mem:{}", random.u32(16..64));
        match random.u8(0..8) {
            0 => needs += ";devices:{b}",
            1 => needs += ";ports:[31010-31011,31020-31020]",
            2 => needs += ";disk:8",
            3 => needs = needs.replace("cpus:", "cpus(web):"),
            _ => {}
        }
        let task = TaskTemplate::new(name, needs.parse().unwrap()).command(CommandInfo::sh(":"));
        match random.u8(0..8) {
            0 => task.ports(Ports::any(2).named(["http"])),
            1 => task.ports(Ports::within(1, [31040..=31060])),
            2 => task.ports(Ports::fixed(31030)),
            _ => task,
        }
    }

    fn request(&mut self, number: u32) -> Request {
        let name = format!("s{}-r{number}", self.sets);
        let task = self.task(&name);
        let request = match self.random.u8(0..10) {
            0 => {
                let executor = ExecutorInfo::builder("pod").framework(self.framework.clone());
                let executor = executor.cpus(0.1).mem(32.0).disk(8.0).build();
                let tasks = [task, self.task(&format!("{name}-b"))];
                Request::group(&name, executor, tasks)
            }
            1 => {
                let volume = Volume::new(DiskKind::Root, 4.0).unwrap();
                let volume = volume.persistent(format!("v-{name}"), "data", None);
                Request::new(task.volume(volume))
                    .role("web")
                    .reserve("web", None)
            }
            2 => Request::new(task).role("batch").reserve("batch", None),
            3 => Request::new(task).reservations(Reservations::UnreservedFirst),
            4 => Request::new(task).reservations(Reservations::Reserved),
            _ => Request::new(task).instances(2),
        };
        match self.random.u8(0..5) {
            0 => request.constraint(Constraint::group_by(Field::attribute("rack"), 3)),
            1 => request.constraint(Constraint::Unique(Field::AgentId)),
            2 => request.constraint(Constraint::is(Field::attribute("rack"), "r2")),
            _ => request,
        }
    }
}

#[async_trait]
impl Scheduler for Random {
    async fn subscribed(&mut self, _: &SchedulerDriver, granted: Subscribed) -> HandlerResult {
        self.framework = granted.framework_id;
        Ok(())
    }

    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        if self.sets == SETS {
            if self.live.is_empty() {
                driver.stop();
            }
            return Ok(answer_offers(driver, [], offers).await?);
        }
        self.sets += 1;
        let count = self.random.u32(1..4);
        let requests: Vec<_> = (0..count).map(|number| self.request(number)).collect();
        let strategies = [Strategy::FirstFit, Strategy::BestFit, Strategy::Spread];
        let strategy = strategies[self.random.usize(0..3)].clone();
        let round = Placer::new(strategy).place(offers, &requests, &Cluster::new());
        for accept in &round.accepts {
            self.live
                .extend(accept.tasks().map(|task| task.task_id.value.clone()));
            for placed in &accept.placed {
                self.racks
                    .extend(placed.running.agent.attributes.get("rack").cloned());
            }
            for operation in &accept.operations {
                let reserved = operation
                    .launch
                    .iter()
                    .flat_map(|launch| &launch.task_infos);
                let mut resources = reserved.flat_map(|task| &task.resources);
                for (part, used) in [
                    ("reserve", operation.reserve.is_some()),
                    ("create", operation.create.is_some()),
                    ("group", operation.launch_group.is_some()),
                    ("ports", resources.clone().any(|one| one.name == "ports")),
                    ("set", resources.clone().any(|one| one.name == "devices")),
                    (
                        "reservation",
                        resources.any(|one| !one.reservations.is_empty()),
                    ),
                ] {
                    *self.launched.entry(part).or_default() += u32::from(used);
                }
            }
        }
        let accepts = round.accepts.into_iter();
        let accepts = accepts.map(|accept| (accept.offers, accept.operations));
        Ok(answer_offers(driver, accepts, round.unused).await?)
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        if update.is_terminal() {
            let id = update.task_id.value.clone();
            self.live.remove(&id);
            let message = update.message.clone().unwrap_or_default();
            self.ended.insert(id, (update.task_state()?, message));
        }
        if self.sets == SETS && self.live.is_empty() {
            driver.stop();
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mesos_accepts_200_random_request_sets_without_a_task_error() {
    let resources = "cpus:4;cpus(web):2;mem:2048;mem(web):512;disk:2048;ports:[31000-31100];\
                     ports(web):[31200-31210];devices:{a,b}";
    let builder = LocalCluster::builder().agents(3).resources(resources);
    let builder = builder.attributes(["rack:r1", "rack:r2", "rack:r3"]);
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let scheduler = Random {
        random: fastrand::Rng::with_seed(1),
        framework: FrameworkId::default(),
        sets: 0,
        live: BTreeSet::new(),
        ended: BTreeMap::new(),
        launched: BTreeMap::new(),
        racks: BTreeSet::new(),
    };
    let framework = Framework::ephemeral("placement").role("web").role("batch");
    let scheduler = crate::run(scheduler, framework, &cluster.master_url()).await;
    for (id, (state, message)) in &scheduler.ended {
        assert_eq!(*state, TaskState::TaskFinished, "{id}: {message}");
    }
    println!("{} tasks: {:?}", scheduler.ended.len(), scheduler.launched);
    assert!(scheduler.ended.len() >= SETS as usize);
    assert!(
        scheduler.launched.values().all(|count| *count > 0),
        "{:?}",
        scheduler.launched
    );
    assert_eq!(scheduler.launched.len(), 6);
    assert_eq!(scheduler.racks.len(), 3);
}
