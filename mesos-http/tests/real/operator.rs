//! The calls of the operator API on a real Mesos.

use std::time::Duration;

use mesos_core::{Error, ErrorKind, Result};
use mesos_http::operator::{
    AgentClient, ContainerFilter, ContainerLaunch, DrainOptions, Launched, MasterClient, StatePart,
};
use mesos_http::{Codec, OperatorClient};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_proto::v1::maintenance::{Schedule, Window};
use mesos_proto::v1::master::response::get_agents::Agent;
use mesos_proto::v1::quota::{QuotaConfig, QuotaRequest};
use mesos_proto::v1::scheduler::event;
use mesos_proto::v1::{
    CommandInfo, ContainerId, MachineId, Resource, TaskInfo, TimeInfo, Unavailability, WeightInfo,
    value,
};
use tokio::time::{sleep, timeout};

use super::{PATIENCE, accept, backend, cluster, next, send, subscribe};

fn master(cluster: &LocalCluster, codec: Codec) -> MasterClient {
    OperatorClient::new(cluster.master_url().parse().unwrap())
        .codec(codec)
        .into()
}

/// Waits until `found` returns a value for the only agent.
async fn agent_with<T>(
    master: &MasterClient,
    what: &str,
    found: impl Fn(&Agent) -> Option<T>,
) -> T {
    let looking = async {
        loop {
            let agents = master.get_agents().await.unwrap().agents;
            if let Some(found) = agents.first().and_then(&found) {
                return found;
            }
            // sleep: the operator API has no event for this; bounded below.
            sleep(Duration::from_millis(50)).await;
        }
    };
    match timeout(PATIENCE, looking).await {
        Ok(found) => found,
        Err(_) => panic!("no agent {what}"),
    }
}

fn status<T: std::fmt::Debug>(result: Result<T>) -> Option<u16> {
    let error: Error = result.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Unavailable, "{error}");
    error.status()
}

#[tokio::test]
async fn every_read_of_the_master_is_answered_in_both_codecs() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let (_subscription, framework) = subscribe(&backend(&cluster), None).await;
    for codec in [Codec::Protobuf, Codec::Json] {
        let master = master(&cluster, codec);
        assert!(master.get_health().await.unwrap());
        let flags = master.get_flags().await.unwrap();
        assert!(flags.iter().any(|flag| flag.name == "registry"));
        assert_eq!(master.get_version().await.unwrap().version, "1.11.0");
        let metrics = master.get_metrics(Duration::from_secs(10)).await.unwrap();
        assert!(metrics.iter().any(|metric| metric.name == "master/elected"));
        assert_eq!(master.get_logging_level().await.unwrap(), 0);

        let state = master.get_state().await.unwrap();
        let agents = master.get_agents().await.unwrap();
        assert_eq!(agents.agents.len(), 1);
        let known = &state.get_agents.unwrap().agents[0].agent_info;
        assert_eq!(known.id, agents.agents[0].agent_info.id);
        let mut parts = master.get_state_parts().await.unwrap();
        let (mut found, mut others) = (Vec::new(), 0);
        while let Some(part) = parts.next().await.unwrap() {
            match part {
                StatePart::Agent(agent) => found.push(agent.agent_info.id),
                StatePart::Framework(_) => others += 1,
                // The framework with which the cluster found out that it is ready.
                StatePart::CompletedFramework(_) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((found, others), (vec![known.id.clone()], 1));
        let frameworks = master.get_frameworks().await.unwrap().frameworks;
        let is_it = |id: &Option<_>| id.as_ref() == Some(&framework);
        assert!(
            frameworks
                .iter()
                .any(|found| is_it(&found.framework_info.id))
        );
        assert!(master.get_executors().await.unwrap().is_empty());
        assert!(master.get_operations().await.unwrap().is_empty());
        assert!(master.get_tasks().await.unwrap().tasks.is_empty());
        let roles = master.get_roles().await.unwrap();
        let role = roles.iter().find(|role| role.name == "*").unwrap();
        assert_eq!(role.frameworks, std::slice::from_ref(&framework));
        assert!(master.get_master().await.unwrap().master_info.is_some());
        assert!(master.get_weights().await.unwrap().is_empty());
        assert!(master.get_quota().await.unwrap().configs.is_empty());
        let maintenance = master.get_maintenance_status().await.unwrap();
        assert!(maintenance.down_machines.is_empty());
        let schedule = master.get_maintenance_schedule().await.unwrap();
        assert!(schedule.windows.is_empty());
        assert_eq!(status(master.list_files("/no/such").await), Some(404));
        assert_eq!(status(master.read_file("/no/such", 0, 1).await), Some(404));
    }
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn levels_weights_quotas_and_maintenance_are_changed_and_read_back() {
    let Some(cluster) = cluster().await else {
        return;
    };
    for codec in [Codec::Protobuf, Codec::Json] {
        let master = master(&cluster, codec);
        let minute = Duration::from_secs(60);
        master.set_logging_level(1, minute).await.unwrap();
        assert_eq!(master.get_logging_level().await.unwrap(), 1);
        master.set_logging_level(0, minute).await.unwrap();

        let weight = WeightInfo {
            role: Some("team".to_owned()),
            weight: 2.5,
        };
        master.update_weights([weight.clone()]).await.unwrap();
        assert_eq!(
            master.get_weights().await.unwrap(),
            std::slice::from_ref(&weight)
        );
        let neutral = WeightInfo {
            weight: 1.0,
            ..weight
        };
        master.update_weights([neutral]).await.unwrap();

        let quota = |cpus| {
            let limit = ("cpus".to_owned(), value::Scalar { value: cpus });
            QuotaConfig {
                role: "team".to_owned(),
                guarantees: [limit.clone()].into(),
                limits: [limit].into(),
            }
        };
        master.update_quota([quota(2.0)]).await.unwrap();
        assert_eq!(master.get_quota().await.unwrap().configs, [quota(2.0)]);
        assert_eq!(status(master.update_quota([quota(1e3)]).await), Some(400));
        master.force_update_quota([quota(1e3)]).await.unwrap();
        assert_eq!(master.get_quota().await.unwrap().configs, [quota(1e3)]);
        master.remove_quota("team").await.unwrap();
        let request = QuotaRequest {
            role: Some("team".to_owned()),
            guarantee: vec![Resource::scalar("cpus", 1.0)],
            force: None,
        };
        master.set_quota(request).await.unwrap();
        assert_eq!(master.get_quota().await.unwrap().configs, [quota(1.0)]);
        master.remove_quota("team").await.unwrap();

        // Not the machine of the agent.
        let machine = MachineId {
            hostname: Some("other.invalid".to_owned()),
            ip: None,
        };
        let window = Window {
            machine_ids: vec![machine.clone()],
            unavailability: Unavailability {
                start: TimeInfo { nanoseconds: 1 },
                duration: None,
            },
        };
        let schedule = Schedule {
            windows: vec![window],
        };
        master
            .update_maintenance_schedule(schedule.clone())
            .await
            .unwrap();
        assert_eq!(master.get_maintenance_schedule().await.unwrap(), schedule);
        master.start_maintenance([machine.clone()]).await.unwrap();
        let down = master.get_maintenance_status().await.unwrap().down_machines;
        assert_eq!(down, std::slice::from_ref(&machine));
        master.stop_maintenance([machine]).await.unwrap();
        let schedule = master.get_maintenance_schedule().await.unwrap();
        assert!(schedule.windows.is_empty());
    }
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn resources_are_reserved_and_volumes_are_created_grown_shrunk_and_destroyed() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let master = master(&cluster, Codec::Protobuf);
    let id = agent_with(&master, "registered", |agent| agent.agent_info.id.clone()).await;
    let disk = |size| Resource::scalar("disk", size).reserved_dynamic("team", None);
    let refined = disk(64.0).reserved_dynamic("team/a", None);
    let volume = |size| disk(size).persistent_volume("v", "data", None);
    let has = |wanted: Resource| {
        let what = format!("with {wanted:?}");
        // Mesos also sets the deprecated fields `role` and `reservation` (`ENDPOINT` in
        // src/common/resources_utils.cpp).
        let is_it = move |found: &Resource| {
            let persistence = |of: &Resource| of.disk.as_ref().map(|disk| disk.persistence.clone());
            found.name == wanted.name
                && found.scalar == wanted.scalar
                && found.reservations == wanted.reservations
                && persistence(found) == persistence(&wanted)
        };
        let master = &master;
        async move {
            let found = |agent: &Agent| agent.total_resources.iter().any(&is_it).then_some(());
            agent_with(master, &what, found).await;
        }
    };

    master.reserve_resources(&id, [disk(64.0)]).await.unwrap();
    has(disk(64.0)).await;
    master
        .re_reserve_resources(&id, [disk(64.0)], [&refined])
        .await
        .unwrap();
    has(refined.clone()).await;
    master
        .re_reserve_resources(&id, [&refined], [disk(64.0)])
        .await
        .unwrap();
    has(disk(64.0)).await;
    master.create_volumes(&id, [volume(32.0)]).await.unwrap();
    has(volume(32.0)).await;
    master
        .grow_volume(&id, volume(32.0), disk(16.0))
        .await
        .unwrap();
    has(volume(48.0)).await;
    master.shrink_volume(&id, volume(48.0), 8.0).await.unwrap();
    has(volume(40.0)).await;
    master.destroy_volumes(&id, [volume(40.0)]).await.unwrap();
    has(disk(64.0)).await;
    master.unreserve_resources(&id, [disk(64.0)]).await.unwrap();
    has(Resource::scalar("disk", 4096.0)).await;

    let refused = master.reserve_resources("stranger", [disk(1.0)]).await;
    assert_eq!(status(refused), Some(400));
    let refused = master.reserve_resources(&id, [disk(1e6)]).await;
    assert_eq!(status(refused), Some(409));
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn an_agent_is_deactivated_drained_reactivated_and_marked_gone_and_a_framework_torn_down() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let (_subscription, framework) = subscribe(&backend(&cluster), None).await;
    let master = master(&cluster, Codec::Protobuf);
    let id = agent_with(&master, "registered", |agent| agent.agent_info.id.clone()).await;
    let deactivated = |agent: &Agent| agent.deactivated().then_some(());
    let active = |agent: &Agent| agent.active.then_some(());

    master.deactivate_agent(&id).await.unwrap();
    agent_with(&master, "deactivated", deactivated).await;
    master.reactivate_agent(&id).await.unwrap();
    agent_with(&master, "active", active).await;
    let options = DrainOptions::new().max_grace_period(Duration::from_secs(1));
    master.drain_agent_with(&id, options).await.unwrap();
    agent_with(&master, "drained", |agent| {
        let drain = agent.drain_info.as_ref()?;
        let drained = mesos_proto::v1::DrainState::Drained;
        (drain.state() == drained).then_some(())
    })
    .await;
    master.reactivate_agent(&id).await.unwrap();
    agent_with(&master, "active", active).await;
    assert_eq!(status(master.reactivate_agent(&id).await), Some(400));
    assert_eq!(status(master.drain_agent("stranger").await), Some(400));

    master.teardown(&framework).await.unwrap();
    assert_eq!(status(master.teardown(&framework).await), Some(400));

    assert_eq!(status(master.mark_agent_gone("stranger").await), Some(404));
    master.mark_agent_gone(&id).await.unwrap();
    master.mark_agent_gone(&id).await.unwrap();
    let error = master.agent(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn every_read_of_an_agent_is_answered_in_both_codecs() {
    let Some(cluster) = cluster().await else {
        return;
    };
    for codec in [Codec::Protobuf, Codec::Json] {
        let agent = found(&master(&cluster, codec)).await;
        let expected = cluster.agent_url(1);
        assert_eq!(agent.endpoint().unwrap().to_string(), expected);
        assert!(agent.get_health().await.unwrap());
        let flags = agent.get_flags().await.unwrap();
        assert!(flags.iter().any(|flag| flag.name == "work_dir"));
        assert_eq!(agent.get_version().await.unwrap().version, "1.11.0");
        let metrics = agent.get_metrics(Duration::from_secs(10)).await.unwrap();
        assert!(
            metrics
                .iter()
                .any(|metric| metric.name == "slave/registered")
        );
        let minute = Duration::from_secs(60);
        agent.set_logging_level(1, minute).await.unwrap();
        assert_eq!(agent.get_logging_level().await.unwrap(), 1);
        agent.set_logging_level(0, minute).await.unwrap();

        let state = agent.get_state().await.unwrap();
        assert!(state.get_frameworks.is_some());
        let info = agent.get_agent().await.unwrap().agent_info.unwrap();
        assert_eq!(info.id.as_ref(), agent.agent_id());
        assert!(agent.get_frameworks().await.unwrap().frameworks.is_empty());
        assert!(agent.get_executors().await.unwrap().executors.is_empty());
        assert!(agent.get_operations().await.unwrap().is_empty());
        assert!(agent.get_tasks().await.unwrap().launched_tasks.is_empty());
        assert!(agent.get_containers().await.unwrap().is_empty());
        assert!(agent.get_resource_providers().await.unwrap().is_empty());
        assert_eq!(status(agent.list_files("/no/such").await), Some(404));
        assert_eq!(status(agent.read_file("/no/such", 0, 1).await), Some(404));
    }
    cluster.stop().await.unwrap();
}

async fn found(master: &MasterClient) -> AgentClient {
    let id = agent_with(master, "registered", |agent| agent.agent_info.id.clone()).await;
    master.agent(id).await.unwrap()
}

#[tokio::test]
#[allow(deprecated)]
async fn containers_are_launched_nested_awaited_killed_and_removed() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let agent = found(&master(&cluster, Codec::Protobuf)).await;
    let parent = ContainerId::from("standalone");
    let launch = ContainerLaunch::new(&parent)
        .command(CommandInfo::sh("sleep 600"))
        .resources([Resource::scalar("cpus", 0.1), Resource::scalar("mem", 32.0)]);
    let launched = agent.launch_container(launch.clone()).await.unwrap();
    assert_eq!(launched, Launched::New);
    let again = agent.launch_container(launch).await.unwrap();
    assert_eq!(again, Launched::AlreadyExists);

    let failing = CommandInfo::sh("exit 3");
    let child = parent.child("new");
    let launch = ContainerLaunch::new(&child).command(failing.clone());
    agent.launch_container(launch).await.unwrap();
    let end = agent.wait_container(&child).await.unwrap();
    assert_eq!(end.exit_status, Some(3 << 8));
    agent.remove_container(&child).await.unwrap();
    assert_eq!(status(agent.wait_container(&child).await), Some(404));
    assert_eq!(status(agent.kill_container(&child, 15).await), Some(404));

    let child = parent.child("old");
    let launched = agent.launch_nested_container(&child, failing, None).await;
    assert_eq!(launched.unwrap(), Launched::New);
    let end = agent.wait_nested_container(&child).await.unwrap();
    assert_eq!(end.exit_status, Some(3 << 8));
    agent.remove_nested_container(&child).await.unwrap();
    let gone = agent.kill_nested_container(&child, None).await;
    assert_eq!(status(gone), Some(404));

    let all = ContainerFilter::new().nested().standalone();
    let listed = agent.get_containers_with(all).await.unwrap();
    let ids: Vec<_> = listed.into_iter().map(|found| found.container_id).collect();
    assert_eq!(ids, std::slice::from_ref(&parent));
    let (end, killed) = tokio::join!(
        agent.wait_container(&parent),
        agent.kill_container(&parent, None)
    );
    killed.unwrap();
    assert_eq!(end.unwrap().exit_status, Some(9));
    cluster.stop().await.unwrap();
}

/// The agent of a local cluster has no I/O switchboard (`local` in
/// src/slave/containerizer/mesos/io/switchboard.cpp).
#[tokio::test]
async fn sessions_are_refused_by_a_local_cluster_with_the_reason_of_mesos() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let (mut subscription, framework) = subscribe(&backend(&cluster), None).await;
    let offers = next(&mut subscription, event::Type::Offers).await.offers;
    let offer = offers.unwrap().offers.remove(0);
    let task = TaskInfo::builder("t").id("t").cpus(0.1).mem(32.0);
    let task = task
        .agent(offer.agent_id)
        .command(CommandInfo::sh("sleep 600"));
    send(&subscription, accept(&framework, offer.id, task.build()))
        .await
        .unwrap();
    next(&mut subscription, event::Type::Update).await;
    let agent = found(&master(&cluster, Codec::Protobuf)).await;
    let container = agent.get_containers().await.unwrap().remove(0).container_id;
    let errors = [
        agent.attach(&container).await.unwrap_err(),
        agent
            .exec(&container, CommandInfo::sh("true"), None)
            .await
            .unwrap_err(),
    ];
    for error in errors {
        let message = error.to_string();
        assert!(message.contains("local mode"), "{message}");
    }
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn providers_are_refused_with_a_reason_and_images_are_pruned() {
    let Some(cluster) = require_real(LocalCluster::builder().start().await) else {
        return;
    };
    let agent = found(&master(&cluster, Codec::Protobuf)).await;
    let provider = mesos_proto::v1::ResourceProviderInfo {
        r#type: "org.apache.mesos.rp.local.storage".to_owned(),
        name: "disks".to_owned(),
        ..Default::default()
    };
    // The provider has no storage.
    let added = agent.add_resource_provider_config(provider.clone()).await;
    assert_eq!(status(added), Some(400));
    let updated = agent.update_resource_provider_config(provider).await;
    assert_eq!(status(updated), Some(400));
    // The agent has no directory for configurations.
    let removed = agent.remove_resource_provider_config("t", "n").await;
    let message = removed.unwrap_err().to_string();
    assert!(
        message.contains("--resource_provider_config_dir"),
        "{message}"
    );
    let gone = agent.mark_resource_provider_gone("stranger").await;
    gone.unwrap();
    agent.prune_images([]).await.unwrap();
    cluster.stop().await.unwrap();
}
