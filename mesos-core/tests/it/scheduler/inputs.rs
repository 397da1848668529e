//! Messages of the program to its scheduler, and how a program gets its scheduler back.

use mesos_core::scheduler::KillOptions;
use mesos_core::{Driver, Running};
use tokio::sync::mpsc;

use super::*;

/// A scheduler that reports the inputs and updates that it receives.
struct Actor {
    received: mpsc::UnboundedSender<String>,
    inputs: usize,
}

type Started = (
    Running<SchedulerDriver<String>, Actor>,
    mpsc::UnboundedReceiver<String>,
    Peer<SchedulerApi>,
);

impl Actor {
    fn start() -> Started {
        let (received, reports) = mpsc::unbounded_channel();
        let actor = Actor {
            received,
            inputs: 0,
        };
        let (backend, peer) = scripted();
        let running = SchedulerDriver::start(actor, Framework::ephemeral("test"), backend);
        (running, reports, peer)
    }

    fn report(&self, text: impl Into<String>) {
        self.received.send(text.into()).unwrap();
    }
}

#[async_trait]
impl Scheduler<String> for Actor {
    async fn input(&mut self, driver: &SchedulerDriver<String>, input: String) -> HandlerResult {
        self.inputs += 1;
        match input.as_str() {
            "kill" => driver.kill("t").await?,
            "stop" => driver.stop(),
            "again" => drop(driver.send_after(Duration::from_secs(5), "later".to_owned())),
            "join" => {
                let error = driver.join().await.unwrap_err();
                self.report(format!("join: {:?}", error.kind()));
            }
            "panic" => panic!("boom"),
            _ => {}
        }
        self.report(format!("input {input}"));
        Ok(())
    }

    async fn update(
        &mut self,
        _: &SchedulerDriver<String>,
        update: &StatusUpdate,
    ) -> HandlerResult {
        self.report(format!("update {}", update.task_id));
        Ok(())
    }
}

async fn next(reports: &mut mpsc::UnboundedReceiver<String>) -> String {
    within("a report", reports.recv()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn inputs_arrive_in_their_order_before_and_after_the_subscription() {
    let (driver, mut reports, mut peer) = Actor::start();
    driver.send("a".to_owned()).unwrap();
    driver.send("b".to_owned()).unwrap();
    assert_eq!(next(&mut reports).await, "input a");
    assert_eq!(next(&mut reports).await, "input b");

    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    driver.when_subscribed().await.unwrap();
    driver.send("kill".to_owned()).unwrap();
    assert_eq!(session.call().await.kill.unwrap().task_id, "t");
    assert_eq!(next(&mut reports).await, "input kill");

    session.fail(lost()).await;
    let _attempt = peer.attempt().await;
    driver.send("c".to_owned()).unwrap();
    assert_eq!(next(&mut reports).await, "input c");
}

#[tokio::test(start_paused = true)]
async fn inputs_arrive_while_the_driver_waits_before_its_next_attempt() {
    let (driver, mut reports, mut peer) = Actor::start();
    peer.attempt().await.refuse(lost());
    let waits = async {
        while driver.health().state != mesos_core::scheduler::SessionState::BackingOff {
            tokio::task::yield_now().await;
        }
    };
    within("the wait before the next attempt", waits).await;
    driver.send("a".to_owned()).unwrap();
    assert_eq!(next(&mut reports).await, "input a");
}

#[tokio::test(start_paused = true)]
async fn inputs_and_events_do_not_block_each_other() {
    let (driver, mut reports, mut peer) = Actor::start();
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    for _ in 0..1000 {
        driver.send("flood".to_owned()).unwrap();
    }
    session.send(update("t1", None)).await;
    let mut inputs = 0;
    while next(&mut reports).await != "update t1" {
        inputs += 1;
    }
    assert!(inputs < 1000, "the update was delivered last");
}

#[tokio::test(start_paused = true)]
async fn a_delayed_input_arrives_after_its_delay_unless_it_is_canceled() {
    let (driver, mut reports, _peer) = Actor::start();
    let since = tokio::time::Instant::now();
    let timer = driver.send_after(Duration::from_secs(1), "never".to_owned());
    timer.cancel();
    driver.send("again".to_owned()).unwrap();
    assert_eq!(next(&mut reports).await, "input again");
    assert_eq!(next(&mut reports).await, "input later");
    assert!(since.elapsed() >= Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_program_gets_its_scheduler_back_when_the_driver_ends() {
    let (running, mut reports, _peer) = Actor::start();
    running.send("a".to_owned()).unwrap();
    assert_eq!(next(&mut reports).await, "input a");
    let driver = running.clone();
    // Claimed before the driver ends, although the future is polled later.
    let back = running.into_handler();
    driver.send("stop".to_owned()).unwrap();
    driver.join().await.unwrap();
    let (end, actor) = within("the end", back).await;
    assert_eq!(end.unwrap(), StopReason::Stopped);
    assert_eq!(actor.unwrap().inputs, 2);
    let error = driver.send("late".to_owned()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_scheduler_that_nobody_wants_back_is_dropped_when_the_driver_ends() {
    let (running, mut reports, _peer) = Actor::start();
    running.stop();
    running.join().await.unwrap();
    // The channel is closed although `running` is still there.
    assert_eq!(within("the end of the channel", reports.recv()).await, None);
    let (end, actor) = running.into_handler().await;
    assert_eq!(end.unwrap(), StopReason::Stopped);
    assert!(actor.is_none(), "the claim came too late");
}

#[tokio::test(start_paused = true)]
async fn a_scheduler_that_panicked_is_not_given_back() {
    let (running, _reports, _peer) = Actor::start();
    running.send("panic".to_owned()).unwrap();
    let (end, actor) = within("the end", running.into_handler()).await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::Panicked);
    assert!(actor.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_waits_for_its_driver_gets_an_error() {
    let (driver, mut reports, _peer) = Actor::start();
    driver.send("join".to_owned()).unwrap();
    assert_eq!(next(&mut reports).await, "join: Config");
}

#[tokio::test(start_paused = true)]
async fn the_trait_driver_stops_a_driver_and_waits_for_its_end() {
    let (running, _reports, mut peer) = Actor::start();
    let driver: &dyn Driver = &*running;
    assert!(!driver.is_subscribed());
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    driver.when_subscribed().await.unwrap();
    assert_eq!(driver.framework_id(), Some("f1".into()));
    driver.stop();
    assert_eq!(type_of(&session.call().await), CallType::Teardown);
    assert_eq!(driver.join().await.unwrap(), StopReason::Stopped);
}

#[test]
fn starting_outside_of_a_runtime_panics_with_the_name_of_the_function() {
    let panic = std::panic::catch_unwind(|| drop(Actor::start())).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(
        text.starts_with("SchedulerDriver::start needs a tokio runtime"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_kill_is_repeated_over_subscriptions_until_the_task_has_ended() {
    let recording = Recording::new();
    let (driver, mut peer, session) = start(&recording).await;
    settle(&recording, &session).await;
    driver.kill_until_ended("t1", KillOptions::new()).unwrap();
    assert_eq!(session.call().await.kill.unwrap().task_id, "t1");
    let since = tokio::time::Instant::now();
    assert_eq!(session.call().await.kill.unwrap().task_id, "t1");
    assert!(
        since.elapsed() >= Duration::from_secs(2),
        "{:?}",
        since.elapsed()
    );
    session.fail(lost()).await;
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    assert_eq!(session.call().await.kill.unwrap().task_id, "t1");
    let status = TaskStatus::new("t1", TaskState::TaskKilled);
    let ended = event::Update { status }.into();
    session.send(ended).await;
    settle(&recording, &session).await;
    tokio::time::sleep(Duration::from_secs(600)).await; // sleep: virtual time in which no kill may be sent
    assert!(session.pending_call().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_never_means_everything() {
    let (driver, _peer, session) = start(&Recording::new()).await;
    driver.when_subscribed().await.unwrap();
    let none: [&str; 0] = [];
    for error in [
        driver.reconcile([]).await,
        driver.reconcile_operations([]).await,
        driver.revive_roles(none).await,
        driver.suppress_roles(none).await,
    ] {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Config);
    }
    assert!(session.pending_call().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_backend_without_kill_on_agent_sends_the_kill_without_the_agent() {
    let (backend, mut peer) = scripted_with(Capabilities::default());
    let driver = SchedulerDriver::start(Recording::new(), Framework::ephemeral("test"), backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    driver.when_subscribed().await.unwrap();
    let options = KillOptions::new().agent("a");
    let (killed, call) = tokio::join!(driver.kill_with("t", options), session.call());
    killed.unwrap();
    assert_eq!(call.kill.unwrap().agent_id, None);
}

#[tokio::test(start_paused = true)]
async fn gpus_without_the_capability_are_rejected_with_its_name() {
    let recording = holding_offers();
    let (driver, _peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "agent")])).await;
    settle(&recording, &session).await;
    let task = TaskInfo {
        task_id: "t".into(),
        resources: vec![v1::Resource::scalar("gpus", 1.0)],
        ..Default::default()
    };
    let error = driver
        .launch(recording.pop_offer(), [task])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("GPU_RESOURCES"), "{error}");
    // The driver declines the offer.
    assert_eq!(type_of(&session.call().await), CallType::Decline);
}
