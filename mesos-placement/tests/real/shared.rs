//! Shared persistent volumes.

use std::collections::BTreeMap;

use async_trait::async_trait;
use mesos_core::{Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_placement::{
    Cluster, Constraint, DiskKind, Field, Placer, Request, Strategy, TaskTemplate, Volume,
};
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::{CommandInfo, TaskState};
use mesos_testing::answer_offers;

/// Launches two tasks that wait for each other in the volume, and later a third one.
#[derive(Default)]
struct Sharing {
    launched: usize,
    /// The agent that has the volume.
    agent: String,
    ended: BTreeMap<String, (TaskState, String)>,
}

/// Each task writes a file, and waits until the volume has `files` files.
fn request(name: &str, instances: u32, files: u32) -> Request {
    let line = format!(
        "touch data/{name}-$$; for i in $(seq 600); do test $(ls data | wc -l) -ge {files} && \
         exit 0; sleep 0.1; done; ls data; exit 1"
    );
    let volume = Volume::new(DiskKind::Root, 8.0).unwrap();
    let volume = volume.persistent("common", "data", None).shared();
    let task = TaskTemplate::new(name, "cpus:0.1;mem:32".parse().unwrap());
    let task = task.command(CommandInfo::sh(&line)).volume(volume);
    Request::new(task)
        .instances(instances)
        .role("web")
        .reserve("web", None)
}

#[async_trait]
impl Scheduler for Sharing {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        let requests = match (self.launched, self.ended.len()) {
            (0, _) => vec![request("both", 2, 2)],
            (2, 2) => {
                let there = Constraint::is(Field::AgentId, &self.agent);
                vec![request("later", 1, 3).constraint(there)]
            }
            _ => Vec::new(),
        };
        let round = Placer::new(Strategy::Spread).place(offers, &requests, &Cluster::new());
        for task in round.accepts.iter().flat_map(|accept| accept.tasks()) {
            self.launched += 1;
            self.agent.clone_from(&task.agent_id.value);
        }
        let accepts = round.accepts.into_iter();
        let accepts = accepts.map(|accept| (accept.offers, accept.operations));
        Ok(answer_offers(driver, accepts, round.unused).await?)
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        if update.is_terminal() {
            let message = update.message.clone().unwrap_or_default();
            let state = (update.task_state()?, message);
            self.ended.insert(update.task_id.value.clone(), state);
        }
        if self.ended.len() == 3 {
            driver.stop();
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tasks_use_a_shared_volume_at_once_and_a_later_task_finds_their_files() {
    let builder = LocalCluster::builder().agents(2);
    let builder = builder.env("MESOS_ALLOCATION_INTERVAL", "50ms");
    let resources = "cpus:2;mem:512;disk:512";
    let Some(cluster) = require_real(builder.resources(resources).start().await) else {
        return;
    };
    let framework = Framework::ephemeral("sharing").role("web");
    let framework = framework.capability(capability::Type::SharedResources);
    let scheduler = Sharing::default();
    let scheduler = crate::run(scheduler, framework, &cluster.master_url()).await;
    for (id, (state, message)) in &scheduler.ended {
        assert_eq!(*state, TaskState::TaskFinished, "{id}: {message}");
    }
    assert_eq!(scheduler.ended.len(), 3);
}
