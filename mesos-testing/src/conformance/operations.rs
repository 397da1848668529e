//! Operations with feedback.

use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::{
    OperationState, OperationStatus, Resource, offer::Operation, offer::operation,
};

use super::updates::offer;
use super::{Harness, Subscribed, must};
use crate::{Agent, FakeMaster, Recorder, Told, events};

pub(super) async fn an_operation_update_with_uuid_is_acknowledged_with_all_that_names_it(
    harness: Harness,
) {
    let master = FakeMaster::builder().agent(Agent::new("a")).start();
    let master = must(master.await);
    let recorder = Recorder::new();
    let framework = harness.framework().role("web");
    let driver = harness.start_as(framework, &master.url(), &recorder);
    let stream = master.expect_stream().await;
    let subscribed = Subscribed {
        master,
        recorder,
        driver,
        stream,
    };
    let offer = offer(&subscribed).await;
    let reserve = Operation {
        r#type: Some(operation::Type::Reserve as i32),
        id: Some("op".into()),
        reserve: Some(operation::Reserve {
            resources: vec![Resource::scalar("cpus", 1.0).reserved_dynamic("web", None)],
            ..Default::default()
        }),
        ..Default::default()
    };
    must(subscribed.driver.accept([offer], [reserve], None).await);
    let status = subscribed.recorder.operation_update().await;
    assert_eq!(
        status.operation_state(),
        Ok(OperationState::OperationFinished)
    );
    let received = subscribed
        .master
        .expect(Type::AcknowledgeOperationStatus)
        .await;
    assert_eq!(received.status, Some(202));
    let call = received.into_call();
    let acknowledged = call.acknowledge_operation_status.unwrap_or_default();
    assert_eq!(acknowledged.operation_id, "op");
    assert_eq!(acknowledged.agent_id, Some("a".into()));
    assert_eq!(acknowledged.resource_provider_id, None);
    assert_eq!(acknowledged.uuid.len(), 16);
    assert_eq!(Some(acknowledged.uuid), status.uuid.map(|uuid| uuid.value));
}

pub(super) async fn an_operation_update_without_uuid_is_not_acknowledged(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed().await;
    let status = OperationStatus {
        operation_id: Some("op".into()),
        state: OperationState::OperationError as i32,
        ..Default::default()
    };
    stream.send(events::operation_update(status));
    recorder.operation_update().await;
    // With the next event the last one is dealt with, and calls keep their order.
    stream.send(events::rescind("o"));
    recorder
        .expect("the rescind", |told| matches!(told, Told::Rescind(_)))
        .await;
    must(driver.revive([]).await);
    assert_eq!(master.calls_of(Type::AcknowledgeOperationStatus), []);
}
