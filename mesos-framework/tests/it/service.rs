//! Services of a runner on a real Mesos.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos::framework::{
    InstanceState, OnFailure, RestartPolicy, Runner, ServiceHandle, ServiceSpec, TaskSpec,
    UpdatePolicy,
};
use mesos::http::HttpBackend;
use mesos::operator::MasterClient;
use mesos::placement::{Constraint, Field};
use mesos::v1::maintenance::{Schedule, Window};
use mesos::v1::{MachineId, TimeInfo, Unavailability};
use mesos::{ErrorKind, Framework};
use mesos_local::LocalCluster;

use crate::cluster::{cluster, until};

const MOMENT: Duration = Duration::from_millis(100);

async fn start(cluster: &LocalCluster) -> Runner {
    let framework = Framework::with_failover_timeout("services", Duration::from_secs(3600));
    let backend = HttpBackend::new(cluster.master_url().parse().unwrap());
    Runner::builder(framework).start(backend).await.unwrap()
}

fn service(command: &str, update: UpdatePolicy) -> ServiceSpec {
    ServiceSpec::new(TaskSpec::shell("web", command))
        .instances(2)
        .restart(
            RestartPolicy::default()
                .first_delay(MOMENT)
                .crash_loop_after(2),
        )
        .update(update.healthy_for(MOMENT))
}

fn tasks(service: &ServiceHandle) -> BTreeSet<String> {
    let status = service.status();
    let tasks = status.instances.iter().flat_map(|one| one.task_ids.clone());
    tasks.collect()
}

/// Follows a service until it is ready, and returns the smallest number of ready instances and the
/// largest number of instances with a task.
async fn follow(service: &ServiceHandle) -> (usize, usize) {
    let mut changes = service.clone();
    let (mut fewest, mut most) = (usize::MAX, 0);
    loop {
        let status = changes.status();
        fewest = fewest.min(status.ready());
        let launched = status.instances.iter().filter(|one| one.agent.is_some());
        most = most.max(launched.count());
        if status.is_ready() {
            return (fewest, most);
        }
        changes.changed().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_replaces_the_instances_within_its_limits() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start(&cluster).await;
    for (update, limits) in [
        (UpdatePolicy::rolling(1), (1, 2)),
        (UpdatePolicy::rolling(1).start_first(true), (2, 3)),
        (UpdatePolicy::blue_green(), (2, 4)),
    ] {
        let web = runner
            .keep(service("sleep 1000", update.clone()))
            .await
            .unwrap();
        web.wait_ready().await.unwrap();
        let old = tasks(&web);
        runner.keep(service("sleep 1001", update)).await.unwrap();
        let (fewest, most) = follow(&web).await;
        assert!(
            fewest >= limits.0 && most == limits.1,
            "{fewest}, {most}, but {limits:?}"
        );
        assert!(tasks(&web).is_disjoint(&old));

        // The specification before is restored.
        web.rollback().await.unwrap();
        follow(&web).await;
        assert_eq!(web.status().generation, 1);
        web.remove().await.unwrap();
        assert!(runner.services().await.unwrap().is_empty());
    }
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_replaces_all_instances_and_keeps_the_specification_before() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start(&cluster).await;
    let policy = UpdatePolicy::rolling(1);
    for line in ["sleep 1000", "sleep 1001"] {
        let web = runner.keep(service(line, policy.clone())).await.unwrap();
        web.wait_ready().await.unwrap();
    }
    let web = runner.service("web").await.unwrap();
    let old = tasks(&web);
    web.restart().await.unwrap();
    let (fewest, most) = follow(&web).await;
    assert!(fewest >= 1 && most == 2, "{fewest}, {most}");
    assert!(tasks(&web).is_disjoint(&old));

    // The same request again does not change anything.
    let restarted = tasks(&web);
    runner
        .keep(service("sleep 1001", policy.clone()))
        .await
        .unwrap();
    web.wait_ready().await.unwrap();
    assert_eq!(tasks(&web), restarted);
    // The specification before is that before the restart.
    web.rollback().await.unwrap();
    web.wait_ready().await.unwrap();
    let details = runner.describe_service("web").await.unwrap();
    assert_eq!(details.spec, service("sleep 1000", policy.clone()));
    assert_eq!(details.status, *web.status());

    let paused = service("sleep 1002", policy.healthy_for(Duration::from_secs(3600)));
    runner.keep(paused).await.unwrap();
    web.pause().await.unwrap();
    let error = web.restart().await.unwrap_err();
    let text = "the update of the service \"web\" is paused; resume it, or roll it back";
    assert_eq!(error.to_string(), text);
    let error = runner.describe_service("wbe").await.unwrap_err();
    assert_eq!(error.to_string(), "the service \"wbe\" does not exist");
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_without_instances_is_complete_at_once_and_can_be_rolled_back() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start(&cluster).await;
    let policy = UpdatePolicy::rolling(1);
    let spec = |line: &str| service(line, policy.clone()).instances(0);
    let web = runner.keep(spec("sleep 1000")).await.unwrap();
    assert!(web.wait_ready().await.unwrap().instances.is_empty());
    runner.keep(spec("sleep 1001")).await.unwrap();
    let status = web.wait_ready().await.unwrap();
    assert_eq!((status.generation, &status.update), (2, &None));
    // Instances that are added later have the new specification.
    web.scale(1).await.unwrap();
    let status = web.wait_ready().await.unwrap();
    assert_eq!(status.instances[0].generation, 2);
    web.rollback().await.unwrap();
    let status = web.wait_ready().await.unwrap();
    assert_eq!(status.instances[0].generation, 1);
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_fails_is_rolled_back_or_paused_and_the_old_instances_stay() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start(&cluster).await;
    let policy = UpdatePolicy::rolling(1).start_first(true);
    let back = policy.clone().on_failure(OnFailure::Rollback);
    let web = runner
        .keep(service("sleep 1000", policy.clone()))
        .await
        .unwrap();
    web.wait_ready().await.unwrap();
    let old = tasks(&web);

    let bad = service("exit 1", back);
    runner.keep(bad.clone()).await.unwrap();
    let error = web.wait_ready().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text =
        "the update of the service \"web\" was rolled back: the new instance 3 ended 2 times";
    assert!(error.to_string().starts_with(text), "{error}");
    assert_eq!(tasks(&web), old);
    // The same request again does not try it again.
    let again = runner.keep(bad).await.unwrap();
    assert_eq!((again.status().generation, tasks(&again)), (1, old.clone()));

    runner.keep(service("exit 2", policy)).await.unwrap();
    let error = web.wait_ready().await.unwrap_err().to_string();
    assert!(error.contains("has failed and is paused"), "{error}");
    assert!(tasks(&web).is_superset(&old));
    web.rollback().await.unwrap();
    web.wait_ready().await.unwrap();
    assert_eq!(tasks(&web), old);
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_leaves_an_agent_that_is_drained_and_its_constraints_hold() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start(&cluster).await;
    let master = MasterClient::new(cluster.master_url().parse().unwrap());
    let task = TaskSpec::shell("web", "sleep 1000").constraint(Constraint::Unique(Field::AgentId));
    let web = runner
        .keep(ServiceSpec::new(task).instances(2))
        .await
        .unwrap();
    let status = web.wait_ready().await.unwrap();
    let agent = |at: usize| status.instances[at].agent.as_ref().unwrap().id.clone();
    assert_ne!(agent(0), agent(1));

    // One is enough on the other agent.
    web.scale(1).await.unwrap();
    let left = web.wait_ready().await.unwrap().instances[0]
        .agent
        .clone()
        .unwrap()
        .id;
    master.drain_agent(left.as_str()).await.unwrap();
    until("the instance is on the other agent", || async {
        let status = web.status();
        let agent = status.instances[0].agent.as_ref();
        status.is_ready() && agent.is_some_and(|agent| agent.id != left)
    })
    .await;
    // The end was not the fault of the instance.
    assert!(web.status().instances.iter().all(|one| one.early_ends == 0));
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_announced_maintenance_gets_no_new_instance() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start(&cluster).await;
    let master = MasterClient::new(cluster.master_url().parse().unwrap());
    let update = UpdatePolicy::rolling(1).start_first(true);
    let web = runner.keep(service("sleep 1000", update)).await.unwrap();
    web.wait_ready().await.unwrap();
    let old = tasks(&web);

    // All agents of the cluster are on one machine.
    let agents = master.get_agents().await.unwrap().agents;
    let info = &agents[0].agent_info;
    let pid = agents[0].pid.clone().unwrap();
    let ip = pid
        .split('@')
        .nth(1)
        .and_then(|rest| rest.split(':').next());
    let machine = MachineId {
        hostname: Some(info.hostname.clone()),
        ip: ip.map(str::to_owned),
    };
    let window = Window {
        machine_ids: vec![machine],
        unavailability: Unavailability {
            start: TimeInfo::default(),
            duration: None,
        },
    };
    let schedule = Schedule {
        windows: vec![window],
    };
    master.update_maintenance_schedule(schedule).await.unwrap();
    // A new instance is to start first, but it has no place. So the old ones stay.
    let waits = |state: InstanceState| state == InstanceState::Waiting;
    until("a new instance waits", || async {
        web.status().instances.iter().any(|one| waits(one.state))
    })
    .await;
    assert!(tasks(&web).is_superset(&old));
    master
        .update_maintenance_schedule(Schedule::default())
        .await
        .unwrap();
    until("the maintenance is off", || async {
        web.status().is_ready()
    })
    .await;
    assert_eq!(tasks(&web), old);
    runner.stop().await.unwrap();
}
