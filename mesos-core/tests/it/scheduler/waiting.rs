//! What becomes of calls that find no subscription, or lose theirs.

use mesos_core::Delivery;

use super::*;

/// A driver whose subscription was just lost.
async fn disconnected(tell: &Tell) -> (SchedulerDriver, Peer<SchedulerApi>) {
    let (driver, mut peer, session) = start(tell).await;
    session.fail(lost()).await;
    let attempt = peer.attempt().await;
    attempt.refuse(lost());
    (driver, peer)
}

#[tokio::test(start_paused = true)]
async fn a_patient_call_waits_for_the_next_subscription() {
    let (driver, mut peer) = disconnected(&Tell::new()).await;
    let patient = driver.wait_for_subscription(Duration::from_secs(60));
    let calls = async { tokio::join!(patient.kill("t1"), patient.kill("t2")) };
    let made = async {
        let session = peer.session().await;
        session.send(subscribed("f1")).await;
        let task = |call: Call| call.kill.unwrap().task_id;
        [task(session.call().await), task(session.call().await)]
    };
    let ((first, second), made) = tokio::join!(calls, made);
    first.unwrap();
    second.unwrap();
    assert_eq!(made, ["t1", "t2"], "in the order in which they were made");
}

#[tokio::test(start_paused = true)]
async fn a_patient_call_that_waits_in_vain_was_not_sent() {
    let (driver, _peer) = disconnected(&Tell::new()).await;
    let before = tokio::time::Instant::now();
    let patient = driver.wait_for_subscription(Duration::from_secs(7));
    let error = patient.kill("t1").await.unwrap_err();
    assert_eq!(before.elapsed().as_secs(), 7);
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert!(error.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn a_patient_call_ends_with_its_driver() {
    let (driver, _peer) = disconnected(&Tell::new()).await;
    let patient = driver.wait_for_subscription(Duration::from_secs(60));
    let (error, ()) = tokio::join!(patient.kill("t1"), async { driver.abort() });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Closed);
    let error = driver.when_subscribed().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_subscription_ends_with_it() {
    let (driver, mut peer) = disconnected(&Tell::new()).await;
    let subscribe = async {
        let session = peer.session().await;
        session.send(subscribed("f1")).await;
        session
    };
    let (waited, session) = tokio::join!(within("it", driver.when_subscribed()), subscribe);
    waited.unwrap();
    let (kill, _) = tokio::join!(driver.kill("t"), session.call());
    kill.unwrap();
}

/// Waits where waiting cannot help.
struct Waits(tokio::sync::mpsc::Sender<(Error, Error)>);

#[async_trait]
impl Scheduler for Waits {
    async fn disconnected(&mut self, driver: &SchedulerDriver, _: Disconnected) -> HandlerResult {
        let patient = driver.wait_for_subscription(Duration::from_secs(3600));
        let waited = driver.when_subscribed().await.unwrap_err();
        let killed = patient.kill("t").await.unwrap_err();
        self.0.send((waited, killed)).await?;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_cannot_wait_for_what_happens_after_it() {
    let (errors, mut told) = tokio::sync::mpsc::channel(1);
    let (backend, mut peer) = scripted();
    let _driver = SchedulerDriver::start(Waits(errors), Framework::ephemeral("f"), backend);
    let before = tokio::time::Instant::now();
    peer.attempt().await.refuse(lost());
    let (waited, killed) = within("the handler", told.recv()).await.unwrap();
    assert_eq!(waited.kind(), ErrorKind::NotSubscribed);
    assert_eq!(killed.kind(), ErrorKind::NotSubscribed);
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_when_its_subscription_is_lost_has_an_unknown_fate() {
    let (driver, _peer, session) = start(&Tell::new()).await;
    driver.when_subscribed().await.unwrap();
    let lose = async {
        let (_call, answer) = session.unanswered().await;
        session.fail(lost()).await;
        // The backend never says what became of the call.
        answer
    };
    let (killed, _answer) = tokio::join!(within("a fate", driver.kill("t")), lose);
    let error = killed.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    assert_eq!(error.delivery(), Delivery::Unknown);
}

#[tokio::test(start_paused = true)]
async fn what_mesos_would_ignore_without_a_word_is_refused_before_it_is_sent() {
    let tell = keeping();
    let (driver, _peer, session) = start(&tell).await;
    session
        .send(offers(&[("o1", "a"), ("o2", "a"), ("o3", "a")]))
        .await;
    settle(&tell, &session).await;
    let task = |id: &str| TaskInfo {
        task_id: id.into(),
        ..Default::default()
    };
    let negative = v1::Filters {
        refuse_seconds: Some(-1.0),
    };
    let errors = [
        driver.revive_roles(["other"]).await,
        driver.suppress_roles(["other"]).await,
        driver.kill("a/b").await,
        driver.launch(tell.take_offer(), [task("")]).await,
        driver
            .launch(tell.take_offer(), [task("t"), task("t")])
            .await,
        driver.decline([tell.take_offer()], Some(negative)).await,
    ];
    for error in errors {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Config);
    }
    let mut declined = Vec::new();
    while declined.len() < 3 {
        declined.extend(session.call().await.decline.expect("a DECLINE").offer_ids);
    }
    assert_eq!(declined, ["o1", "o2", "o3"], "with the default filter");
}
