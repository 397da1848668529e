//! Events as they come, and events that nobody knows yet.

use bytes::Bytes;
use mesos_core::scheduler::Failure;
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::{InverseOffer, TaskState, TaskStatus, Unavailability, task_status::Reason};
use prost::Message;

use super::{Harness, Subscribed, must};
use crate::{Told, events};

pub(super) async fn what_a_newer_mesos_sends_does_not_end_the_stream(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        stream,
        ..
    } = harness.subscribed().await;
    let known = TaskStatus::new("t", TaskState::TaskRunning);
    if harness.json() {
        stream.send_record(r#"{"type":"TELEPORTED","teleported":{"to":["mars"]}}"#);
        stream.send_record(
            r#"{"type":"UPDATE","origin":{"planet":4},"update":{"moons":[1,2],"status":{
                "task_id":{"value":"t","colour":"red"},"state":"TASK_RUNNING",
                "reason":"REASON_SUNSPOTS","altitude":-7.5}}}"#,
        );
    } else {
        // A type and a field of numbers that nobody has.
        let mut record = events::unknown(4711).encode_to_vec();
        record.extend(b"\xa2\x06\x04mars");
        stream.send_record(record);
        let mut newer = known.clone().with_reason(Reason::ExecutorTerminated);
        newer.reason = Some(9999);
        let mut record = events::update(newer).encode_to_vec();
        record.extend(b"\xa0\x06\x07");
        stream.send_record(record);
    }
    recorder
        .expect("the unknown event", |told| matches!(told, Told::Unknown(_)))
        .await;
    let status = recorder.update(TaskState::TaskRunning).await;
    assert_eq!(status.task_id, "t");
    stream.send(events::update(known));
    recorder.update(TaskState::TaskRunning).await;
    assert_eq!(master.calls_of(Type::Subscribe).len(), 1);
}

pub(super) async fn text_that_is_not_utf_8_holds_nothing_up(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        stream,
        ..
    } = harness.subscribed().await;
    // C++ passes on in text what it is given, and the agent sends the update
    // until it is acknowledged.
    let mut status = TaskStatus::new("t", TaskState::TaskFailed).with_message("text");
    status.data = Some(Bytes::from_static(b"\x0a\x01\xff"));
    let status = events::from_agent("a", status);
    let mut record = stream.encoding().encode(&events::update(status.clone()));
    let at = record.windows(4).position(|part| part == b"text");
    let at = must(at.ok_or("no text in it"));
    record[at..at + 4].copy_from_slice(b"t\xfft\xe2");
    stream.send_record(record);
    let told = recorder.update(TaskState::TaskFailed).await;
    assert_eq!(told.message(), "t\u{fffd}t\u{fffd}");
    assert_eq!((&told.uuid, &told.data), (&status.uuid, &status.data));
    let call = master.expect(Type::Acknowledge).await.call;
    let acknowledged = must(call.and_then(|call| call.acknowledge).ok_or("a body"));
    assert_eq!(Some(acknowledged.uuid), status.uuid);
    assert_eq!(master.calls_of(Type::Subscribe).len(), 1);
}

pub(super) async fn a_lost_agent_and_an_ended_executor_are_told_apart(harness: Harness) {
    let Subscribed {
        master: _master,
        recorder,
        stream,
        ..
    } = harness.subscribed().await;
    stream.send(events::agent_lost("a"));
    stream.send(events::executor_ended("a", "e", 9));
    let failure = |told: &Told| matches!(told, Told::Failure(_));
    match recorder.expect("a failure", failure).await {
        Told::Failure(Failure::Agent(agent_id)) => assert_eq!(agent_id, "a"),
        other => panic!("{other}"),
    }
    match recorder.expect("a failure", failure).await {
        Told::Failure(Failure::Executor {
            agent_id,
            executor_id,
            status,
        }) => {
            assert_eq!(agent_id, "a");
            assert_eq!(executor_id, "e");
            // As wait(2) has it: killed by signal 9.
            assert_eq!(status, Some(9));
        }
        other => panic!("{other}"),
    }
}

pub(super) async fn a_message_arrives_byte_for_byte(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed().await;
    let bytes: Vec<u8> = (0..=255).collect();
    stream.send(events::message("a", "e", bytes.clone()));
    let told = recorder
        .expect("a message", |told| matches!(told, Told::Message { .. }))
        .await;
    let Told::Message { data, .. } = told else {
        unreachable!()
    };
    assert_eq!(data, bytes);
    must(driver.message("e".into(), "a".into(), bytes.clone()).await);
    let call = master.expect(Type::Message).await.into_call();
    assert_eq!(call.message.unwrap_or_default().data, bytes);
}

pub(super) async fn inverse_offers_arrive_and_are_answered(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed().await;
    let offer = |id: &str| InverseOffer {
        id: id.into(),
        framework_id: stream.framework_id(),
        agent_id: Some("a".into()),
        unavailability: Unavailability::default(),
        ..Default::default()
    };
    stream.send(events::inverse_offers([offer("i1"), offer("i2")]));
    let told = recorder
        .expect("inverse offers", |told| {
            matches!(told, Told::InverseOffers(_))
        })
        .await;
    let Told::InverseOffers(offers) = told else {
        unreachable!()
    };
    must(
        driver
            .accept_inverse_offers([offers[0].id.clone()], None)
            .await,
    );
    must(
        driver
            .decline_inverse_offers([offers[1].id.clone()], None)
            .await,
    );
    let accept = master.expect(Type::AcceptInverseOffers).await.into_call();
    let ids = accept
        .accept_inverse_offers
        .unwrap_or_default()
        .inverse_offer_ids;
    assert_eq!(ids, ["i1"]);
    let decline = master.expect(Type::DeclineInverseOffers).await.into_call();
    let ids = decline
        .decline_inverse_offers
        .unwrap_or_default()
        .inverse_offer_ids;
    assert_eq!(ids, ["i2"]);
    stream.send(events::rescind_inverse_offer("i1"));
    recorder
        .expect(
            "the rescind",
            |told| matches!(told, Told::RescindInverseOffer(id) if *id == "i1"),
        )
        .await;
}
