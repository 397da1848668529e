//! Operations on offered resources, and their feedback.

use mesos_core::Offer;
use mesos_proto::v1::scheduler::call::{Type, reconcile_operations};
use mesos_proto::v1::{
    ExecutorInfo, OperationState, OperationStatus, Resource, TaskState, offer::Operation, resource,
    resource::disk_info::source, value, volume,
};

use crate::stage::{Stage, Subscribed};
use crate::steps::{must, must_fail, offer, task};
use mesos_testing::Recorder;

fn reserve(id: &str, resources: Vec<Resource>) -> Operation {
    Operation::reserve(resources).with_id(id)
}

fn unreserve(id: &str, resources: Vec<Resource>) -> Operation {
    Operation::unreserve(resources).with_id(id)
}

/// A part of an agent's disk, reserved for the role `web`.
fn reserved() -> Resource {
    Resource::scalar("disk", 64.0).reserved_dynamic("web", None)
}

/// The same resources with a volume.
fn with_volume() -> Resource {
    let volume = mesos_proto::v1::Volume {
        mode: volume::Mode::Rw as i32,
        container_path: "data".to_owned(),
        ..Default::default()
    };
    Resource {
        disk: Some(Box::new(resource::DiskInfo {
            persistence: Some(resource::disk_info::Persistence {
                id: "conformance".to_owned(),
                principal: None,
            }),
            volume: Some(volume),
            ..Default::default()
        })),
        ..reserved()
    }
}

async fn finished(recorder: &Recorder, id: &str) -> OperationStatus {
    let status = recorder.operation_update().await;
    let named = status.operation_id.clone().unwrap_or_default();
    assert_eq!(named, id, "{status:?}");
    let state = status.operation_state();
    assert_eq!(state, Ok(OperationState::OperationFinished), "{status:?}");
    status
}

/// Waits for an offer with a matching resource.
async fn with(recorder: &Recorder, wanted: impl Fn(&Resource) -> bool) -> Offer {
    loop {
        let offers = recorder.offers().await.into_iter();
        let mut fitting = offers.filter(|offer| offer.resources.iter().any(&wanted));
        if let Some(offer) = fitting.next() {
            return offer;
        }
    }
}

fn is_reserved(resource: &Resource) -> bool {
    resource.name == "disk" && !resource.reservations.is_empty()
}

pub(super) async fn reserve_create_destroy_and_unreserve_report_their_status(stage: Stage) {
    let framework = stage.framework().role("web");
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed_as(framework).await;
    let offer = offer(&recorder).await;
    let agent = offer.agent_id.clone();
    let take = |offer: Offer, operation: Operation| driver.accept([offer], [operation], None);

    must(take(offer, reserve("op-1", vec![reserved()])).await);
    let status = finished(&recorder, "op-1").await;
    let received = master.expect(Type::AcknowledgeOperationStatus).await;
    assert_eq!(received.status, Some(202));
    let call = received.into_call();
    let acknowledged = call.acknowledge_operation_status.unwrap_or_default();
    assert_eq!(acknowledged.operation_id, "op-1");
    assert_eq!(acknowledged.agent_id, Some(agent));
    assert_eq!(acknowledged.resource_provider_id, None);
    assert_eq!(acknowledged.uuid.len(), 16);
    assert_eq!(Some(acknowledged.uuid), status.uuid.map(|uuid| uuid.value));

    must(driver.revive().await);
    let offer = with(&recorder, is_reserved).await;
    let create = Operation::create([with_volume()]).with_id("op-2");
    must(take(offer, create).await);
    finished(&recorder, "op-2").await;

    must(driver.revive().await);
    let offer = with(&recorder, |resource| resource.disk.is_some()).await;
    let destroy = Operation::destroy([with_volume()]).with_id("op-3");
    must(take(offer, destroy).await);
    finished(&recorder, "op-3").await;

    must(driver.revive().await);
    let bare = |resource: &Resource| is_reserved(resource) && resource.disk.is_none();
    let offer = with(&recorder, bare).await;
    must(take(offer, unreserve("op-4", vec![reserved()])).await);
    finished(&recorder, "op-4").await;
    for _ in 0..3 {
        let received = master.expect(Type::AcknowledgeOperationStatus).await;
        assert_eq!(received.status, Some(202));
    }
}

pub(super) async fn an_operation_update_without_a_uuid_is_not_acknowledged(stage: Stage) {
    let framework = stage.framework().role("web");
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed_as(framework).await;
    // Nothing is reserved, so the master refuses the operation.
    let nonsense = unreserve("op", vec![reserved()]);
    let offer = offer(&recorder).await;
    must(driver.accept([offer], [nonsense], None).await);
    let status = recorder.operation_update().await;
    assert_eq!(
        status.operation_state(),
        Ok(OperationState::OperationError),
        "{status:?}"
    );
    assert_eq!(status.uuid, None);
    // Calls keep their order: an acknowledgement would arrive before this call.
    must(driver.revive().await);
    assert_eq!(master.calls_of(Type::AcknowledgeOperationStatus), []);
}

pub(super) async fn an_unknown_operation_is_reported_as_unknown(stage: Stage) {
    let Subscribed {
        master: _master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let question = reconcile_operations::Operation {
        operation_id: "nobody's".into(),
        agent_id: None,
        resource_provider_id: None,
    };
    must(driver.reconcile_operations([question]).await);
    let status = recorder.operation_update().await;
    assert_eq!(status.operation_id, Some("nobody's".into()));
    assert_eq!(
        status.operation_state(),
        Ok(OperationState::OperationUnknown)
    );
}

pub(super) async fn invalid_operations_are_refused_before_they_are_sent(stage: Stage) {
    let framework = stage.framework().role("web");
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed_as(framework).await;
    let offer = offer(&recorder).await;
    // Only operations with feedback may have an id.
    let mut named = crate::steps::launch(task("t"));
    named.id = Some("op".into());
    let error = must_fail(driver.accept([offer], [named], None).await);
    assert_eq!(error.kind(), mesos_core::ErrorKind::Config);
    let twice = ["web".to_owned(), "web".to_owned()];
    let mut info = stage.framework().role("web").info().clone();
    info.id = driver.framework_id();
    let outcome = driver.update_framework(info, twice, None).await;
    if let Err(error) = outcome {
        assert_eq!(error.kind(), mesos_core::ErrorKind::Config, "{error}");
        if let Some(wire) = master.wire() {
            assert_eq!(wire.calls_of(Type::UpdateFramework), []);
        }
    }
    if let Some(wire) = master.wire() {
        assert_eq!(wire.calls_of(Type::Accept), []);
    }
    must(driver.revive().await);
}

pub(super) async fn a_task_group_is_launched_together(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let offer = offer(&recorder).await;
    let executor = ExecutorInfo {
        framework_id: driver.framework_id(),
        ..master.executor("e")
    };
    let task = |id: &str| mesos_proto::v1::TaskInfo {
        command: None,
        ..task(id)
    };
    let group = Operation::launch_group(executor, [task("t1"), task("t2")]);
    must(driver.accept([offer], [group], None).await);
    let mut running = [
        recorder.update(TaskState::TaskRunning).await.task_id.value,
        recorder.update(TaskState::TaskRunning).await.task_id.value,
    ];
    running.sort();
    assert_eq!(running, ["t1", "t2"]);
}

/// The same volume with another size.
fn volume_of(mebibytes: f64) -> Resource {
    let mut volume = with_volume();
    volume.scalar = Some(value::Scalar { value: mebibytes });
    volume
}

fn disk_of(mebibytes: f64) -> Resource {
    Resource::scalar("disk", mebibytes).reserved_dynamic("web", None)
}

/// Whether this is a volume of this size.
fn is_volume_of(resource: &Resource, mebibytes: f64) -> bool {
    let scalar = resource.scalar.as_ref();
    resource.disk.is_some() && scalar.is_some_and(|scalar| scalar.value == mebibytes)
}

pub(super) async fn a_persistent_volume_grows_and_shrinks(stage: Stage) {
    let framework = stage.framework().role("web");
    let Subscribed {
        master: _master,
        recorder,
        driver,
        ..
    } = stage.subscribed_as(framework).await;
    let take = |offer: Offer, operations: Vec<Operation>| driver.accept([offer], operations, None);
    let create = vec![
        reserve("reserve", vec![disk_of(96.0)]),
        Operation::create([volume_of(64.0)]).with_id("create"),
    ];
    must(take(offer(&recorder).await, create).await);
    finished(&recorder, "reserve").await;
    finished(&recorder, "create").await;

    must(driver.revive().await);
    let offer = with(&recorder, |resource| is_volume_of(resource, 64.0)).await;
    let grow = Operation::grow_volume(volume_of(64.0), disk_of(32.0)).with_id("grow");
    must(take(offer, vec![grow]).await);
    finished(&recorder, "grow").await;

    must(driver.revive().await);
    let offer = with(&recorder, |resource| is_volume_of(resource, 96.0)).await;
    let shrink = Operation::shrink_volume(volume_of(96.0), 48.0).with_id("shrink");
    must(take(offer, vec![shrink]).await);
    finished(&recorder, "shrink").await;

    must(driver.revive().await);
    let offer = with(&recorder, |resource| is_volume_of(resource, 48.0)).await;
    let remove = vec![
        Operation::destroy([volume_of(48.0)]).with_id("destroy"),
        unreserve("unreserve", vec![disk_of(96.0)]),
    ];
    must(take(offer, remove).await);
    finished(&recorder, "destroy").await;
    finished(&recorder, "unreserve").await;
}

pub(super) async fn disk_operations_without_a_resource_provider_are_refused(stage: Stage) {
    let framework = stage.framework().role("web");
    let Subscribed {
        master: _master,
        recorder,
        driver,
        ..
    } = stage.subscribed_as(framework).await;
    let disk = |kind: source::Type| Resource {
        disk: Some(Box::new(resource::DiskInfo {
            source: Some(resource::disk_info::Source {
                r#type: kind as i32,
                id: Some("a disk".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        })),
        ..Resource::scalar("disk", 64.0)
    };
    let create = Operation::create_disk(disk(source::Type::Raw), source::Type::Mount, "fast");
    let destroy = Operation::destroy_disk(disk(source::Type::Mount));
    for (id, operation) in [("create", create), ("destroy", destroy)] {
        let offer = offer(&recorder).await;
        must(driver.accept([offer], [operation.with_id(id)], None).await);
        let status = recorder.operation_update().await;
        assert_eq!(status.operation_id, Some(id.into()));
        assert_eq!(
            status.operation_state(),
            Ok(OperationState::OperationError),
            "{status:?}"
        );
        assert_eq!(status.uuid, None);
        let message = status.message.unwrap_or_default();
        assert!(!message.is_empty());
        must(driver.revive().await);
    }
}

pub(super) async fn one_accept_takes_several_offers_and_operations(stage: Stage) {
    let framework = stage.framework().role("web");
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed_as(framework).await;
    let first = offer(&recorder).await;
    let agent = first.agent_id.clone();
    // After the end of a task, a part of the agent is offered for a second time.
    must(driver.launch(first, [task("t1")]).await);
    recorder.update(TaskState::TaskRunning).await;
    let of_agent = async || {
        must(driver.revive().await);
        loop {
            let mut offers = recorder.offers().await.into_iter();
            if let Some(offer) = offers.find(|offer| offer.agent_id == agent) {
                return offer;
            }
        }
    };
    let rest = of_agent().await;
    must(driver.kill("t1").await);
    recorder.update(TaskState::TaskKilled).await;
    let other = of_agent().await;
    let cpus = |offer: &Offer| must(offer.resources()).cpus().unwrap_or_default();
    // More than each of the offers has.
    let needed = cpus(&rest) + cpus(&other) - 0.1;
    assert!(needed > cpus(&rest) && needed > cpus(&other));
    let mut large = task("large");
    large.resources = vec![
        Resource::scalar("cpus", needed),
        Resource::scalar("mem", 32.0),
    ];
    let mut small = task("small");
    small.resources = vec![Resource::scalar("cpus", 0.1), Resource::scalar("mem", 32.0)];
    let operations = [
        Operation::reserve([reserved()]),
        Operation::create([with_volume()]),
        Operation::launch([large]),
        Operation::launch([small]),
    ];
    must(driver.accept([rest, other], operations, None).await);
    let mut running = [
        recorder.update(TaskState::TaskRunning).await.task_id.value,
        recorder.update(TaskState::TaskRunning).await.task_id.value,
    ];
    running.sort();
    assert_eq!(running, ["large", "small"]);
    if let Some(wire) = master.wire() {
        let calls = wire.calls_of(Type::Accept);
        let last = calls.last().and_then(|call| call.accept.clone());
        let last = last.unwrap_or_default();
        assert_eq!((last.offer_ids.len(), last.operations.len()), (2, 4));
    }
    must(driver.revive().await);
    let offer = with(&recorder, |resource| resource.disk.is_some()).await;
    let remove = [
        Operation::destroy([with_volume()]),
        Operation::unreserve([reserved()]),
    ];
    must(driver.accept([offer], remove, None).await);
    // The disk is offered without a reservation again.
    must(driver.revive().await);
    loop {
        let mut offers = recorder.offers().await.into_iter();
        let Some(offer) = offers.find(|offer| offer.agent_id == agent) else {
            continue;
        };
        if !offer.resources.iter().any(is_reserved) {
            break;
        }
    }
}
