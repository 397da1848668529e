//! Subscribing, and losing a subscription temporarily or permanently.

use mesos_core::{Capability, ErrorKind, MesosVersion};
use mesos_proto::v1::scheduler::call::Type;

use super::offers::only_with_rack;
use crate::stage::{Stage, Subscribed};
use crate::steps::{expect_unknown, framework_id, must, must_fail, reconcile_unknown};
use crate::timeout::REAL_TIMEOUT;
use crate::world::ClusterKind;
use mesos_testing::{Fault, FaultProxy, RecordedEvent};

pub(super) async fn later_calls_carry_the_framework_id(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed().await;
    let first = master.expect(Type::Subscribe).await.into_call();
    assert_eq!(first.framework_id, None);
    let id = stream.framework_id();
    assert_eq!(driver.framework_id(), Some(id.clone()));
    must(driver.revive().await);
    let call = master.expect(Type::Revive).await.into_call();
    assert_eq!(call.framework_id, Some(id.clone()));
    stream.cut();
    assert_eq!(recorder.subscribed().await.framework_id, id);
    let again = master.expect(Type::Subscribe).await.into_call();
    assert_eq!(again.framework_id, Some(id.clone()));
    let info = again.subscribe.map(|subscribe| subscribe.framework_info);
    assert_eq!(info.and_then(|info| info.id), Some(id));
}

pub(super) async fn an_error_as_the_first_event_stops_the_driver(stage: Stage) {
    let stage = stage.tuned(|tuning| tuning.credential = credential("hush hush"));
    let master = stage.mesos_of_kind(ClusterKind::Authenticated).await;
    let recorder = stage.recorder();
    let framework = stage.framework().role("c");
    let driver = stage.start_as(framework, &master.url(), recorder.clone());
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::Rejected);
    let said = "master's --roles";
    assert!(error.to_string().contains(said), "{error}");
    let received = recorder.events();
    assert!(
        matches!(&received[..], [mesos_testing::RecordedEvent::Error(message)] if message.contains(said)),
        "{received:?}"
    );
    if let Some(wire) = master.wire() {
        assert_eq!(wire.expect(Type::Subscribe).await.status, Some(200));
        assert_eq!(wire.received().len(), 1);
    }
}

pub(super) async fn calls_carry_the_newest_stream_id_and_subscribe_carries_none(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed().await;
    must(driver.revive().await);
    let call = master.expect(Type::Revive).await;
    assert_eq!(call.stream_id(), Some(stream.id()));
    stream.cut();
    recorder.subscribed().await;
    let newest = master.expect_stream().await;
    assert_ne!(newest.id(), stream.id());
    must(driver.revive().await);
    let call = master.expect(Type::Revive).await;
    assert_eq!(call.stream_id(), Some(newest.id()));
    for _ in 0..2 {
        assert_eq!(master.expect(Type::Subscribe).await.stream_id(), None);
    }
}

pub(super) async fn events_of_an_old_stream_are_ignored(stage: Stage) {
    let stage = stage.with_short_silence();
    let master = stage.mesos().await;
    let proxy = must(FaultProxy::start(master.address()).await);
    let recorder = stage.recorder();
    let driver = stage.start(&proxy.url(), &recorder);
    recorder.subscribed().await;
    let old = proxy.expect_connection().await;
    // The master does not notice that its events are lost, but the driver does.
    proxy.set(Fault::HalfOpen);
    proxy.set_new(Fault::None);
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::HeartbeatLost);
    recorder.subscribed().await;
    // By now the master has sent ERROR on the old stream. It must not be delivered.
    old.set(Fault::None);
    must(reconcile_unknown(&driver, ["t"]).await);
    expect_unknown(&recorder, 1).await;
    let mut received = recorder.events().into_iter();
    assert!(!received.any(|event| matches!(event, RecordedEvent::Error(_))));
}

pub(super) async fn a_takeover_by_another_instance_stops_the_driver(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let successor = stage.recorder();
    let framework = stage.framework().id(framework_id(&driver));
    let newer = stage.start_as(framework, &master.url(), successor.clone());
    successor.subscribed().await;
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::TakenOver);
    recorder
        .expect("the error", |event| {
            matches!(event, RecordedEvent::Error(_))
        })
        .await;
    assert_eq!(must_fail(driver.revive().await).kind(), ErrorKind::Closed);
    must(newer.revive().await);
    if let Some(wire) = master.wire() {
        assert_eq!(wire.calls_of(Type::Subscribe).len(), 2);
    }
}

pub(super) async fn a_removed_framework_stops_the_driver(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    master.tear_down(framework_id(&driver)).await;
    if let Some(wire) = master.wire() {
        // The stream ends without an event.
        let lost = recorder.disconnected().await;
        assert_eq!(lost.error.kind(), ErrorKind::Transport);
        assert_eq!(wire.calls_of(Type::Teardown), []);
    }
    let ended = tokio::time::timeout(REAL_TIMEOUT / 2, driver.join()).await;
    let error = must_fail(ended.expect("the driver ends"));
    assert_eq!(error.kind(), ErrorKind::FrameworkRemoved);
    if let Some(wire) = master.wire() {
        assert_eq!(wire.calls_of(Type::Subscribe).len(), 2);
    }
}

pub(super) async fn a_resubscription_repeats_suppressed_roles_and_offer_constraints(stage: Stage) {
    let framework = stage.framework().role("web").role("batch");
    let mut info = framework.info().clone();
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed_as(framework).await;
    info.id = driver.framework_id();
    must(driver.suppress_roles(["web"]).await);
    master.expect(Type::Subscribe).await;
    stream.cut();
    recorder.subscribed().await;
    let again = master.expect(Type::Subscribe).await.into_call();
    let suppressed = again.subscribe.unwrap_or_default().suppressed_roles;
    assert_eq!(suppressed, ["web"]);

    let constraints = only_with_rack("batch");
    let updated = driver.update_framework(info, ["batch".to_owned()], Some(constraints.clone()));
    must(updated.await);
    master.stream().cut();
    recorder.subscribed().await;
    let again = master.expect(Type::Subscribe).await.into_call();
    let subscribe = again.subscribe.unwrap_or_default();
    assert_eq!(subscribe.suppressed_roles, ["batch"]);
    assert_eq!(subscribe.offer_constraints, Some(constraints));
}

pub(super) async fn a_framework_update_succeeds_or_fails_with_the_masters_reason(stage: Stage) {
    let stage = stage.tuned(|tuning| tuning.credential = credential("hush hush"));
    let master = stage.mesos_of_kind(ClusterKind::Authenticated).await;
    let mut info = stage.framework().role("a").info().clone();
    let framework = stage.framework().role("a");
    let Subscribed { master, driver, .. } = stage.subscribed_to(master, framework).await;
    info.id = driver.framework_id();
    info.principal = Some("another".to_owned());
    info.name = "renamed".to_owned();
    let error = must_fail(driver.update_framework(info.clone(), [], None).await);
    assert_eq!(error.kind(), ErrorKind::Rejected);
    let said = "Changing framework's principal is not allowed.";
    assert!(error.to_string().contains(said), "{error}");
    // The driver fills in the principal, which the master requires.
    info.principal = None;
    must(driver.update_framework(info, [], None).await);
    let statuses: Vec<_> = [
        master.expect(Type::UpdateFramework).await,
        master.expect(Type::UpdateFramework).await,
    ]
    .map(|received| received.status)
    .into();
    assert_eq!(statuses, [Some(400), Some(200)]);
}

/// The credential that authenticated masters accept.
fn credential(secret: &str) -> Option<(String, String)> {
    Some(("me".to_owned(), secret.to_owned()))
}

pub(super) async fn every_request_carries_the_credentials_and_wrong_credentials_stop_the_driver(
    stage: Stage,
) {
    let with = |secret: &str| stage.tuned(|tuning| tuning.credential = credential(secret));
    let master = stage.mesos_of_kind(ClusterKind::Authenticated).await;
    let framework = || stage.framework().role("a");
    let right = with("hush hush").subscribed_to(master, framework()).await;
    let Subscribed { master, driver, .. } = right;
    must(driver.revive().await);
    let recorder = stage.recorder();
    for stage in [with("wrong hush"), stage.clone()] {
        let driver = stage.start_as(framework(), &master.url(), recorder.clone());
        let error = must_fail(driver.join().await);
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }
    if let Some(wire) = master.wire() {
        let received = wire.received().into_iter();
        let statuses: Vec<_> = received.map(|received| received.status).collect();
        assert_eq!(statuses, [200, 202, 401, 401].map(Some));
    }
}

pub(super) async fn the_principal_of_the_credentials_is_filled_in_and_another_one_is_refused(
    stage: Stage,
) {
    let stage = stage.tuned(|tuning| tuning.credential = credential("hush hush"));
    let master = stage.mesos_of_kind(ClusterKind::Authenticated).await;
    let other = stage.framework().role("a").principal("another");
    let recorder = stage.recorder();
    let refused = stage.start_as(other, &master.url(), recorder.clone());
    let error = must_fail(refused.join().await);
    assert_eq!(error.kind(), ErrorKind::Config);
    let said = "the framework is \"another\", but the principal of the credentials is \"me\"";
    assert!(error.to_string().contains(said), "{error}");
    assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    assert!(recorder.events().is_empty(), "{:?}", recorder.events());

    let framework = stage.framework().role("a");
    assert_eq!(framework.info().principal, None);
    let same = framework.clone().principal("me");
    for framework in [framework, same] {
        let recorder = stage.recorder();
        let driver = stage.start_as(framework, &master.url(), recorder.clone());
        recorder.subscribed().await;
        driver.stop();
        must(driver.join().await);
    }
    if let Some(wire) = master.wire() {
        let calls = wire.calls_of(Type::Subscribe).into_iter();
        let principals: Vec<_> = calls
            .map(|call| call.subscribe.unwrap_or_default().framework_info.principal)
            .collect();
        assert_eq!(principals, ["me", "me"].map(|me| Some(me.to_owned())));
    }
}

pub(super) async fn a_program_can_request_another_subscription(stage: Stage) {
    let master = stage.mesos().await;
    let recorder = stage.recorder();
    let driver = stage.start(&master.url(), &recorder);
    let id = recorder.subscribed().await.framework_id;
    for _ in 0..2 {
        driver.reconnect();
        let lost = recorder.disconnected().await;
        assert_eq!(lost.error.kind(), ErrorKind::NotSubscribed);
        let again = recorder.subscribed().await;
        assert!(again.resubscribed);
        assert_eq!(again.framework_id, id);
        must(reconcile_unknown(&driver, ["t"]).await);
        expect_unknown(&recorder, 1).await;
    }
}

pub(super) async fn a_master_that_is_older_than_required_stops_the_driver(stage: Stage) {
    let master = stage.mesos().await;
    let future = MesosVersion::new(99, 0, 0);
    let recorder = stage.recorder();
    let framework = stage.framework().require_mesos(future);
    let driver = stage.start_as(framework, &master.url(), recorder.clone());
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let said = "but the framework requires Mesos 99.0.0 or newer";
    assert!(error.to_string().ends_with(said), "{error}");
    assert!(recorder.events().is_empty(), "{:?}", recorder.events());

    let oldest = MesosVersion::new(1, 0, 0);
    let framework = stage.framework().require_mesos(oldest);
    let driver = stage.start_as(framework, &master.url(), recorder.clone());
    let version = recorder.subscribed().await.mesos_version();
    let version = version.expect("the master reports its release");
    assert!(version > oldest && version < future, "{version}");

    let info = stage.framework().info().clone();
    let updated = driver.update_framework(info, [], None).await;
    if version < MesosVersion::new(1, 9, 0) {
        let error = must_fail(updated);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        if driver.capabilities().contains(Capability::UpdateFramework) {
            let said = format!("but the master runs Mesos {version}");
            assert!(error.to_string().ends_with(&said), "{error}");
        }
    } else if driver.capabilities().contains(Capability::UpdateFramework) {
        must(updated);
    }
}
