//! Events that are rare, new or malformed.

use bytes::Bytes;
use mesos_core::Capability;
use mesos_core::scheduler::Failure;
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{TaskInfo, TaskState, TaskStatus};
use prost::Message;

use crate::mesos::Mesos;
use crate::stage::{Stage, Subscribed};
use crate::steps::{expect_event, must, offer, run, task};
use mesos_testing::{RecordedEvent, events};

pub(super) async fn unknown_events_and_fields_do_not_end_the_stream(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        stream,
        ..
    } = stage.subscribed_to_script().await;
    let known = TaskStatus::new("t", TaskState::TaskRunning);
    if stage.json() {
        stream.send_record(r#"{"type":"TELEPORTED","teleported":{"to":["mars"]}}"#);
        stream.send_record(
            r#"{"type":"UPDATE","origin":{"planet":4},"update":{"moons":[1,2],"status":{
                "task_id":{"value":"t","color":"red"},"state":"TASK_RUNNING",
                "reason":"REASON_SUNSPOTS","altitude":-7.5}}}"#,
        );
    } else {
        // A type and a field with numbers that do not exist.
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
        .expect("the unknown event", |event| {
            matches!(event, RecordedEvent::Unknown(_))
        })
        .await;
    let status = recorder.update(TaskState::TaskRunning).await;
    assert_eq!(status.task_id, "t");
    stream.send(events::update(known));
    recorder.update(TaskState::TaskRunning).await;
    assert_eq!(master.calls_of(Type::Subscribe).len(), 1);
}

pub(super) async fn invalid_utf_8_does_not_block_an_update(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        stream,
        ..
    } = stage.subscribed_to_script().await;
    // The C++ code of Mesos forwards text without checking it, and the agent repeats the update
    // until it is acknowledged.
    let mut status = TaskStatus::new("t", TaskState::TaskFailed).with_message("text");
    status.data = Some(Bytes::from_static(b"\x0a\x01\xff"));
    let status = events::from_agent("a", status);
    let mut record = stream.encoding().encode(&events::update(status.clone()));
    let at = record.windows(4).position(|part| part == b"text");
    let at = must(at.ok_or("no text in it"));
    record[at..at + 4].copy_from_slice(b"t\xfft\xe2");
    stream.send_record(record);
    let event = recorder.update(TaskState::TaskFailed).await;
    assert_eq!(event.message(), "t\u{fffd}t\u{fffd}");
    assert_eq!((&event.uuid, &event.data), (&status.uuid, &status.data));
    let call = master.expect(Type::Acknowledge).await.call;
    let acknowledged = must(call.and_then(|call| call.acknowledge).ok_or("a body"));
    assert_eq!(Some(acknowledged.uuid), status.uuid);
    assert_eq!(master.calls_of(Type::Subscribe).len(), 1);
}

fn failure(event: &RecordedEvent) -> Option<Failure> {
    match event {
        RecordedEvent::Failure(failure) => Some(failure.clone()),
        _ => None,
    }
}

pub(super) async fn agent_and_executor_failures_are_distinguished(stage: Stage) {
    let Subscribed {
        master: _master,
        recorder,
        stream,
        ..
    } = stage.subscribed_to_script().await;
    stream.send(events::agent_failure("a"));
    stream.send(events::executor_failure("a", "e", 9));
    match expect_event(&recorder, "a failure", failure).await {
        Failure::Agent(agent_id) => assert_eq!(agent_id, "a"),
        other => panic!("{other:?}"),
    }
    match expect_event(&recorder, "a failure", failure).await {
        Failure::Executor {
            agent_id,
            executor_id,
            status,
        } => {
            assert_eq!(agent_id, "a");
            assert_eq!(executor_id, "e");
            // As of wait(2): killed by signal 9.
            assert_eq!(status, Some(9));
        }
        other => panic!("{other:?}"),
    }
}

/// A task of the executor `e`, which returns messages.
pub(super) fn with_executor(master: &Mesos, id: &str) -> TaskInfo {
    TaskInfo::builder(id)
        .id(id)
        .executor(master.executor("e"))
        .cpus(0.1)
        .mem(32.0)
        .build()
}

pub(super) async fn messages_arrive_unchanged_in_both_directions(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let task = with_executor(&master, "t");
    let agent = run(&driver, &recorder, task).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let sent = driver.send_message(agent.clone(), "e", bytes.clone());
    must(sent.await);
    let (from, executor, data) = expect_event(&recorder, "a message", |event| match event {
        RecordedEvent::Message {
            agent_id,
            executor_id,
            data,
        } => Some((agent_id.clone(), executor_id.clone(), data.clone())),
        _ => None,
    })
    .await;
    assert_eq!(data, [b"echo:", &bytes[..]].concat());
    assert_eq!(from, agent);
    assert_eq!(executor, "e");
}

pub(super) async fn the_end_of_an_executor_is_reported_with_its_tasks(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let task = with_executor(&master, "t");
    let agent = run(&driver, &recorder, task).await;
    must(driver.send_message(agent.clone(), "e", "exit").await);
    let failed = recorder.update(TaskState::TaskFailed).await;
    assert_eq!(failed.task_reason(), Some(Ok(Reason::ExecutorTerminated)));
    match expect_event(&recorder, "the end of the executor", failure).await {
        Failure::Executor {
            agent_id,
            executor_id,
            status,
        } => {
            assert_eq!((agent_id, executor_id), (agent, "e".into()));
            // As of wait(2): exited with 3.
            assert_eq!(status, Some(3 << 8));
        }
        other => panic!("{other:?}"),
    }
}

pub(super) async fn shutdown_ends_an_executor_with_its_tasks(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let offer = offer(&recorder).await;
    let agent = offer.agent_id.clone();
    let tasks = ["t1", "t2"].map(|id| with_executor(&master, id));
    must(driver.launch(offer, tasks).await);
    for _ in 0..2 {
        recorder.update(TaskState::TaskRunning).await;
    }
    must(driver.shutdown(agent.clone(), "e").await);
    match expect_event(&recorder, "the end of the executor", failure).await {
        Failure::Executor {
            agent_id,
            executor_id,
            ..
        } => assert_eq!((agent_id, executor_id), (agent, "e".into())),
        other => panic!("{other:?}"),
    }
}

pub(super) async fn a_removed_agent_is_reported_with_its_tasks(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let agent = run(&driver, &recorder, task("t")).await;
    master.mark_gone(&agent).await;
    let gone = recorder.update(TaskState::TaskGoneByOperator).await;
    assert_eq!(gone.task_id, "t");
    match expect_event(&recorder, "the loss of the agent", failure).await {
        Failure::Agent(lost) => assert_eq!(lost, agent),
        other => panic!("{other:?}"),
    }
    // The other agent is still offered.
    must(driver.revive().await);
    let offers = recorder.offers().await;
    assert!(offers.iter().all(|offer| offer.agent_id != agent));
}

pub(super) async fn inverse_offers_can_be_accepted_and_declined(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let can = driver.capabilities();
    assert!(can.contains(Capability::InverseOffers), "{can:?}");
    run(&driver, &recorder, task("t")).await;
    master.schedule_maintenance().await;
    let next = async || {
        let mut offers = expect_event(&recorder, "inverse offers", |event| match event {
            RecordedEvent::InverseOffers(offers) => Some(offers.clone()),
            _ => None,
        })
        .await;
        offers.remove(0).id
    };
    let at_once = Some(mesos_proto::v1::Filters {
        refuse_seconds: Some(0.0),
    });
    // A declined inverse offer is sent again.
    let first = next().await;
    must(driver.decline_inverse_offers([first], at_once).await);
    let second = next().await;
    must(driver.accept_inverse_offers([second.clone()], None).await);
    for call in [Type::DeclineInverseOffers, Type::AcceptInverseOffers] {
        assert_eq!(master.expect(call).await.status, Some(202));
    }
    master.cancel_maintenance().await;
}

pub(super) async fn the_end_of_a_maintenance_rescinds_its_inverse_offers(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let can = driver.capabilities();
    assert!(can.contains(Capability::InverseOffers), "{can:?}");
    run(&driver, &recorder, task("t")).await;
    master.schedule_maintenance().await;
    let offers = expect_event(&recorder, "inverse offers", |event| match event {
        RecordedEvent::InverseOffers(offers) => Some(offers.clone()),
        _ => None,
    });
    let offered = offers.await.remove(0).id;
    master.cancel_maintenance().await;
    let rescinded = expect_event(&recorder, "the rescind", |event| match event {
        RecordedEvent::RescindInverseOffer(id) => Some(id.clone()),
        _ => None,
    });
    assert_eq!(rescinded.await, offered);
}
