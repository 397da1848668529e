//! Tests of reconciliation.

use mesos_core::scheduler::{KillOptions, ReconcilePolicy};

use super::*;

fn reconciling() -> Framework {
    Framework::ephemeral("test").reconcile(ReconcilePolicy::default())
}

async fn subscribe(peer: &mut Peer<SchedulerApi>) -> Session<SchedulerApi> {
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    session
}

/// Receives the next call, a RECONCILE, and returns its tasks.
async fn reconciled_tasks(session: &Session<SchedulerApi>) -> Vec<String> {
    let call = session.call().await;
    let tasks = call.reconcile.expect("a RECONCILE").tasks;
    let name = |task: v1::scheduler::call::reconcile::Task| {
        let agent = task.agent_id.map(|agent| format!("@{agent}"));
        format!("{}{}", task.task_id, agent.unwrap_or_default())
    };
    tasks.into_iter().map(name).collect()
}

fn known(tasks: &[&str]) -> Vec<(v1::TaskId, Option<v1::AgentId>)> {
    let task = |id: &&str| ((*id).into(), Some("agent".into()));
    tasks.iter().map(task).collect()
}

#[tokio::test(start_paused = true)]
async fn a_reconciliation_is_repeated_until_each_task_has_an_update() {
    let (driver, _peer, session) = start(&Recording::new()).await;
    driver.when_subscribed().await.unwrap();
    driver
        .reconcile_until_answered(known(&["t1", "t2"]))
        .unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(reconciled_tasks(&session).await, ["t1@agent", "t2@agent"]);
    session.send(update("t1", None)).await;
    // The agent of the other task has not reregistered yet.
    let mut rounds = 0;
    while began.elapsed() < Duration::from_secs(600) {
        assert_eq!(late_reconciled_tasks(&session).await, ["t2@agent"]);
        rounds += 1;
    }
    assert!((4..=9).contains(&rounds), "{rounds} rounds in 10 min");
    let waiting = driver.reconciled();
    let (waited, ()) = tokio::join!(within("the end", waiting), session.send(update("t2", None)));
    waited.unwrap();
}

/// Same as [`reconciled_tasks`], for a call after minutes.
async fn late_reconciled_tasks(session: &Session<SchedulerApi>) -> Vec<String> {
    let until = tokio::time::Instant::now() + Duration::from_secs(600);
    let asked = tokio::time::timeout_at(until, session.late_call()).await;
    let tasks = asked.unwrap().reconcile.expect("a RECONCILE").tasks;
    let name = |task: v1::scheduler::call::reconcile::Task| {
        format!("{}@{}", task.task_id, task.agent_id.unwrap())
    };
    tasks.into_iter().map(name).collect()
}

#[tokio::test(start_paused = true)]
async fn launched_tasks_are_reconciled_after_each_subscription() {
    let recording = holding_offers();
    let (backend, mut peer) = scripted();
    let driver = SchedulerDriver::start(recording.clone(), reconciling(), backend);
    let session = subscribe(&mut peer).await;
    assert!(
        reconciled_tasks(&session).await.is_empty(),
        "first an implicit reconciliation"
    );
    assert!(session.call().await.reconcile_operations.is_some());
    within("no task", driver.reconciled()).await.unwrap();
    session.send(offers(&[("o1", "a")])).await;
    settle(&recording, &session).await;
    let task = |id: &str| TaskInfo {
        task_id: id.into(),
        ..Default::default()
    };
    let launch = driver.launch(recording.pop_offer(), [task("t1"), task("t2")]);
    let (launched, _) = tokio::join!(launch, session.call());
    launched.unwrap();
    let mut finished = update("t2", None);
    finished.update.as_mut().unwrap().status.state = TaskState::TaskFinished as i32;
    session.send(finished).await;
    settle(&recording, &session).await;
    session.fail(lost()).await;
    let session = subscribe(&mut peer).await;
    assert_eq!(reconciled_tasks(&session).await, ["t1@a"]);
}

#[tokio::test(start_paused = true)]
async fn an_update_whose_handler_failed_does_not_end_a_reconciliation() {
    let mut failures = 1;
    let recording = Recording::with_update(move |_| {
        failures -= 1;
        if failures == 0 {
            Err("database away".into())
        } else {
            Ok(())
        }
    });
    let (driver, _peer, session) = start(&recording).await;
    driver.when_subscribed().await.unwrap();
    driver.reconcile_until_answered(known(&["t1"])).unwrap();
    assert_eq!(reconciled_tasks(&session).await, ["t1@agent"]);
    session.send(update("t1", None)).await;
    assert_eq!(reconciled_tasks(&session).await, ["t1@agent"], "again");
    session.send(update("t1", None)).await;
    within("the end", driver.reconciled()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn tasks_of_an_accept_with_unknown_delivery_are_reconciled_after_the_next_subscription() {
    let recording = holding_offers();
    let (driver, mut peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a")])).await;
    settle(&recording, &session).await;
    let task = TaskInfo {
        task_id: "t1".into(),
        ..Default::default()
    };
    let lose = async {
        let (call, answer) = session.unanswered().await;
        assert!(call.accept.is_some());
        drop(answer);
        session.fail(lost()).await;
    };
    let (launched, ()) = tokio::join!(driver.launch(recording.pop_offer(), [task]), lose);
    let error = launched.unwrap_err();
    assert_eq!(error.delivery(), mesos_core::Delivery::Unknown);
    let session = subscribe(&mut peer).await;
    assert_eq!(reconciled_tasks(&session).await, ["t1@a"]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_delivery_that_is_detected_on_the_next_subscription_is_reconciled_immediately() {
    let recording = holding_offers();
    let (driver, mut peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a")])).await;
    settle(&recording, &session).await;
    let task = TaskInfo {
        task_id: "t1".into(),
        ..Default::default()
    };
    let lose = async {
        let (_, answer) = session.unanswered().await;
        session.fail(lost()).await;
        let next = subscribe(&mut peer).await;
        driver.when_subscribed().await.unwrap();
        drop(answer);
        next
    };
    let launch = driver.launch(recording.pop_offer(), [task]);
    let (launched, next) = tokio::join!(launch, lose);
    launched.unwrap_err();
    let since = tokio::time::Instant::now();
    assert_eq!(reconciled_tasks(&next).await, ["t1@a"]);
    assert_eq!(since.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_launch_whose_future_was_dropped_has_an_unknown_delivery() {
    let recording = holding_offers();
    let (driver, _peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a")])).await;
    settle(&recording, &session).await;
    let task = TaskInfo {
        task_id: "t1".into(),
        ..Default::default()
    };
    let launch = driver.launch(recording.pop_offer(), [task]);
    tokio::select! {
        biased;
        _ = launch => panic!("no response was sent"),
        _ = session.unanswered() => {}
    }
    let decline = session.call().await.decline.expect("a DECLINE");
    assert_eq!(decline.offer_ids, ["o1"]);
    assert_eq!(reconciled_tasks(&session).await, ["t1@a"]);
}

/// A scheduler that waits for a reconciliation in its handler.
struct WaitingScheduler(tokio::sync::mpsc::Sender<Error>);

#[async_trait]
impl Scheduler for WaitingScheduler {
    async fn subscribed(&mut self, driver: &SchedulerDriver, _: Subscribed) -> HandlerResult {
        self.0.send(driver.reconciled().await.unwrap_err()).await?;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_cannot_wait_for_a_reconciliation() {
    let (sender, mut received) = tokio::sync::mpsc::channel(1);
    let (backend, mut peer) = scripted();
    let _driver =
        SchedulerDriver::start(WaitingScheduler(sender), Framework::ephemeral("f"), backend);
    let _session = subscribe(&mut peer).await;
    let error = within("the handler", received.recv()).await.unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_reconciliation_ends_with_the_driver() {
    let (backend, _peer) = scripted();
    let driver = SchedulerDriver::start(Recording::new(), reconciling(), backend);
    let (waited, ()) = tokio::join!(driver.reconciled(), async { driver.abort() });
    assert_eq!(waited.unwrap_err().kind(), ErrorKind::Closed);
}

/// A driver that was just asked about 20,000 tasks: `t0`, `t1`, and so on.
async fn start_with_many_tasks() -> (SchedulerDriver, Peer<SchedulerApi>, Session<SchedulerApi>) {
    let (driver, peer, session) = start(&Recording::new()).await;
    driver.when_subscribed().await.unwrap();
    let task = |number| (format!("t{number}").into(), Some("agent".into()));
    let tasks = (0..20_000).map(task);
    driver.reconcile_until_answered(tasks).unwrap();
    (driver, peer, session)
}

#[tokio::test(start_paused = true)]
async fn many_tasks_are_requested_as_their_answers_arrive() {
    let (driver, _peer, session) = start_with_many_tasks().await;
    let began = tokio::time::Instant::now();
    let mut asked = Vec::new();
    let mut answered = 0;
    while answered < 20_000 {
        while asked.len() < 20_000 && asked.len() <= answered + 7_000 {
            let tasks = reconciled_tasks(&session).await;
            assert!(tasks.len() <= 1_000);
            asked.extend(tasks);
        }
        let task = asked[answered].trim_end_matches("@agent").to_owned();
        session.send(update(&task, None)).await;
        answered += 1;
    }
    within("the end", driver.reconciled()).await.unwrap();
    let expected: Vec<_> = (0..20_000)
        .map(|number| format!("t{number}@agent"))
        .collect();
    assert_eq!(asked, expected);
    assert_eq!(began.elapsed(), Duration::ZERO, "nothing waited");
}

#[tokio::test(start_paused = true)]
async fn a_kill_does_not_wait_for_tasks_that_are_held_back_until_no_answer_comes() {
    let (driver, _peer, session) = start_with_many_tasks().await;
    let began = tokio::time::Instant::now();
    let mut asked = 0;
    while asked < 8_000 {
        asked += reconciled_tasks(&session).await.len();
    }
    driver.kill_until_ended("t1", KillOptions::new()).unwrap();
    let call = session.call().await;
    assert_eq!(call.kill.expect("a KILL").task_id, "t1");
    assert_eq!(began.elapsed(), Duration::ZERO);
    while asked < 20_000 {
        asked += reconciled_tasks(&session).await.len();
    }
    assert_eq!(asked, 20_000);
    assert_eq!(began.elapsed(), Duration::from_secs(1));
}
