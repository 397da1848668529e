//! Being subscribed, losing it, and losing it for good.

use mesos_core::ErrorKind;
use mesos_proto::v1::scheduler::attribute_constraint::predicate::Predicate;
use mesos_proto::v1::scheduler::attribute_constraint::selector::Selector;
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::scheduler::offer_constraints::{RoleConstraints, role_constraints};
use mesos_proto::v1::scheduler::{AttributeConstraint, OfferConstraints, attribute_constraint};
use mesos_proto::v1::{TaskState, TaskStatus};

use super::transport::must_fail;
use super::{Harness, Subscribed, must};
use crate::{FakeMaster, Fault, FaultProxy, Recorder, events};

pub(super) async fn the_framework_id_is_in_both_places_from_then_on(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed().await;
    let first = master.expect(Type::Subscribe).await.into_call();
    assert_eq!(first.framework_id, None);
    let id = stream.framework_id();
    assert_eq!(driver.framework_id(), Some(id.clone()));
    must(driver.revive([]).await);
    let call = master.expect(Type::Revive).await.into_call();
    assert_eq!(call.framework_id, Some(id.clone()));
    stream.cut();
    assert_eq!(recorder.subscribed().await.framework_id, id);
    let again = master.expect(Type::Subscribe).await.into_call();
    assert_eq!(again.framework_id, Some(id.clone()));
    let info = again.subscribe.map(|subscribe| subscribe.framework_info);
    assert_eq!(info.and_then(|info| info.id), Some(id));
}

pub(super) async fn an_error_as_first_event_is_no_subscription_and_is_not_retried(
    harness: Harness,
) {
    let master = FakeMaster::builder().scripted().roles(["a", "b"]).start();
    let master = must(master.await);
    let recorder = Recorder::new();
    let framework = harness.framework().role("c");
    let driver = harness.start_as(framework, &master.url(), &recorder);
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::Rejected);
    let said = "are not present in the master's --roles";
    assert!(error.to_string().contains(said), "{error}");
    let told = recorder.told();
    assert!(
        matches!(&told[..], [crate::Told::Error(message)] if message.contains(said)),
        "{told:?}"
    );
    assert_eq!(master.expect(Type::Subscribe).await.status, Some(200));
    assert_eq!(master.received().len(), 1);
}

pub(super) async fn calls_carry_the_stream_id_of_the_newest_subscription_and_subscribe_none(
    harness: Harness,
) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed().await;
    must(driver.revive([]).await);
    let call = master.expect(Type::Revive).await;
    assert_eq!(call.stream_id(), Some(stream.id()));
    stream.cut();
    recorder.subscribed().await;
    let newest = master.expect_stream().await;
    assert_ne!(newest.id(), stream.id());
    must(driver.revive([]).await);
    let call = master.expect(Type::Revive).await;
    assert_eq!(call.stream_id(), Some(newest.id()));
    for _ in 0..2 {
        assert_eq!(master.expect(Type::Subscribe).await.stream_id(), None);
    }
}

pub(super) async fn events_of_a_superseded_stream_are_ignored(harness: Harness) {
    let heartbeat = std::time::Duration::from_millis(40);
    let master = FakeMaster::builder()
        .scripted()
        .heartbeat(heartbeat)
        .start();
    let master = must(master.await);
    let proxy = must(FaultProxy::start(master.address()).await);
    let recorder = Recorder::new();
    let driver = harness.start_as(harness.framework(), &proxy.url(), &recorder);
    recorder.subscribed().await;
    let old = proxy.expect_connection().await;
    // The master does not notice that its words are lost; the driver does.
    proxy.set(Fault::HalfOpen);
    proxy.set_new(Fault::None);
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::HeartbeatLost);
    recorder.subscribed().await;
    // The old stream has had its ERROR by now. If somebody still listened, it
    // would come through.
    old.set(Fault::None);
    let running = TaskStatus::new("t", TaskState::TaskRunning);
    master.send(events::update(running));
    recorder.update(TaskState::TaskRunning).await;
    must(driver.revive([]).await);
    let errors = recorder.told().into_iter();
    assert_eq!(
        errors
            .filter(|told| matches!(told, crate::Told::Error(_)))
            .count(),
        0
    );
}

pub(super) async fn being_taken_over_is_the_end_and_no_resubscription(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed().await;
    let successor = Recorder::new();
    let framework = harness.framework().id(stream.framework_id());
    let newer = harness.start_as(framework, &master.url(), &successor);
    successor.subscribed().await;
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::TakenOver);
    recorder
        .expect("the error", |told| matches!(told, crate::Told::Error(_)))
        .await;
    assert_eq!(must_fail(driver.revive([]).await).kind(), ErrorKind::Closed);
    must(newer.revive([]).await);
    assert_eq!(master.calls_of(Type::Subscribe).len(), 2);
}

pub(super) async fn a_framework_that_was_removed_stops(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed().await;
    // Its stream ends without a word.
    master.teardown(stream.framework_id());
    let lost = recorder.disconnected().await;
    assert_eq!(lost.error.kind(), ErrorKind::Transport);
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::FrameworkRemoved);
    assert_eq!(master.calls_of(Type::Subscribe).len(), 2);
}

pub(super) async fn a_resubscription_repeats_what_was_suppressed_and_constrained(harness: Harness) {
    let master = must(FakeMaster::scripted().await);
    let recorder = Recorder::new();
    let framework = harness.framework().role("web").role("batch");
    let info = framework.info().clone();
    let driver = harness.start_as(framework, &master.url(), &recorder);
    recorder.subscribed().await;
    must(driver.suppress(["web".to_owned()]).await);
    let first = master.expect_stream().await;
    master.expect(Type::Subscribe).await;
    first.cut();
    recorder.subscribed().await;
    let again = master.expect(Type::Subscribe).await.into_call();
    let suppressed = again.subscribe.unwrap_or_default().suppressed_roles;
    assert_eq!(suppressed, ["web"]);

    let selector = Selector::AttributeName("rack".to_owned());
    let exists = AttributeConstraint {
        selector: attribute_constraint::Selector {
            selector: Some(selector),
        },
        predicate: attribute_constraint::Predicate {
            predicate: Some(Predicate::Exists(Default::default())),
        },
    };
    let group = role_constraints::Group {
        attribute_constraints: vec![exists],
    };
    let of_role = RoleConstraints {
        groups: vec![group],
    };
    let constraints = OfferConstraints {
        role_constraints: [("batch".to_owned(), of_role)].into(),
    };
    let updated = driver.update_framework(info, ["batch".to_owned()], Some(constraints.clone()));
    must(updated.await);
    master.stream().cut();
    recorder.subscribed().await;
    let again = master.expect(Type::Subscribe).await.into_call();
    let subscribe = again.subscribe.unwrap_or_default();
    assert_eq!(subscribe.suppressed_roles, ["batch"]);
    assert_eq!(subscribe.offer_constraints, Some(constraints));
}

pub(super) async fn an_update_of_the_framework_is_answered_by_its_effect_or_the_reason(
    harness: Harness,
) {
    let harness = harness.tuned(|tuning| {
        tuning.credential = Some(("me".to_owned(), "secret".to_owned()));
    });
    let master = FakeMaster::builder().scripted().credential("me", "secret");
    let master = must(master.start().await);
    let recorder = Recorder::new();
    let mut info = harness.framework().info().clone();
    let driver = harness.start(&master, &recorder);
    recorder.subscribed().await;
    // The master has filled the principal in at SUBSCRIBE, and wants it here.
    info.principal = None;
    info.name = "renamed".to_owned();
    let error = must_fail(driver.update_framework(info.clone(), [], None).await);
    assert_eq!(error.kind(), ErrorKind::Rejected);
    let said = "Changing framework's principal is not allowed.";
    assert!(error.to_string().contains(said), "{error}");
    info.principal = Some("me".to_owned());
    must(driver.update_framework(info, [], None).await);
    let statuses: Vec<_> = [
        master.expect(Type::UpdateFramework).await,
        master.expect(Type::UpdateFramework).await,
    ]
    .map(|received| received.status)
    .into();
    assert_eq!(statuses, [Some(400), Some(200)]);
}

pub(super) async fn credentials_go_with_every_request_and_wrong_ones_are_the_end(harness: Harness) {
    let with = |harness: &Harness, secret: &str| {
        let credential = Some(("me".to_owned(), secret.to_owned()));
        harness
            .clone()
            .tuned(|tuning| tuning.credential = credential)
    };
    let master = FakeMaster::builder()
        .scripted()
        .credential("me", "hush hush");
    let master = must(master.start().await);
    let Subscribed { master, driver, .. } = with(&harness, "hush hush").subscribed_to(master).await;
    must(driver.revive([]).await);
    let recorder = Recorder::new();
    for harness in [with(&harness, "wrong"), harness] {
        let driver = harness.start(&master, &recorder);
        let error = must_fail(driver.join().await);
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }
    let statuses: Vec<_> = master
        .received()
        .iter()
        .map(|received| received.status)
        .collect();
    assert_eq!(statuses, [200, 202, 401, 401].map(Some));
}
