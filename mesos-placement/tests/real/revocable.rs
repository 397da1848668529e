//! Revocable resources and executors that run.

use std::collections::BTreeMap;

use async_trait::async_trait;
use mesos_core::{Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_placement::{Cluster, Placer, Request, Revocable, Strategy, TaskTemplate};
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::resource::RevocableInfo;
use mesos_proto::v1::{CommandInfo, ExecutorInfo, Resource, TaskState};
use mesos_testing::answer_offers;

use crate::oversubscribe::oversubscribe;

struct Mixed {
    local: LocalCluster,
    known: Cluster,
    rounds: u32,
    states: BTreeMap<String, (TaskState, String)>,
    reports: String,
}

/// An executor that runs, and never registers.
fn executor(id: &str, revocable: bool) -> ExecutorInfo {
    let cpus = Resource {
        revocable: revocable.then(RevocableInfo::default),
        ..Resource::scalar("cpus", 0.1)
    };
    let builder = ExecutorInfo::builder(id).command(CommandInfo::sh("sleep 1000"));
    builder.resource(cpus).mem(32.0).build()
}

fn request(name: &str, wanted: Revocable, executor: ExecutorInfo) -> Request {
    let task = TaskTemplate::new(name, "cpus:0.1;mem:16".parse().unwrap());
    Request::new(task)
        .ids([name])
        .revocable("cpus", wanted)
        .executor(executor)
}

#[async_trait]
impl Scheduler for Mixed {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        // The master can offer the revocable resources alone.
        let has = |wanted: fn(&Resource) -> bool| {
            let mut all = offers.iter().flat_map(|offer| &offer.resources);
            all.any(wanted)
        };
        let both = has(|one| one.revocable.is_some()) && has(|one| one.name == "mem");
        if !both || self.rounds == 2 {
            if self.rounds == 0 && !has(|one| one.revocable.is_some()) {
                oversubscribe(&self.local, offers[0].agent_id(), 2.0);
            }
            return Ok(answer_offers(driver, [], offers).await?);
        }
        self.rounds += 1;
        let (plain, revocable) = (executor("plain", false), executor("revocable", true));
        let requests = match self.rounds {
            1 => vec![
                request("first-plain", Revocable::Never, plain),
                request("first-revocable", Revocable::Only, revocable),
            ],
            // The executors of the requests are those that run, or have other resources.
            _ => vec![
                request("only", Revocable::Only, executor("plain", true)),
                request("never", Revocable::Never, executor("revocable", false)),
                request("allowed-plain", Revocable::Allowed, plain),
                request("allowed-revocable", Revocable::Allowed, revocable),
            ],
        };
        let round = Placer::new(Strategy::FirstFit).place(offers, &requests, &self.known);
        self.reports += &round.report.to_string();
        let placed = round.accepts.iter().flat_map(|accept| &accept.placed);
        let placed = placed.map(|placed| placed.running.clone());
        self.known.tasks.extend(placed);
        let tasks = round.accepts.iter().flat_map(|accept| accept.tasks());
        let tasks = tasks.map(|task| (task.task_id.clone(), None));
        let tasks: Vec<_> = tasks.collect();
        let accepts = round.accepts.into_iter();
        let accepts = accepts.map(|accept| (accept.offers, accept.operations));
        answer_offers(driver, accepts, round.unused).await?;
        // Calls keep their order, so the master has checked the tasks when it answers.
        Ok(driver.reconcile(tasks).await?)
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        let message = update.message.clone().unwrap_or_default();
        let state = (update.task_state()?, message);
        self.states.insert(update.task_id.value.clone(), state);
        if self.rounds == 2 && self.states.len() == self.known.tasks.len() {
            driver.stop();
        }
        Ok(())
    }
}

/// Mesos counts the resources of an executor that runs (`validateTaskAndExecutorResources` in
/// src/master/validation.cpp). The table of `mesos-testing` has the refusal.
#[tokio::test(flavor = "multi_thread")]
async fn mesos_accepts_each_task_that_joins_an_executor_with_revocable_resources_or_without() {
    let builder = LocalCluster::builder().agents(1);
    let builder = builder.env("MESOS_ALLOCATION_INTERVAL", "50ms");
    let Some(cluster) = require_real(builder.resources("cpus:2;mem:512").start().await) else {
        return;
    };
    let url = cluster.master_url();
    let scheduler = Mixed {
        local: cluster,
        known: Cluster::new(),
        rounds: 0,
        states: BTreeMap::new(),
        reports: String::new(),
    };
    let framework = Framework::ephemeral("mixed").role("web");
    let framework = framework.capability(capability::Type::RevocableResources);
    let scheduler = crate::run(scheduler, framework, &url).await;
    let accepted = [
        "allowed-plain",
        "allowed-revocable",
        "first-plain",
        "first-revocable",
    ];
    assert_eq!(Vec::from_iter(scheduler.states.keys()), accepted);
    for (id, (state, message)) in &scheduler.states {
        assert_eq!(*state, TaskState::TaskStaging, "{id}: {message}");
    }
    for text in [
        "only: 1 of 1 instance not placed on 1 offer: 1 offer cannot use executor plain: its cpus \
         are not revocable",
        "never: 1 of 1 instance not placed on 1 offer: 1 offer cannot use executor revocable: its \
         cpus are revocable",
    ] {
        assert!(scheduler.reports.contains(text), "{}", scheduler.reports);
    }
}
