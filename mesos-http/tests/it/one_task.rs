//! The task that waits for events also reads and writes. So this must continue while the task does
//! something else, and other tasks must run while this one is busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::backend::{Incoming, SchedulerApi, Subscription};
use mesos_core::scheduler::StatusUpdate;
use mesos_core::{Delivery, ErrorKind, Framework, HandlerResult, Scheduler, SchedulerDriver};
use mesos_proto::v1::scheduler::{Event, call, event};
use mesos_proto::v1::{TaskState, TaskStatus};
use tokio::sync::Notify;
use tokio::task::{block_in_place, yield_now};
use tokio::time::timeout;

use crate::peer::*;
use crate::pipeline::{TAKEN, arrive, kills, proven, taken};

/// A subscription whose consumer has waited for an event, and does something else now.
async fn away(server: &Server) -> (Subscription<SchedulerApi>, Peer) {
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    peer.chunk(record(&subscribed(15.0))).await;
    next(&mut subscription).await;
    let waiting = timeout(Duration::from_millis(1), subscription.events.next()).await;
    assert!(waiting.is_err());
    (subscription, peer)
}

#[tokio::test]
async fn calls_are_made_and_answered_while_nobody_waits_for_an_event() {
    let server = Server::start().await;
    let (subscription, _stream) = away(&server).await;
    let mut peer = proven(&server, &subscription).await;
    for _ in 0..10 {
        let [a, b] = kills(&subscription, ["a", "b"]).await;
        arrive(&mut peer, ["a", "b"]).await;
        for answer in [a, b] {
            peer.respond(TAKEN, "", "").await;
            taken(answer).await;
        }
    }
}

#[tokio::test]
async fn the_end_of_the_stream_is_noticed_while_nobody_waits_for_an_event() {
    let server = Server::start().await;
    let (mut subscription, stream) = away(&server).await;
    let mut peer = proven(&server, &subscription).await;
    let [waiting] = kills(&subscription, ["waiting"]).await;
    arrive(&mut peer, ["waiting"]).await;
    stream.hang_up().await;
    soon("the end of the calls", async {
        loop {
            match subscription.calls.send(kill("late")).await {
                Ok(_) => yield_now().await,
                Err(error) => break error,
            }
        }
    })
    .await;
    // The answer to the call in flight still counts.
    peer.respond(TAKEN, "", "").await;
    taken(waiting).await;
    assert_eq!(end(&mut subscription).await.kind(), ErrorKind::Transport);
}

#[tokio::test]
async fn silence_is_noticed_while_nobody_waits_for_an_event() {
    let server = Server::start().await;
    let backend = server.backend().missed_heartbeats(2);
    let (mut subscription, mut peer) = server.subscribed(backend).await;
    peer.chunk(record(&subscribed(0.05))).await;
    next(&mut subscription).await;
    peer.closed().await;
    let error = end(&mut subscription).await;
    assert_eq!(error.kind(), ErrorKind::HeartbeatLost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_blocks_delays_no_call_that_was_queued_before() {
    let server = Server::start().await;
    let (mut subscription, mut stream) = away(&server).await;
    let mut peer = proven(&server, &subscription).await;
    let (release, released) = mpsc::channel();
    let consumer = tokio::spawn(async move {
        let event = next(&mut subscription).await;
        let mut answers = Vec::new();
        for task in ["a", "b"] {
            let call = subscription.calls.send(kill(task));
            answers.push(call.await.unwrap());
        }
        block_in_place(|| released.recv()).expect("the test");
        (event, answers)
    });
    stream.chunk(record(&heartbeat())).await;
    arrive(&mut peer, ["a", "b"]).await;
    release.send(()).expect("the consumer");
    let (event, answers) = soon("the consumer", consumer).await.unwrap();
    assert_eq!(event, heartbeat());
    for answer in answers {
        peer.respond(TAKEN, "", "").await;
        taken(answer).await;
    }
}

/// A scheduler whose second update waits.
struct Slow {
    updates: usize,
    release: Arc<Notify>,
    blocked: Option<mpsc::Receiver<()>>,
}

#[async_trait]
impl Scheduler for Slow {
    async fn update(&mut self, _: &SchedulerDriver, _: &StatusUpdate) -> HandlerResult {
        self.updates += 1;
        match (self.updates, &mut self.blocked) {
            (2, Some(blocked)) => block_in_place(|| blocked.recv())?,
            (2, None) => self.release.notified().await,
            _ => {}
        }
        Ok(())
    }
}

fn update(number: u8) -> Event {
    let status = TaskStatus {
        task_id: format!("task-{number}").as_str().into(),
        agent_id: Some("agent".into()),
        state: TaskState::TaskRunning as i32,
        uuid: Some(vec![number; 16].into()),
        ..Default::default()
    };
    Event {
        r#type: Some(event::Type::Update as i32),
        update: Some(event::Update { status }),
        ..Default::default()
    }
}

async fn acknowledged(peer: &mut Peer) -> String {
    let call = peer.request().await.call();
    assert_eq!(call.r#type(), call::Type::Acknowledge);
    peer.respond(TAKEN, "", "").await;
    call.acknowledge.expect("a body").task_id.value
}

/// Two updates arrive together. The first one is acknowledged while the handler of the second one
/// runs.
async fn slow_handler(blocks: bool) {
    let server = Server::start().await;
    let release = Arc::new(Notify::new());
    let (unblock, blocked) = mpsc::channel();
    let scheduler = Slow {
        updates: 0,
        release: Arc::clone(&release),
        blocked: blocks.then_some(blocked),
    };
    let framework = Framework::ephemeral("slow");
    let driver = SchedulerDriver::start(scheduler, framework, server.backend());
    let mut stream = server.accept().await;
    stream.request().await;
    stream.send(STREAM_HEAD).await;
    stream.chunk(record(&subscribed(15.0))).await;
    let updates = [record(&update(1)), record(&update(2))].concat();
    stream.chunk(updates).await;
    let mut peer = server.accept().await;
    assert_eq!(acknowledged(&mut peer).await, "task-1");
    // Calls of the program, too.
    let program = driver.clone();
    let called = tokio::spawn(async move { program.kill("other").await });
    let call = peer.request().await.call();
    assert_eq!(call.kill.expect("a KILL").task_id.value, "other");
    peer.respond(TAKEN, "", "").await;
    soon("the call", called).await.unwrap().unwrap();
    release.notify_one();
    unblock.send(()).ok();
    assert_eq!(acknowledged(&mut peer).await, "task-2");
    driver.abort();
    soon("the end", driver.join()).await.unwrap();
}

#[tokio::test]
async fn a_handler_that_waits_delays_neither_acknowledgements_nor_calls() {
    slow_handler(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_delays_neither_acknowledgements_nor_calls() {
    slow_handler(true).await;
}

#[tokio::test]
async fn events_behind_a_slow_consumer_stay_in_the_socket() {
    let server = Server::start().await;
    let backend = server.backend().event_queue_bytes(1 << 20);
    let (mut subscription, mut peer) = server.subscribed(backend).await;
    peer.chunk(record(&subscribed(15.0))).await;
    next(&mut subscription).await;
    // 120 MB in events of 30 MB.
    let event = error(&"x".repeat(30 << 20));
    let bytes = chunk(&record(&event));
    let mut sending = tokio::spawn(async move {
        for _ in 0..4 {
            peer.send(&bytes).await;
        }
        peer
    });
    assert_eq!(next(&mut subscription).await.error, event.error);
    let stalled = timeout(Duration::from_millis(500), &mut sending).await;
    assert!(stalled.is_err(), "90 MB went somewhere");
    for _ in 0..3 {
        assert_eq!(next(&mut subscription).await.error, event.error);
    }
    soon("the rest to be sent", sending).await.unwrap();
}

#[tokio::test]
async fn other_tasks_run_between_events_that_do_not_end() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    peer.chunk(record(&subscribed(15.0))).await;
    next(&mut subscription).await;
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            yield_now().await;
        }
    });
    let records: Vec<_> = (0..10_000).flat_map(|_| record(&heartbeat())).collect();
    let sending = tokio::spawn(async move {
        peer.chunk(records).await;
        peer
    });
    let (mut seen, mut before, mut longest) = (0, 0, 0);
    while seen < 10_000 {
        let incoming = match subscription.events.next_ready() {
            Some(incoming) => incoming,
            None => soon("an event", subscription.events.next()).await,
        };
        assert!(matches!(incoming, Ok(Incoming::Event(..))));
        seen += 1;
        let now = turns.load(Ordering::Relaxed);
        match now == before {
            true => longest += 1,
            false => longest = 0,
        }
        assert!(longest <= 1000, "{longest} events without another task");
        before = now;
    }
    other.abort();
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn a_dropped_driver_closes_both_connections() {
    let server = Server::start().await;
    let (subscription, stream) = away(&server).await;
    let peer = proven(&server, &subscription).await;
    let calls = Arc::clone(&subscription.calls);
    drop(subscription);
    stream.closed().await;
    peer.closed().await;
    let error = match calls.send(kill("late")).await {
        Ok(answer) => soon("an answer", answer).await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.delivery(), Delivery::NotSent);
}
