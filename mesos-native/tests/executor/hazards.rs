//! Failures of libmesos that must not harm the process.

use mesos_core::{ErrorKind, ExecutorDriver};
use mesos_native::NativeBackend;
use mesos_testing::v1::{TaskState, TaskStatus};
use mesos_testing::{ExecutorRecorder, Handler, Outcome, RecordedExecutorEvent as RecordedEvent};

use crate::support::{Agent, environment, library, scene};

/// Destroying a driver that never ran would end this process, in the stand-in as in Mesos.
#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_does_not_start_is_an_error_with_the_reason_of_libmesos() {
    for (scenario, reason) in [
        ("refuses", "refused by a constructor"),
        ("throws at once", "thrown by a constructor"),
        ("throws late", "an exception of an unknown type"),
        ("large", "larger than expected"),
    ] {
        let Some(scene) = scene(scenario).await else {
            return;
        };
        let error = scene.driver.join().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{scenario}: {error}");
        let text = mesos_core::error_chain(&error).to_string();
        assert!(text.contains(reason), "{scenario}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_callback_ends_the_driver_without_a_retry() {
    let Some(scene) = scene("unregistered").await else {
        return;
    };
    let error = scene.driver.join().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend, "{error}");
    let disconnects = scene.recorder.events();
    let disconnects = disconnects
        .iter()
        .filter(|told| matches!(told, RecordedEvent::Disconnected(_)));
    assert_eq!(disconnects.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_ends_the_driver_even_if_its_text_is_not_utf_8() {
    let Some(scene) = scene("error").await else {
        return;
    };
    let error = scene.driver.join().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
    assert!(error.to_string().contains("the end \u{fffd}"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_libmesos_rejects_is_reported_and_not_retried() {
    let Some(scene) = scene("unsendable").await else {
        return;
    };
    let launch = |told: &RecordedEvent| matches!(told, RecordedEvent::Launch(_));
    scene.recorder.expect("launch", launch).await;
    let finished = TaskStatus::new("t", TaskState::TaskFinished);
    scene.driver.send_update(finished).await.unwrap();
    scene.driver.stop();
    let error = scene.driver.join().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unacknowledged, "{error}");
    assert!(error.to_string().contains("rejected"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_handler_ends_only_its_driver() {
    let Some(scene) = scene("endless").await else {
        return;
    };
    let panic = Outcome::Panic("expected in this test".to_owned());
    scene.recorder.plan(Handler::Message, panic);
    let error = scene.driver.join().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Panicked, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_starts_only_one_driver() {
    let Some(library) = library().await else {
        return;
    };
    let agent = Agent::start(0).await;
    let environment = environment("plain", &agent);
    let backend = NativeBackend::for_executor(library, &environment).unwrap();
    let recorder = ExecutorRecorder::new();
    let first = ExecutorDriver::start(recorder.clone(), environment.clone(), backend.clone());
    let subscribed = |told: &RecordedEvent| matches!(told, RecordedEvent::Subscribed(_));
    recorder.expect("subscribed", subscribed).await;
    let second = ExecutorDriver::run(ExecutorRecorder::new(), environment, backend).await;
    assert_eq!(second.unwrap_err().kind(), ErrorKind::AgentLost);
    first.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_callbacks_of_many_threads_all_arrive() {
    let Some(scene) = scene("crowd").await else {
        return;
    };
    for _ in 0..8 {
        let launch = |told: &RecordedEvent| matches!(told, RecordedEvent::Launch(_));
        scene.recorder.expect("launch", launch).await;
        let message = |told: &RecordedEvent| matches!(told, RecordedEvent::Message(_));
        scene.recorder.expect("message", message).await;
    }
    scene.driver.abort();
}
