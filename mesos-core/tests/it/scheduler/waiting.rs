//! Tests of calls without a subscription, and of calls whose subscription is lost.

use mesos_core::Delivery;

use super::*;

/// Starts a driver whose subscription was lost.
async fn disconnected(recording: &Recording) -> (SchedulerDriver, Peer<SchedulerApi>) {
    let (driver, mut peer, session) = start(recording).await;
    session.fail(lost()).await;
    let attempt = peer.attempt().await;
    attempt.refuse(lost());
    (driver, peer)
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_is_sent_on_the_next_subscription() {
    let (driver, mut peer) = disconnected(&Recording::new()).await;
    let waiting = driver.wait_for_subscription(Duration::from_secs(60));
    let calls = async { tokio::join!(waiting.kill("t1"), waiting.kill("t2")) };
    let made = async {
        let session = peer.session().await;
        session.send(subscribed("f1")).await;
        let task = |call: Call| call.kill.unwrap().task_id;
        [task(session.call().await), task(session.call().await)]
    };
    let ((first, second), made) = tokio::join!(calls, made);
    first.unwrap();
    second.unwrap();
    assert_eq!(made, ["t1", "t2"], "in the order of the calls");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_without_a_subscription_fails_after_its_timeout() {
    let (driver, _peer) = disconnected(&Recording::new()).await;
    let before = tokio::time::Instant::now();
    let waiting = driver.wait_for_subscription(Duration::from_secs(7));
    let error = waiting.kill("t1").await.unwrap_err();
    assert_eq!(before.elapsed().as_secs(), 7);
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert!(error.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_ends_with_its_driver() {
    let (driver, _peer) = disconnected(&Recording::new()).await;
    let waiting = driver.wait_for_subscription(Duration::from_secs(60));
    let (error, ()) = tokio::join!(waiting.kill("t1"), async { driver.abort() });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Closed);
    let error = driver.when_subscribed().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn when_subscribed_completes_with_the_next_subscription() {
    let (driver, mut peer) = disconnected(&Recording::new()).await;
    let subscribe = async {
        let session = peer.session().await;
        session.send(subscribed("f1")).await;
        session
    };
    let (waited, session) = tokio::join!(
        within("the subscription", driver.when_subscribed()),
        subscribe
    );
    waited.unwrap();
    let (kill, _) = tokio::join!(driver.kill("t"), session.call());
    kill.unwrap();
}

/// A scheduler that waits for a subscription in its handler.
struct WaitingScheduler(tokio::sync::mpsc::Sender<(Error, Error)>);

#[async_trait]
impl Scheduler for WaitingScheduler {
    async fn disconnected(&mut self, driver: &SchedulerDriver, _: Disconnected) -> HandlerResult {
        let waiting = driver.wait_for_subscription(Duration::from_secs(3600));
        let waited = driver.when_subscribed().await.unwrap_err();
        let killed = waiting.kill("t").await.unwrap_err();
        self.0.send((waited, killed)).await?;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_cannot_wait_for_a_subscription() {
    let (errors, mut received) = tokio::sync::mpsc::channel(1);
    let (backend, mut peer) = scripted();
    let _driver =
        SchedulerDriver::start(WaitingScheduler(errors), Framework::ephemeral("f"), backend);
    let before = tokio::time::Instant::now();
    peer.attempt().await.refuse(lost());
    let (waited, killed) = within("the handler", received.recv()).await.unwrap();
    assert_eq!(waited.kind(), ErrorKind::NotSubscribed);
    assert_eq!(killed.kind(), ErrorKind::NotSubscribed);
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_response_has_an_unknown_delivery_after_a_loss() {
    let (driver, _peer, session) = start(&Recording::new()).await;
    driver.when_subscribed().await.unwrap();
    let lose = async {
        let (_call, answer) = session.unanswered().await;
        session.fail(lost()).await;
        // The backend never reports the result of the call.
        answer
    };
    let (killed, _answer) = tokio::join!(within("the result", driver.kill("t")), lose);
    let error = killed.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    assert_eq!(error.delivery(), Delivery::Unknown);
}

#[tokio::test(start_paused = true)]
async fn calls_that_mesos_ignores_silently_are_rejected_before_they_are_sent() {
    let recording = holding_offers();
    let (driver, _peer, session) = start(&recording).await;
    session
        .send(offers(&[("o1", "a"), ("o2", "a"), ("o3", "a")]))
        .await;
    settle(&recording, &session).await;
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
        driver.launch(recording.pop_offer(), [task("")]).await,
        driver
            .launch(recording.pop_offer(), [task("t"), task("t")])
            .await,
        driver
            .decline([recording.pop_offer()], Some(negative))
            .await,
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

#[tokio::test(start_paused = true)]
async fn a_waiting_call_is_sent_before_earlier_calls_are_answered() {
    let (driver, _peer, session) = start(&Recording::new()).await;
    let waiting = driver.wait_for_subscription(Duration::from_secs(60));
    let calls = async { tokio::join!(waiting.kill("t1"), waiting.kill("t2")) };
    let both = async {
        let (first, first_answer) = session.unanswered().await;
        let (second, second_answer) = session.unanswered().await;
        first_answer.send(Ok(()));
        second_answer.send(Ok(()));
        [first, second].map(|call| call.kill.unwrap().task_id)
    };
    let ((first, second), ids) = tokio::join!(calls, both);
    first.unwrap();
    second.unwrap();
    assert_eq!(ids, ["t1", "t2"]);
}

#[tokio::test(start_paused = true)]
async fn the_time_in_the_queue_does_not_count_as_a_time_without_a_subscription() {
    let (driver, _peer, session) = start(&Recording::new()).await;
    driver.when_subscribed().await.unwrap();
    let waiting = driver.wait_for_subscription(Duration::from_secs(5));
    let calls = (0..100).map(|number| waiting.kill(format!("t{number}")));
    let calls = futures_util::future::join_all(calls);
    let slow_master = async {
        for number in 0..100 {
            let (call, answer) = session.unanswered().await;
            assert_eq!(call.kill.unwrap().task_id, format!("t{number}").as_str());
            tokio::time::sleep(Duration::from_secs(1)).await; // sleep: a slow master, virtual time
            answer.send(Ok(()));
        }
    };
    let (results, ()) = tokio::join!(calls, slow_master);
    for result in results {
        result.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_its_timeout_over_several_outages() {
    let (driver, mut peer) = disconnected(&Recording::new()).await;
    let waiting = driver.wait_for_subscription(Duration::from_secs(3600));
    let lose = async {
        let attempt = peer.attempt().await;
        tokio::time::advance(Duration::from_secs(1000)).await;
        let session = attempt.grant();
        session.send(subscribed("f1")).await;
        let (_, answer) = session.unanswered().await;
        let error = Error::new(ErrorKind::NotSubscribed, "never sent");
        answer.send(Err(error.with_delivery(Delivery::NotSent)));
        session.fail(lost()).await;
        let session = peer.session().await;
        session.send(subscribed("f1")).await;
        session.call().await
    };
    let (killed, call) = tokio::join!(waiting.kill("t1"), lose);
    killed.unwrap();
    assert_eq!(call.kill.unwrap().task_id, "t1");
}
