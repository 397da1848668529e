//! Bytes: RecordIO, media types and connections.

use std::time::Duration;

use bytes::Bytes;
use mesos_core::{Delivery, ErrorKind};
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::{TaskState, TaskStatus};

use crate::stage::{Stage, Subscribed};
use crate::steps::{expect_unknown, must, must_fail, reconcile_unknown, tasks};
use mesos_testing::{Fault, FaultProxy, Reaction, events};

pub(super) async fn records_are_decoded_across_any_chunk_boundaries(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed().await;
    // Several records in one chunk.
    stream.cork();
    must(reconcile_unknown(&driver, ["1", "2", "3"]).await);
    must(reconcile_unknown(&driver, ["4"]).await);
    stream.uncork();
    expect_unknown(&recorder, 4).await;
    // The first cut is inside the length; with 1, every byte is a chunk.
    for most in [7, 2, 1] {
        stream.limit_chunks(most);
        must(reconcile_unknown(&driver, ["5", "6"]).await);
        expect_unknown(&recorder, 2).await;
    }
    let expected = ["1", "2", "3", "4", "5", "6", "5", "6", "5", "6"];
    assert_eq!(tasks(&recorder), expected);
    assert_eq!(master.calls_of(Type::Subscribe).len(), 1);
}

/// Waits until the subscription ends without another event, and for the next subscription.
async fn lost(subscribed: &Subscribed, kind: ErrorKind) -> mesos_core::Error {
    lost_with(subscribed, &[kind]).await
}

async fn lost_with(subscribed: &Subscribed, kinds: &[ErrorKind]) -> mesos_core::Error {
    let Subscribed {
        master, recorder, ..
    } = subscribed;
    let disconnected = recorder.disconnected().await;
    let kind = disconnected.error.kind();
    assert!(kinds.contains(&kind), "{:?}", disconnected.error);
    assert!(!disconnected.retry_in.is_zero());
    let again = recorder.subscribed().await;
    assert!(again.resubscribed);
    assert_eq!(master.calls_of(Type::Subscribe).len(), 2);
    assert_eq!(tasks(recorder), Vec::<String>::new());
    disconnected.error
}

pub(super) async fn an_invalid_record_length_ends_the_subscription(stage: Stage) {
    for garbage in [
        "abc\n{}",
        "-1\n",
        " 5\nhello",
        "\n",
        "99999999999999999999999\n",
    ] {
        let subscribed = stage.subscribed().await;
        subscribed.stream.send_bytes(garbage);
        lost(&subscribed, ErrorKind::Protocol).await;
    }
}

pub(super) async fn a_stream_cut_within_a_record_ends_the_subscription_without_an_event(
    stage: Stage,
) {
    // Inside the length, right after it, and one byte before the end.
    for length in [1, 3, 20] {
        let subscribed = stage.subscribed().await;
        subscribed.stream.cut_after(length);
        // The next event is cut, which may be an offer before the answer. The master may then
        // refuse the call, because its stream is gone. This answer and the end of the stream arrive
        // on two connections, and the first one ends the subscription.
        let call = reconcile_unknown(&subscribed.driver, ["a task with a long name"]).await;
        let refused = call.is_err_and(|error| {
            error.kind() == ErrorKind::NotSubscribed && error.delivery() == Delivery::Refused
        });
        match refused {
            true => {
                let kinds = [ErrorKind::Transport, ErrorKind::NotSubscribed];
                lost_with(&subscribed, &kinds).await
            }
            false => lost(&subscribed, ErrorKind::Transport).await,
        };
    }
}

pub(super) async fn the_end_of_the_stream_ends_the_subscription_on_an_open_connection(
    stage: Stage,
) {
    let subscribed = stage.subscribed().await;
    subscribed.stream.end();
    lost(&subscribed, ErrorKind::Transport).await;
}

pub(super) async fn requests_name_one_media_type_without_parameters(stage: Stage) {
    let Subscribed { master, driver, .. } = stage.subscribed().await;
    must(driver.kill("t").await);
    let name = stage.harness.encoding().media_type();
    for call_type in [Type::Subscribe, Type::Kill] {
        let received = master.expect(call_type).await;
        assert_eq!(received.header("content-type"), Some(name));
        assert_eq!(received.header("accept"), Some(name));
        assert_eq!(received.method, "POST");
        assert_eq!(received.path, "/api/v1/scheduler");
    }
}

pub(super) async fn calls_use_another_connection_than_the_subscription(stage: Stage) {
    let Subscribed { master, driver, .. } = stage.subscribed().await;
    let subscribe = master.expect(Type::Subscribe).await;
    for _ in 0..3 {
        must(driver.revive().await);
        let call = master.expect(Type::Revive).await;
        assert_ne!(call.connection, subscribe.connection);
    }
}

pub(super) async fn json_follows_the_mapping_of_mesos(stage: Stage) {
    if !stage.json() {
        // With protobuf: uuids are raw bytes in both directions.
        let subscribed = stage.subscribed_to_script().await;
        let status = events::from_agent("a", TaskStatus::new("t", TaskState::TaskRunning));
        subscribed.stream.send(events::update(status.clone()));
        let call = subscribed
            .master
            .expect(Type::Acknowledge)
            .await
            .into_call();
        assert_eq!(
            call.acknowledge.map(|acknowledge| acknowledge.uuid),
            status.uuid
        );
        return;
    }
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed_to_script().await;
    // Base64 with characters outside the URL alphabet, an int64 that a double cannot hold, doubles
    // with and without a decimal point, and infinity.
    stream.send_record(
        r#"{"type":"UPDATE","update":{"status":{
            "task_id":{"value":"t"},"agent_id":{"value":"a"},"state":"TASK_RUNNING",
            "uuid":"+/v7+/v7S/uL+/v7+/v7+w==","timestamp":5,
            "unreachable_time":{"nanoseconds":9007199254740993}}}}"#,
    );
    let status = recorder.update(TaskState::TaskRunning).await;
    assert_eq!(status.timestamp, Some(5.0));
    let since = status.unreachable_time.map(|time| time.nanoseconds);
    assert_eq!(since, Some(9_007_199_254_740_993));
    let received = master.expect(Type::Acknowledge).await;
    let body: serde_json::Value = must(serde_json::from_slice(&received.body));
    assert_eq!(body["type"], "ACKNOWLEDGE");
    assert_eq!(body["acknowledge"]["agent_id"]["value"], "a");
    assert_eq!(body["acknowledge"]["uuid"], "+/v7+/v7S/uL+/v7+/v7+w==");
    let uuid = status.uuid.unwrap_or_default();
    assert_eq!((uuid.len(), uuid[0], uuid[6]), (16, 0xfb, 0x4b));

    for (text, number) in [("5.0", 5.0), (r#""Infinity""#, f64::INFINITY)] {
        stream.send_record(format!(
            r#"{{"type":"UPDATE","update":{{"status":{{"task_id":{{"value":"t"}},
                "state":"TASK_RUNNING","timestamp":{text}}}}}}}"#
        ));
        let status = recorder.update(TaskState::TaskRunning).await;
        assert_eq!(status.timestamp, Some(number));
    }

    must(driver.send_message("a", "e", &b"\xfb\xff"[..]).await);
    let received = master.expect(Type::Message).await;
    let body: serde_json::Value = must(serde_json::from_slice(&received.body));
    assert_eq!(body["message"]["data"], "+/8=");
    assert!(body["framework_id"]["value"].is_string(), "{body}");
}

pub(super) async fn a_record_over_the_limit_ends_the_subscription_and_names_the_limit(
    stage: Stage,
) {
    let stage = stage.tuned(|tuning| tuning.max_record_size = 50_000);
    let subscribed = stage.subscribed().await;
    // The announced length is enough for the refusal.
    subscribed.stream.send_bytes("50001\n");
    let error = lost(&subscribed, ErrorKind::Protocol).await;
    let text = mesos_core::error_chain(&error);
    assert!(text.contains("50001") && text.contains("50000"), "{text}");
}

pub(super) async fn an_invalid_http_response_fails_its_call_and_ends_the_subscription(
    stage: Stage,
) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed().await;
    master.react(
        Type::Revive,
        Reaction::Garble(Bytes::from_static(b"\x00\x01 no HTTP\r\n\r\n")),
    );
    let error = must_fail(driver.revive().await);
    assert_eq!(error.delivery(), Delivery::Unknown, "{error:?}");
    assert_eq!(recorder.disconnected().await.error.kind(), error.kind());
    stream.closed().await;
    recorder.subscribed().await;
    must(reconcile_unknown(&driver, ["1"]).await);
    expect_unknown(&recorder, 1).await;
    assert_eq!(master.calls_of(Type::Subscribe).len(), 2);
}

pub(super) async fn a_slow_network_loses_no_events(stage: Stage) {
    let master = stage.mesos().await;
    let proxy = must(FaultProxy::start(master.address()).await);
    let recorder = stage.recorder();
    let driver = stage.start(&proxy.url(), &recorder);
    recorder.subscribed().await;
    let brief = Duration::from_millis(2);
    let drip = Fault::Drip {
        bytes: 50,
        every: brief,
    };
    for fault in [drip, Fault::Delay(10 * brief), Fault::None] {
        proxy.set(Fault::Stall);
        let waiting = tokio::spawn({
            let driver = driver.clone();
            async move { reconcile_unknown(&driver, ["1", "2", "3"]).await }
        });
        // sleep: only time can show that nothing arrives.
        tokio::time::sleep(10 * brief).await;
        assert!(!waiting.is_finished());
        proxy.set(fault);
        must(must(waiting.await));
        expect_unknown(&recorder, 3).await;
    }
    assert_eq!(tasks(&recorder), ["1", "2", "3"].repeat(3));
    assert_eq!(master.calls_of(Type::Subscribe).len(), 1);
}
