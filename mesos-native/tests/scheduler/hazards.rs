//! Calls and arguments for which libmesos would end the process (`src/sched/sched.cpp`) are errors.
//! The process and its other drivers continue.

use mesos_core::backend::{Backend, SchedulerApi};
use mesos_core::{Capability, Delivery, ErrorKind, SchedulerDriver, StopReason};
use mesos_native::NativeBackend;
use mesos_testing::v1::offer::{Operation, operation};
use mesos_testing::v1::scheduler::{Call, call};
use mesos_testing::v1::{FrameworkInfo, OperationId, TaskState};
use mesos_testing::{Handler, Outcome, Recorder};

use crate::support::{cluster, framework, library, start, task};

pub(crate) fn subscribe_call() -> Call {
    Call {
        r#type: Some(call::Type::Subscribe.into()),
        subscribe: Some(call::Subscribe {
            framework_info: FrameworkInfo::new("root", "hazards"),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_with_an_id_is_refused_and_the_driver_continues() {
    let Some((_cluster, backend)) = cluster().await else {
        return;
    };
    let (driver, recorder) = start(&backend);
    recorder.subscribed().await;
    let offer = recorder.offers().await.remove(0);
    let operation = Operation {
        r#type: Some(operation::Type::Launch.into()),
        id: Some(OperationId {
            value: "op".to_owned(),
        }),
        launch: Some(operation::Launch {
            task_infos: vec![task("t", "true")],
        }),
        ..Default::default()
    };
    let accept = Call {
        r#type: Some(call::Type::Accept.into()),
        accept: Some(call::Accept {
            offer_ids: vec![offer.id.clone()],
            operations: vec![operation],
            filters: None,
        }),
        ..Default::default()
    };
    let error = driver.call(accept).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.delivery(), Delivery::NotSent);
    driver.launch(offer, [task("t", "true")]).await.unwrap();
    recorder.update(TaskState::TaskFinished).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_before_the_registration_fail_and_are_not_sent() {
    let Some(library) = library().await else {
        return;
    };
    // The listener is not a master, so the driver never registers.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap().to_string();
    let backend = NativeBackend::new(library, address.parse().unwrap()).unwrap();
    let subscription = Backend::<SchedulerApi>::subscribe(&backend, subscribe_call());
    let subscription = subscription.await.unwrap();
    for call_type in [
        call::Type::Revive,
        call::Type::Suppress,
        call::Type::Reconcile,
        call::Type::Teardown,
    ] {
        let call = Call {
            r#type: Some(call_type.into()),
            ..Default::default()
        };
        let error = subscription.calls.send(call).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSubscribed, "{call_type:?}");
        assert_eq!(error.delivery(), Delivery::NotSent, "{call_type:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_master_and_a_missing_file_are_errors() {
    let Some(library) = library().await else {
        return;
    };
    for (master, kind) in [
        ("127.0.0.1:1", ErrorKind::Transport),
        ("file:///nonexistent/master", ErrorKind::Config),
        // libmesos would retry for ten minutes and then end the process.
        ("zk://no-such-host.invalid:2181/mesos", ErrorKind::Transport),
    ] {
        let backend = NativeBackend::new(library.clone(), master.parse().unwrap()).unwrap();
        let error = Backend::<SchedulerApi>::subscribe(&backend, subscribe_call());
        let error = error.await.unwrap_err();
        assert_eq!(error.kind(), kind);
        let address = master.split("//").last().unwrap_or(master);
        let address = address.trim_end_matches("/mesos");
        assert!(error.to_string().contains(address), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_cannot_start_is_an_error_with_the_reason_of_libmesos() {
    let Some(library) = library().await else {
        return;
    };
    // libmesos does not support IPv6.
    let listener = std::net::TcpListener::bind("[::1]:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let backend = NativeBackend::new(library, address.parse().unwrap()).unwrap();
    let error = Backend::<SchedulerApi>::subscribe(&backend, subscribe_call());
    let error = error.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    assert!(
        text.contains("Failed to create a master detector"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_suppressed_role_is_sent_once() {
    let Some((_cluster, backend)) = cluster().await else {
        return;
    };
    let framework = framework().role("a").role("b");
    let info = framework.info().clone();
    let recorder = Recorder::new();
    let driver = SchedulerDriver::start(recorder.clone(), framework, backend);
    recorder.subscribed().await;
    let twice = ["a", "b", "a"].map(str::to_owned);
    driver.update_framework(info, twice, None).await.unwrap();
    driver.stop();
    assert!(matches!(driver.join().await, Ok(StopReason::Stopped)));
}

#[tokio::test(flavor = "multi_thread")]
async fn unsupported_calls_are_refused_and_not_in_the_capabilities() {
    let Some((_cluster, backend)) = cluster().await else {
        return;
    };
    let (driver, recorder) = start(&backend);
    recorder.subscribed().await;
    for missing in [
        Capability::InverseOffers,
        Capability::OperationFeedback,
        Capability::ShutdownExecutor,
        Capability::KillPolicy,
        Capability::KillOnAgent,
        Capability::CallResults,
    ] {
        assert!(!driver.capabilities().contains(missing), "{missing:?}");
    }
    for call_type in [
        call::Type::AcceptInverseOffers,
        call::Type::DeclineInverseOffers,
        call::Type::Shutdown,
        call::Type::AcknowledgeOperationStatus,
        call::Type::ReconcileOperations,
    ] {
        let call = Call {
            r#type: Some(call_type.into()),
            accept_inverse_offers: Some(call::AcceptInverseOffers::default()),
            decline_inverse_offers: Some(call::DeclineInverseOffers::default()),
            shutdown: Some(call::Shutdown::default()),
            acknowledge_operation_status: Some(call::AcknowledgeOperationStatus::default()),
            ..Default::default()
        };
        let error = driver.call(call).await.unwrap_err();
        let refused = [ErrorKind::Unsupported, ErrorKind::Config];
        assert!(refused.contains(&error.kind()), "{call_type:?}: {error}");
        assert_eq!(error.delivery(), Delivery::NotSent, "{call_type:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_only_its_own_driver() {
    let Some((_cluster, backend)) = cluster().await else {
        return;
    };
    let (other, others) = start(&backend);
    others.subscribed().await;
    let offer = others.offers().await.remove(0);
    let sleeper = [task("t", "sleep 600")];
    other.launch(offer, sleeper).await.unwrap();
    others.update(TaskState::TaskRunning).await;
    let recorder = Recorder::new();
    let panics = Outcome::Panic("expected in this test".to_owned());
    recorder.always(Handler::Subscribed, panics);
    let panicking = SchedulerDriver::start(recorder, framework(), backend);
    let error = panicking.join().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Panicked);

    other.kill("t").await.unwrap();
    others.update(TaskState::TaskKilled).await;
    other.stop();
    assert!(matches!(other.join().await, Ok(StopReason::Stopped)));
}
