//! Offers: accepted, declined, gone.

use mesos_core::{ErrorKind, Offer};
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{Filters, Resource, TaskState, offer::Operation, offer::operation};

use super::transport::must_fail;
use super::updates::{offer, task};
use super::{Harness, Subscribed, must};
use crate::{Agent, FakeMaster, Recorder, Told, events};

fn message(id: &str, agent: &str, role: &str) -> mesos_proto::v1::Offer {
    let resources = [Resource::scalar("cpus", 1.0), Resource::scalar("mem", 64.0)];
    events::offer(id, agent, role, resources)
}

fn launch(id: &str) -> Operation {
    Operation {
        r#type: Some(operation::Type::Launch as i32),
        launch: Some(operation::Launch {
            task_infos: vec![task(id)],
        }),
        ..Default::default()
    }
}

pub(super) async fn all_offers_are_forgotten_when_the_subscription_is_lost(harness: Harness) {
    let subscribed = harness.subscribed().await;
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = &subscribed;
    stream.send(events::offers([
        message("o1", "a", "*"),
        message("o2", "a", "*"),
    ]));
    let mut offers = recorder.offers().await;
    stream.cut();
    recorder.subscribed().await;
    assert!(offers.iter().all(|offer| !offer.is_alive()));
    let error = must_fail(driver.launch(offers.remove(0), [task("t")]).await);
    assert_eq!(error.kind(), ErrorKind::OfferGone);
    drop(offers);
    must(driver.revive([]).await);
    let types: Vec<_> = master.calls().iter().map(|call| call.r#type()).collect();
    assert_eq!(types, [Type::Subscribe, Type::Subscribe, Type::Revive]);
}

pub(super) async fn accepting_a_rescinded_offer_uses_up_the_others_and_drops_the_task(
    harness: Harness,
) {
    let master = FakeMaster::builder().agent(Agent::new("a").having("cpus:2;mem:256"));
    let subscribed = harness.subscribed_to(must(master.start().await)).await;
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = &subscribed;
    let first = offer(&subscribed).await;
    // Half of the agent is offered a second time, after a task has ended.
    must(driver.launch(first, [task("t1")]).await);
    recorder.update(TaskState::TaskRunning).await;
    must(driver.revive([]).await);
    let rest = offer(&subscribed).await;
    must(driver.kill("t1", None, None).await);
    recorder.update(TaskState::TaskKilled).await;
    must(driver.revive([]).await);
    let other = offer(&subscribed).await;
    // The RESCIND is lost on the way, so the driver cannot know.
    stream.mute();
    assert!(master.rescind(&rest.id));
    stream.unmute();
    let id = other.id.clone();
    assert!(rest.is_alive() && other.is_alive());
    must(driver.accept([rest, other], [launch("t2")], None).await);
    let dropped = recorder.update(TaskState::TaskDropped).await;
    assert_eq!(dropped.task_reason(), Some(Ok(Reason::InvalidOffers)));
    assert_eq!(dropped.uuid, None);
    let held = master.offers(stream.framework_id());
    assert!(!held.contains(&id), "{held:?}");
    must(driver.revive([]).await);
    // What the driver does know it says before anything is sent.
    let offers = recorder.offers().await;
    let id = offers[0].id.clone();
    assert!(master.rescind(&id));
    recorder
        .expect(
            "the rescind",
            |told| matches!(told, Told::Rescind(gone) if *gone == id),
        )
        .await;
    let error = must_fail(driver.accept(offers, [launch("t3")], None).await);
    assert_eq!(error.kind(), ErrorKind::OfferGone);
    must(driver.revive([]).await);
    let acknowledged = master.calls_of(Type::Acknowledge).into_iter();
    let tasks: Vec<_> = acknowledged
        .filter_map(|call| Some(call.acknowledge?.task_id.value))
        .collect();
    assert!(tasks.iter().all(|task| task == "t1"), "{tasks:?}");
}

pub(super) async fn offers_of_two_agents_or_two_roles_are_refused_locally(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed().await;
    for pair in [
        [message("o1", "a", "*"), message("o2", "b", "*")],
        [message("o3", "a", "*"), message("o4", "a", "web")],
    ] {
        stream.send(events::offers(pair));
        let offers: Vec<Offer> = recorder.offers().await;
        let error = must_fail(driver.accept(offers, [launch("t")], None).await);
        assert_eq!(error.kind(), ErrorKind::Config);
        // They are not hoarded either.
        let declined = master.expect(Type::Decline).await.into_call();
        assert!(declined.decline.is_some());
    }
    must(driver.revive([]).await);
    assert_eq!(master.calls_of(Type::Accept), []);
}

pub(super) async fn a_rescind_of_an_offer_that_is_gone_is_ignored(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = harness.subscribed().await;
    stream.send(events::offers([
        message("o1", "a", "*"),
        message("o2", "a", "*"),
    ]));
    let mut offers = recorder.offers().await;
    must(driver.decline([offers.remove(0)], None).await);
    must(driver.launch(offers.remove(0), [task("t")]).await);
    for id in ["o1", "o2", "never offered"] {
        stream.send(events::rescind(id));
    }
    stream.send(events::offers([message("o3", "a", "*")]));
    let offers = recorder.offers().await;
    assert!(offers[0].is_alive());
    must(driver.decline(offers, None).await);
    assert_eq!(master.calls_of(Type::Decline).len(), 2);
    assert_eq!(master.calls_of(Type::Subscribe).len(), 1);
}

pub(super) async fn a_decline_without_filters_means_five_seconds_and_revive_clears_it(
    harness: Harness,
) {
    let master = FakeMaster::builder().agent(Agent::new("a")).start();
    let subscribed = harness.subscribed_to(must(master.await)).await;
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = &subscribed;
    must(driver.decline([offer(&subscribed).await], None).await);
    let decline = master.expect(Type::Decline).await.into_call();
    let filters = decline.decline.and_then(|decline| decline.filters);
    let seconds = filters.map_or(5.0, |filters| filters.refuse_seconds());
    assert_eq!(seconds, 5.0);
    // Another agent makes an allocation, in which the first has no part.
    master.add_agent(Agent::new("b"));
    let offers = recorder.offers().await;
    assert!(
        offers.iter().all(|offer| offer.agent_id == "b"),
        "{offers:?}"
    );
    must(driver.revive([]).await);
    assert_eq!(offer(&subscribed).await.agent_id, "a");
    // What is not to be refused at all says so.
    let at_once = Filters {
        refuse_seconds: Some(0.0),
    };
    must(driver.decline(offers, Some(at_once)).await);
    assert_eq!(offer(&subscribed).await.agent_id, "b");
}

pub(super) async fn an_offer_that_is_dropped_is_declined(harness: Harness) {
    let Subscribed {
        master,
        recorder,
        stream,
        ..
    } = harness.subscribed().await;
    stream.send(events::offers([message("o1", "a", "*")]));
    drop(recorder.offers().await);
    let decline = master.expect(Type::Decline).await.into_call();
    assert_eq!(decline.decline.unwrap_or_default().offer_ids, ["o1"]);
}

pub(super) async fn a_suppressed_role_gets_offers_again_after_revive(harness: Harness) {
    let master = must(FakeMaster::start().await);
    let recorder = Recorder::new();
    let framework = harness.framework().role("web").role("batch");
    let driver = harness.start_as(framework, &master.url(), &recorder);
    recorder.subscribed().await;
    must(driver.suppress(["web".to_owned()]).await);
    master.add_agent(Agent::new("a"));
    let offers = recorder.offers().await;
    assert!(
        offers.iter().all(|offer| offer.role() == "batch"),
        "{offers:?}"
    );
    must(driver.suppress(["batch".to_owned()]).await);
    must(driver.decline(offers, None).await);
    must(driver.revive(["web".to_owned()]).await);
    let offers = recorder.offers().await;
    assert!(
        offers.iter().all(|offer| offer.role() == "web"),
        "{offers:?}"
    );
}

pub(super) async fn reviving_a_role_that_is_not_subscribed_to_is_refused_locally(harness: Harness) {
    let master = must(FakeMaster::scripted().await);
    let recorder = Recorder::new();
    let framework = harness.framework().role("web");
    let driver = harness.start_as(framework, &master.url(), &recorder);
    recorder.subscribed().await;
    // The master would drop the call without a word, the good role as well.
    for roles in [["web", "batch"], ["batch", "web"]] {
        let error = must_fail(driver.revive(roles.map(str::to_owned)).await);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("batch"), "{error}");
        let error = must_fail(driver.suppress(roles.map(str::to_owned)).await);
        assert_eq!(error.kind(), ErrorKind::Config);
    }
    must(driver.revive(["web".to_owned()]).await);
    assert_eq!(master.calls_of(Type::Revive).len(), 1);
    assert_eq!(master.calls_of(Type::Suppress), []);
}
