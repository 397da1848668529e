//! Offers: accepting, declining and losing them.

use mesos_core::{ErrorKind, Offer};
use mesos_proto::v1::scheduler::attribute_constraint::predicate::Predicate;
use mesos_proto::v1::scheduler::attribute_constraint::selector::Selector;
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::scheduler::offer_constraints::{RoleConstraints, role_constraints};
use mesos_proto::v1::scheduler::{
    AttributeConstraint, Call, OfferConstraints, attribute_constraint,
};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{Filters, Resource, TaskState};

use crate::stage::{Stage, Subscribed};
use crate::steps::{
    command, expect_event, framework_id, launch, must, must_fail, offer, one_of_each, task, until,
};
use crate::timeout::REAL_TIMEOUT;
use mesos_testing::{Reaction, RecordedEvent, When, events};

fn message(id: &str, agent: &str, role: &str) -> mesos_proto::v1::Offer {
    let resources = [Resource::scalar("cpus", 1.0), Resource::scalar("mem", 64.0)];
    events::offer(id, agent, role, resources)
}

pub(super) async fn all_offers_become_invalid_when_the_subscription_ends(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let [first, second] = one_of_each(&recorder).await;
    let declines = || master.wire().map(|wire| wire.calls_of(Type::Decline).len());
    let before = declines();
    let outage = master.outage().await;
    recorder.disconnected().await;
    outage.end().await;
    recorder.subscribed().await;
    assert!(!first.is_alive() && !second.is_alive());
    let error = must_fail(driver.launch(first, [task("t")]).await);
    assert_eq!(error.kind(), ErrorKind::OfferGone);
    drop(second);
    must(driver.revive().await);
    if let Some(wire) = master.wire() {
        assert_eq!(wire.calls_of(Type::Accept), []);
    }
    assert_eq!(declines(), before);
    // The resources are offered again.
    assert!(offer(&recorder).await.is_alive());
}

pub(super) async fn accepting_a_rescinded_offer_drops_the_task_and_the_other_offers(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed().await;
    let [first, other_agents] = one_of_each(&recorder).await;
    let agent = first.agent_id.clone();
    // After the end of a task, a part of the agent is offered for a second time.
    must(driver.launch(first, [task("t1")]).await);
    recorder.update(TaskState::TaskRunning).await;
    must(driver.revive().await);
    let rest = offer(&recorder).await;
    must(driver.kill("t1").await);
    recorder.update(TaskState::TaskKilled).await;
    must(driver.revive().await);
    let other = offer(&recorder).await;
    assert_eq!([&rest.agent_id, &other.agent_id], [&agent, &agent]);
    // The RESCINDs are lost, so the driver does not know.
    must(driver.suppress().await);
    stream.mute();
    master.rescind_all_of(&agent).await;
    stream.unmute();
    assert!(rest.is_alive() && other.is_alive());
    let task2 = launch(task("t2"));
    must(driver.accept([rest, other], [task2], None).await);
    let dropped = recorder.update(TaskState::TaskDropped).await;
    assert_eq!(dropped.task_reason(), Some(Ok(Reason::InvalidOffers)));
    assert_eq!(dropped.uuid, None);
    drop(other_agents);
    let acknowledged = master.calls_of(Type::Acknowledge).into_iter();
    let tasks: Vec<_> = acknowledged
        .filter_map(|call| Some(call.acknowledge?.task_id.value))
        .collect();
    assert!(tasks.iter().all(|task| task == "t1"), "{tasks:?}");
}

pub(super) async fn a_rescinded_offer_cannot_be_accepted(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let [first, second] = one_of_each(&recorder).await;
    master.rescind_all_of(&first.agent_id.clone()).await;
    let id = first.id.clone();
    let rescinded =
        |event: &RecordedEvent| matches!(event, RecordedEvent::Rescind(gone) if *gone == id);
    recorder.expect("the rescind", rescinded).await;
    assert!(!first.is_alive() && second.is_alive());
    let error = must_fail(driver.launch(first, [task("t")]).await);
    assert_eq!(error.kind(), ErrorKind::OfferGone);
    if let Some(wire) = master.wire() {
        assert_eq!(wire.calls_of(Type::Accept), []);
    }
}

pub(super) async fn offers_of_two_agents_cannot_be_accepted_together(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let offers = one_of_each(&recorder).await;
    let ids = [offers[0].id.clone(), offers[1].id.clone()];
    let error = must_fail(driver.accept(offers, [launch(task("t"))], None).await);
    assert_eq!(error.kind(), ErrorKind::Config);
    // The offers are declined.
    if let Some(wire) = master.wire() {
        let mut declined = Vec::new();
        while !ids.iter().all(|id| declined.contains(id)) {
            let call = wire.expect(Type::Decline).await.into_call();
            declined.extend(call.decline.unwrap_or_default().offer_ids);
        }
        assert_eq!(wire.calls_of(Type::Accept), []);
    }
    let again = one_of_each(&recorder).await;
    assert!(again.iter().all(|offer| !ids.contains(&offer.id)));
}

pub(super) async fn offers_of_two_roles_cannot_be_accepted_together(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed_to_script().await;
    let pair = [message("o3", "a", "*"), message("o4", "a", "web")];
    stream.send(events::offers(pair));
    let offers: Vec<Offer> = recorder.offers().await;
    let error = must_fail(driver.accept(offers, [launch(task("t"))], None).await);
    assert_eq!(error.kind(), ErrorKind::Config);
    master.expect(Type::Decline).await;
    must(driver.revive().await);
    assert_eq!(master.calls_of(Type::Accept), []);
}

pub(super) async fn a_rescind_of_a_used_offer_is_ignored(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        stream,
    } = stage.subscribed_to_script().await;
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

fn refusing_for(seconds: f64) -> Option<Filters> {
    Some(Filters {
        refuse_seconds: Some(seconds),
    })
}

pub(super) async fn a_decline_without_filters_lasts_five_seconds_or_until_revive(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let [first, second] = one_of_each(&recorder).await;
    let (refused, wanted) = (first.agent_id.clone(), second.agent_id.clone());
    must(driver.decline([first], None).await);
    if let Some(wire) = master.wire() {
        let decline = wire.expect(Type::Decline).await.into_call();
        let filters = decline.decline.and_then(|decline| decline.filters);
        let seconds = filters.map_or(5.0, |filters| filters.refuse_seconds());
        assert_eq!(seconds, 5.0);
    }
    // An offer that is declined with 0 s is made again, alone.
    must(driver.decline([second], refusing_for(0.0)).await);
    let offers = recorder.offers().await;
    assert!(
        offers.iter().all(|offer| offer.agent_id == wanted),
        "{offers:?}"
    );
    must(driver.revive().await);
    assert_eq!(offer(&recorder).await.agent_id, refused);
}

pub(super) async fn a_dropped_offer_is_declined(stage: Stage) {
    let Subscribed {
        master, recorder, ..
    } = stage.subscribed().await;
    let [first, second] = one_of_each(&recorder).await;
    let (id, agent) = (first.id.clone(), first.agent_id.clone());
    drop(first);
    if let Some(wire) = master.wire() {
        let names = |call: &mesos_proto::v1::scheduler::Call| {
            let decline = call.decline.as_ref();
            decline.is_some_and(|decline| decline.offer_ids.contains(&id))
        };
        let received = wire.expect_call(names).await;
        assert_eq!(received.status, Some(202));
    } else {
        // The resources are offered again when the filter ends.
        assert_eq!(offer(&recorder).await.agent_id, agent);
    }
    assert!(second.is_alive());
}

pub(super) async fn revive_ends_the_suppression_of_a_role(stage: Stage) {
    let framework = stage.framework().role("web").role("batch");
    let framework = framework.suppressed_roles(["web"]);
    let Subscribed {
        master: _master,
        recorder,
        driver,
        ..
    } = stage.subscribed_as(framework).await;
    let offers = one_of_each(&recorder).await;
    assert!(offers.iter().all(|offer| offer.role() == "batch"));
    must(driver.suppress_roles(["batch"]).await);
    must(driver.decline(offers, None).await);
    must(driver.revive_roles(["web"]).await);
    let offers = recorder.offers().await;
    assert!(offers.iter().all(|offer| offer.role() == "web"));
}

pub(super) async fn each_role_receives_its_own_offers(stage: Stage) {
    let framework = stage.framework().role("web").role("batch");
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed_as(framework).await;
    let mut offers: Vec<Offer> = Vec::new();
    for role in ["web", "batch"] {
        let other = if role == "web" { "batch" } else { "web" };
        drop(std::mem::take(&mut offers));
        must(driver.suppress_roles([other]).await);
        must(driver.revive_roles([role]).await);
        // Offers that were on their way may be for the other role.
        let offer = loop {
            let offer = offer(&recorder).await;
            if offer.role() == role {
                break offer;
            }
        };
        let allocated = offer.resources.iter().map(|resource| {
            let info = resource.allocation_info.as_ref();
            info.and_then(|info| info.role.as_deref())
        });
        assert!(allocated.into_iter().all(|to| to == Some(role)));
        let id = format!("of {role}").replace(' ', "-");
        must(driver.launch(offer, [task(&id)]).await);
        let running = recorder.update(TaskState::TaskRunning).await;
        assert_eq!(running.task_id, id.as_str());
    }
    if let Some(wire) = master.wire() {
        assert_eq!(wire.calls_of(Type::Accept).len(), 2);
    }
}

pub(super) async fn an_unsubscribed_role_cannot_be_revived_or_suppressed(stage: Stage) {
    let framework = stage.framework().role("web");
    let Subscribed { master, driver, .. } = stage.subscribed_as(framework).await;
    // The master would drop the whole call silently, the valid role included.
    for roles in [["web", "batch"], ["batch", "web"]] {
        let error = must_fail(driver.revive_roles(roles).await);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("batch"), "{error}");
        let error = must_fail(driver.suppress_roles(roles).await);
        assert_eq!(error.kind(), ErrorKind::Config);
    }
    must(driver.revive_roles(["web"]).await);
    if let Some(wire) = master.wire() {
        assert_eq!(wire.calls_of(Type::Revive).len(), 1);
        assert_eq!(wire.calls_of(Type::Suppress), []);
    }
}

/// Constraints that allow only agents with the attribute `rack` for this role.
pub(super) fn only_with_rack(role: &str) -> OfferConstraints {
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
    OfferConstraints {
        role_constraints: [(role.to_owned(), of_role)].into(),
    }
}

pub(super) async fn offer_constraints_exclude_agents(stage: Stage) {
    let framework = stage.framework().role("web").role("batch");
    let framework = framework.offer_constraints(only_with_rack("web"));
    let mut info = framework.info().clone();
    let Subscribed {
        master: _master,
        recorder,
        driver,
        ..
    } = stage.subscribed_as(framework).await;
    // The agents have no attribute `rack`.
    let offers = one_of_each(&recorder).await;
    assert!(offers.iter().all(|offer| offer.role() == "batch"));
    info.id = driver.framework_id();
    let updated = driver.update_framework(info, ["batch".to_owned()], None);
    must(updated.await);
    must(driver.decline(offers, refusing_for(0.0)).await);
    let role = expect_event(
        &recorder,
        "an offer for the other role",
        |event| match event {
            RecordedEvent::Offers(offered) => offered
                .messages
                .iter()
                .filter_map(|offer| offer.allocation_info.as_ref()?.role.clone())
                .find(|role| role == "web"),
            _ => None,
        },
    );
    role.await;
}

/// A fault of the next ACCEPT or DECLINE: refused, lost, or carried out without an answer.
fn fault(random: &mut fastrand::Rng) -> Option<Reaction> {
    match random.u8(..6) {
        0 => Some(Reaction::respond(503, "the proxy is overloaded")),
        1 => Some(Reaction::respond(401, "the token has expired")),
        2 => Some(Reaction::Close),
        3 => Some(Reaction::ExecuteAndClose),
        _ => None,
    }
}

/// Makes a call that is safe to repeat until the master accepts the call. The driver's own DECLINE
/// may break the connection under it.
async fn repeated<F: Future<Output = mesos_core::Result<()>>>(make: impl Fn() -> F) {
    let accepted = async {
        while make().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    let timeout = tokio::time::timeout(REAL_TIMEOUT, accepted).await;
    timeout.expect("an accepted call");
}

pub(super) async fn no_offer_is_lost_through_failed_calls(stage: Stage) {
    let Subscribed {
        master,
        recorder,
        driver,
        ..
    } = stage.subscribed().await;
    let id = framework_id(&driver);
    let driver = driver.wait_for_subscription(REAL_TIMEOUT);
    // The same faults in every run.
    let mut random = fastrand::Rng::with_seed(7);
    let mut failures = 0;
    for round in 0..8 {
        repeated(|| driver.revive()).await;
        for (number, offer) in recorder.offers().await.into_iter().enumerate() {
            if let Some(reaction) = fault(&mut random) {
                let uses_offers = |call: &Call| call.accept.is_some() || call.decline.is_some();
                master.react(When::call(uses_offers), reaction);
            }
            let task = command(&format!("t-{round}-{number}"), "true");
            let result = match random.u8(..5) {
                0 => {
                    drop(offer);
                    Ok(())
                }
                1 => driver.decline([offer], refusing_for(0.0)).await,
                // The first poll queues the call, and then its future is dropped.
                2 => tokio::select! {
                    biased;
                    result = driver.launch(offer, [task]) => result,
                    () = std::future::ready(()) => Ok(()),
                },
                _ => driver.launch(offer, [task]).await,
            };
            failures += usize::from(result.is_err());
        }
        if random.u8(..4) == 0 {
            master.stream().cut();
            recorder.disconnected().await;
            recorder.subscribed().await;
        }
    }
    assert!(failures >= 3, "only {failures} calls failed");
    repeated(|| driver.suppress()).await;
    master.clear_reactions();
    // Offers that the scheduler still holds are outstanding for both.
    until(|| async { master.outstanding_offers(&id).await == driver.health().offers_held }).await;
    until(|| async {
        for event in recorder.events() {
            if let RecordedEvent::Offers(offered) = event {
                drop(offered.take());
            }
        }
        master.outstanding_offers(&id).await == 0 && driver.health().offers_held == 0
    })
    .await;
}
