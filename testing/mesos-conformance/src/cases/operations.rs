//! Operations on offered resources, and their feedback.

use mesos_core::Offer;
use mesos_proto::v1::scheduler::call::{Type, reconcile_operations};
use mesos_proto::v1::{
    ExecutorInfo, OperationState, OperationStatus, Resource, TaskState, offer::Operation, resource,
    volume,
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
