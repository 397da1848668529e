//! Tests of what a driver checks before and at the start: principals, and the release of the
//! master.

use mesos_core::MesosVersion;
use mesos_core::store::{MemoryStore, Store as _};
use mesos_proto::v1::MasterInfo;

use super::*;

const MESOS_1_9: MesosVersion = MesosVersion::new(1, 9, 0);

/// SUBSCRIBED of a master of this release.
fn subscribed_at(version: Option<&str>) -> Event {
    event::Subscribed {
        framework_id: FrameworkId::from("f1"),
        master_info: Some(MasterInfo {
            version: version.map(str::to_owned),
            ..Default::default()
        }),
        ..Default::default()
    }
    .into()
}

#[tokio::test(start_paused = true)]
async fn the_principal_of_the_credentials_is_filled_in() {
    let (mut backend, mut peer) = scripted();
    backend.principal = Some("shop");
    let framework = Framework::ephemeral("test");
    let driver = SchedulerDriver::start(Recording::new(), framework.clone(), backend);
    let attempt = peer.attempt().await;
    let info = &attempt.call.subscribe.as_ref().unwrap().framework_info;
    assert_eq!(info.principal.as_deref(), Some("shop"));
    let session = attempt.grant();
    session.send(subscribed("f1")).await;
    driver.when_subscribed().await.unwrap();
    // The master refuses an update that changes the principal.
    let update = driver.update_framework(framework.info().clone(), [], None);
    let (updated, call) = tokio::join!(update, session.call());
    updated.unwrap();
    let info = call.update_framework.unwrap().framework_info;
    assert_eq!(info.principal.as_deref(), Some("shop"));
}

#[tokio::test(start_paused = true)]
async fn a_principal_that_differs_from_the_credentials_ends_the_driver_before_it_subscribes() {
    let (mut backend, mut peer) = scripted();
    backend.principal = Some("shop");
    let framework = Framework::ephemeral("test").principal("batch");
    let driver = SchedulerDriver::start(Recording::new(), framework, backend);
    let end = tokio::select! {
        biased;
        end = end_of(&driver) => end.unwrap_err(),
        _ = peer.late_attempt() => panic!("it subscribed"),
    };
    assert_eq!(end.kind(), ErrorKind::Config);
    assert_eq!(
        end.to_string(),
        "the principal of the framework is \"batch\", but the principal of the credentials is \
         \"shop\"; use the same principal in both, or leave out Framework::principal"
    );
}

#[tokio::test(start_paused = true)]
async fn a_principal_is_kept_if_it_is_that_of_the_credentials_or_the_latter_is_unknown() {
    for known in [Some("shop"), None] {
        let (mut backend, mut peer) = scripted();
        backend.principal = known;
        let framework = Framework::ephemeral("test").principal("shop");
        let _driver = SchedulerDriver::start(Recording::new(), framework, backend);
        let info = peer.attempt().await.call.subscribe.unwrap().framework_info;
        assert_eq!(info.principal.as_deref(), Some("shop"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_master_that_is_too_old_ends_a_new_driver_before_subscribed_is_called() {
    for known in [false, true] {
        let store = MemoryStore::new();
        if known {
            store.save(&"f1".into()).await.unwrap();
        }
        let (backend, mut peer) = scripted();
        let framework = Framework::ephemeral("test").require_mesos(MESOS_1_9);
        let recording = Recording::new();
        let framework = framework.store(store.clone());
        let driver = SchedulerDriver::start(recording.clone(), framework, backend);
        let session = peer.session().await;
        session.send(subscribed_at(Some("1.8.1"))).await;
        if !known {
            let call = session.call().await;
            assert_eq!(type_of(&call), CallType::Teardown, "nobody knows its id");
            assert_eq!(call.framework_id, Some("f1".into()));
        }
        let end = end_of(&driver).await.unwrap_err();
        assert_eq!(end.kind(), ErrorKind::Unsupported);
        assert_eq!(
            end.to_string(),
            "the master runs Mesos 1.8.1, but the framework requires Mesos 1.9.0 or newer"
        );
        assert!(recording.seen().is_empty(), "{:?}", recording.seen());
        assert!(session.pending_call().is_none(), "its tasks continue");
        assert_eq!(store.get(), known.then(|| "f1".into()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_too_old_is_retried_by_a_driver_that_was_subscribed() {
    let (backend, mut peer) = scripted();
    let framework = Framework::ephemeral("test").require_mesos(MESOS_1_9);
    let recording = Recording::new();
    let _driver = SchedulerDriver::start(recording.clone(), framework, backend);
    // A master that does not report its release is accepted.
    for version in [Some("1.11.0"), Some("1.8.1"), Some("1.9.0"), None] {
        let session = peer.session().await;
        session.send(subscribed_at(version)).await;
        if version == Some("1.8.1") {
            session.closed().await;
        } else {
            settle(&recording, &session).await;
            session.fail(lost()).await;
        }
    }
    peer.attempt().await;
    assert_eq!(
        recording.seen(),
        [
            "subscribed f1",
            "disconnected Transport 0",
            "disconnected Unavailable 0",
            "subscribed again f1",
            "disconnected Transport 0",
            "subscribed again f1",
            "disconnected Transport 0",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_master_is_too_old_for_is_not_sent() {
    let (backend, mut peer) = scripted();
    let framework = Framework::ephemeral("test");
    let info = framework.info().clone();
    let driver = SchedulerDriver::start(Recording::new(), framework, backend);
    let session = peer.session().await;
    session.send(subscribed_at(Some("1.8.1"))).await;
    driver.when_subscribed().await.unwrap();
    let error = driver.update_framework(info, [], None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "UPDATE_FRAMEWORK needs Mesos 1.9.0 or newer, but the master runs Mesos 1.8.1"
    );
    assert!(session.pending_call().is_none());
}
