//! Tests of the framework's id and its store.

use mesos_core::BoxError;
use mesos_core::scheduler::RemovedPolicy;
use mesos_core::store::{MemoryStore, Store};

use super::*;

fn framework(store: impl Store + 'static) -> Framework {
    Framework::with_failover_timeout("test", Duration::from_secs(3600)).store(store)
}

/// A store whose operations fail as configured.
#[derive(Debug)]
struct Broken {
    load: bool,
    save: bool,
    clear: bool,
}

impl Broken {
    fn answer(fails: bool) -> Result<(), BoxError> {
        if fails {
            Err("disk full".into())
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Store for Broken {
    async fn load(&self) -> Result<Option<FrameworkId>, BoxError> {
        Self::answer(self.load).map(|()| None)
    }
    async fn save(&self, _: &FrameworkId) -> Result<(), BoxError> {
        Self::answer(self.save)
    }
    async fn clear(&self) -> Result<(), BoxError> {
        Self::answer(self.clear)
    }
}

#[tokio::test(start_paused = true)]
async fn a_stored_id_is_in_both_fields_of_subscribe_from_the_first_attempt_on() {
    let store = MemoryStore::new();
    store.save(&"f1".into()).await.unwrap();
    let (backend, mut peer) = scripted();
    let recording = Recording::new();
    let driver = SchedulerDriver::start(recording.clone(), framework(store), backend);
    for _ in 0..2 {
        let attempt = peer.attempt().await;
        let subscribe = attempt.call.subscribe.as_ref().unwrap();
        assert_eq!(attempt.call.framework_id, Some("f1".into()));
        assert_eq!(subscribe.framework_info.id, Some("f1".into()));
        attempt.refuse(lost());
    }
    assert_eq!(driver.framework_id(), Some("f1".into()));
}

/// A scheduler that reads the store in `subscribed`.
struct StoreReader(MemoryStore, tokio::sync::mpsc::Sender<Option<FrameworkId>>);

#[async_trait]
impl Scheduler for StoreReader {
    async fn subscribed(&mut self, _: &SchedulerDriver, _: Subscribed) -> HandlerResult {
        self.1.send(self.0.get()).await?;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_id_is_saved_before_subscribed_is_called() {
    let store = MemoryStore::new();
    let (sender, mut received) = tokio::sync::mpsc::channel(1);
    let (backend, mut peer) = scripted();
    let scheduler = StoreReader(store.clone(), sender);
    let _driver = SchedulerDriver::start(scheduler, framework(store), backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    let seen = within("subscribed", received.recv()).await.unwrap();
    assert_eq!(seen, Some("f1".into()));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_load_ends_the_driver_before_it_subscribes() {
    let store = Broken {
        load: true,
        save: false,
        clear: false,
    };
    let (backend, _peer) = scripted();
    let driver = SchedulerDriver::start(Recording::new(), framework(store), backend);
    let error = end_of(&driver).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert_eq!(
        mesos_core::error_chain(&error),
        "the store failed to load the framework's id: disk full"
    );
}

#[tokio::test(start_paused = true)]
async fn an_id_that_cannot_be_saved_ends_the_driver_before_any_call() {
    let store = Broken {
        load: false,
        save: true,
        clear: false,
    };
    let (backend, mut peer) = scripted();
    let recording = Recording::new();
    let driver = SchedulerDriver::start(recording.clone(), framework(store), backend);
    let early = driver.wait_for_subscription(Duration::from_secs(60));
    let early = tokio::spawn(async move { early.kill("t").await });
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    let error = end_of(&driver).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.to_string().contains("f1"), "{error}");
    assert!(recording.seen().is_empty(), "{:?}", recording.seen());
    assert!(session.pending_call().is_none());
    let early = early.await.unwrap().unwrap_err();
    assert_eq!(early.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_differs_from_the_stored_id_is_a_configuration_error() {
    let store = MemoryStore::new();
    store.save(&"f1".into()).await.unwrap();
    let (backend, _peer) = scripted();
    let framework = framework(store).id("f2");
    let driver = SchedulerDriver::start(Recording::new(), framework, backend);
    let error = end_of(&driver).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test(start_paused = true)]
async fn a_removed_framework_ends_the_driver_and_keeps_its_id_in_the_store() {
    let store = MemoryStore::new();
    store.save(&"f1".into()).await.unwrap();
    let (backend, mut peer) = scripted();
    let framework = framework(store.clone());
    let driver = SchedulerDriver::start(Recording::new(), framework, backend);
    let session = peer.session().await;
    session.send(error("Framework has been removed")).await;
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::FrameworkRemoved);
    assert_eq!(store.get(), Some("f1".into()));
}

#[tokio::test(start_paused = true)]
async fn a_removed_framework_registers_as_a_new_one_with_the_policy_new_framework() {
    let store = MemoryStore::new();
    store.save(&"f1".into()).await.unwrap();
    let (backend, mut peer) = scripted();
    let framework = framework(store.clone()).on_removed(RemovedPolicy::NewFramework);
    let recording = Recording::new();
    let driver = SchedulerDriver::start(recording.clone(), framework, backend);
    let session = peer.session().await;
    session.send(error("Framework has been removed")).await;
    let attempt = peer.attempt().await;
    assert_eq!(store.get(), None, "cleared before the next SUBSCRIBE");
    assert_eq!(driver.framework_id(), None);
    assert_eq!(attempt.call.framework_id, None);
    let subscribe = attempt.call.subscribe.as_ref().unwrap();
    assert_eq!(subscribe.framework_info.id, None);
    let session = attempt.grant();
    session.send(subscribed("f2")).await;
    settle(&recording, &session).await;
    assert_eq!(
        recording.seen(),
        ["disconnected FrameworkRemoved 0", "subscribed f2 for f1"]
    );
    assert_eq!(store.get(), Some("f2".into()));
}

#[tokio::test(start_paused = true)]
async fn an_id_that_cannot_be_cleared_ends_the_driver() {
    let store = Broken {
        load: false,
        save: false,
        clear: true,
    };
    let (backend, mut peer) = scripted();
    let framework = framework(store)
        .id("f1")
        .on_removed(RemovedPolicy::NewFramework);
    let driver = SchedulerDriver::start(Recording::new(), framework, backend);
    let session = peer.session().await;
    session.send(error("Framework has been removed")).await;
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::Store);
}

#[tokio::test(start_paused = true)]
async fn a_teardown_removes_the_id_from_the_store() {
    for (failover, left) in [(false, None), (true, Some("f1".into()))] {
        let store = MemoryStore::new();
        let (backend, mut peer) = scripted();
        let framework = framework(store.clone());
        let driver = SchedulerDriver::start(Recording::new(), framework, backend);
        let session = peer.session().await;
        session.send(subscribed("f1")).await;
        driver.when_subscribed().await.unwrap();
        match failover {
            true => driver.stop_for_failover(),
            false => driver.stop(),
        }
        if !failover {
            assert_eq!(type_of(&session.call().await), CallType::Teardown);
        }
        end_of(&driver).await.unwrap();
        assert_eq!(store.get(), left);
    }
}

#[tokio::test(start_paused = true)]
async fn a_teardown_without_a_response_keeps_the_id_in_the_store() {
    let store = MemoryStore::new();
    let (backend, mut peer) = scripted();
    let framework = framework(store.clone());
    let driver = SchedulerDriver::start(Recording::new(), framework, backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    driver.when_subscribed().await.unwrap();
    driver.stop();
    let (_teardown, _answer) = session.unanswered().await;
    end_of(&driver).await.unwrap_err();
    assert_eq!(store.get(), Some("f1".into()));
}

/// A driver that was stopped and whose TEARDOWN stays without an answer, its subscription, and
/// its store.
async fn unanswered_teardown() -> (
    SchedulerDriver,
    Peer<SchedulerApi>,
    Session<SchedulerApi>,
    MemoryStore,
) {
    let store = MemoryStore::new();
    let (backend, mut peer) = scripted();
    let framework = framework(store.clone());
    let driver = SchedulerDriver::start(Recording::new(), framework, backend).detach();
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    driver.when_subscribed().await.unwrap();
    driver.stop();
    let (teardown, answer) = session.unanswered().await;
    assert_eq!(type_of(&teardown), CallType::Teardown);
    let unknown = lost().with_delivery(mesos_core::Delivery::Unknown);
    answer.send(Err(unknown));
    (driver, peer, session, store)
}

#[tokio::test(start_paused = true)]
async fn a_teardown_that_took_effect_without_an_answer_clears_the_store() {
    let (driver, mut peer, session, store) = unanswered_teardown().await;
    session.fail(lost()).await;
    peer.attempt().await.refuse(lost());
    let attempt = peer.attempt().await;
    assert_eq!(attempt.call.framework_id, Some("f1".into()));
    let session = attempt.grant();
    session.send(error("Framework has been removed")).await;
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::Stopped);
    assert_eq!(store.get(), None);
}

#[tokio::test(start_paused = true)]
async fn a_teardown_that_was_lost_is_repeated_over_a_new_subscription() {
    let (driver, mut peer, _session, store) = unanswered_teardown().await;
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    let teardown = session.call().await;
    assert_eq!(type_of(&teardown), CallType::Teardown);
    assert_eq!(teardown.framework_id, Some("f1".into()));
    assert_eq!(end_of(&driver).await.unwrap(), StopReason::Stopped);
    assert_eq!(store.get(), None);
}

#[tokio::test(start_paused = true)]
async fn a_teardown_of_unknown_fate_keeps_the_id_and_says_so() {
    let (driver, mut peer, _session, store) = unanswered_teardown().await;
    let refuse = async {
        loop {
            peer.late_attempt().await.refuse(lost());
        }
    };
    let end = tokio::select! {
        biased;
        end = end_of(&driver) => end.unwrap_err(),
        () = refuse => unreachable!(),
    };
    assert_eq!(end.kind(), ErrorKind::Transport);
    assert_eq!(end.delivery(), mesos_core::Delivery::Unknown);
    assert_eq!(
        end.to_string(),
        "framework f1 may be torn down or not, because TEARDOWN was not answered; its id stays in \
         the store, so the next start continues the framework or reports its removal"
    );
    assert_eq!(store.get(), Some("f1".into()));
}

#[tokio::test(start_paused = true)]
async fn the_removal_of_a_stored_framework_is_an_error_that_names_the_store() {
    let store = MemoryStore::new();
    store.save(&"f1".into()).await.unwrap();
    let (backend, mut peer) = scripted();
    let driver = SchedulerDriver::start(Recording::new(), framework(store), backend);
    let session = peer.session().await;
    session.send(error("Framework has been removed")).await;
    let end = end_of(&driver).await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::FrameworkRemoved);
    assert_eq!(
        mesos_core::error_chain(&end),
        "Mesos has removed framework f1, whose id is in the store; clear the store to start as a \
         new framework, or use RemovedPolicy::NewFramework: Mesos ended the subscription: \
         Framework has been removed"
    );
}
