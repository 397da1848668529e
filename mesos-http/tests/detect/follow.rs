//! How a subscription reacts to a detector.

use std::time::{Duration, Instant};

use mesos_core::backend::{Backend, ExecutorApi, SchedulerApi};
use mesos_core::{Delivery, Error, ErrorKind};
use mesos_http::detect::{Detection, Detector};
use mesos_http::{Endpoint, HttpBackend, Master};
use mesos_proto::v1::executor;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::peer::*;

/// A detector that the test controls.
#[derive(Debug)]
struct ChannelDetector(watch::Receiver<Detection>);

impl Detector for ChannelDetector {
    fn watch(&self) -> watch::Receiver<Detection> {
        self.0.clone()
    }
}

fn detecting(detection: Detection) -> (watch::Sender<Detection>, HttpBackend) {
    let (leader, told) = watch::channel(detection);
    (leader, HttpBackend::with_detector(ChannelDetector(told)))
}

fn no_leader() -> Error {
    Error::new(ErrorKind::NotLeader, "nobody leads")
}

/// An endpoint that refuses connections.
async fn nowhere() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_leader_change_ends_the_subscription_after_the_earlier_events() {
    let (old, new) = (Server::start().await, Server::start().await);
    let (leader, backend) = detecting(Ok(vec![old.endpoint("/master")]));
    let (mut subscription, mut peer) = old.subscribed(backend.clone()).await;
    peer.chunk(record(&subscribed(15.0))).await;
    assert_eq!(next(&mut subscription).await, subscribed(15.0));
    let waiting = subscription.events.next();

    leader.send(Ok(vec![new.endpoint("/master")])).unwrap();
    let error = soon("the end", waiting).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotLeader);
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        format!(
            "the leader is now http://{}/master; the subscription with http://{}/master was \
             canceled",
            new.address, old.address
        )
    );
    peer.closed().await;
    assert_eq!(end(&mut subscription).await.to_string(), error.to_string());
    // No call is sent to the old leader any more.
    let answer = match subscription.calls.send(kill("t")).await {
        Ok(answer) => soon("the answer", answer).await,
        Err(error) => Err(error),
    };
    let error = answer.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::NotSubscribed, Delivery::NotSent)
    );

    let (subscription, _peer) = new.subscribed(backend).await;
    assert_eq!(subscription.peer, format!("http://{}/master", new.address));
}

#[tokio::test]
async fn queued_events_are_delivered_before_a_leader_change() {
    let (old, new) = (Server::start().await, Server::start().await);
    let (leader, backend) = detecting(Ok(vec![old.endpoint("")]));
    let (mut subscription, mut peer) = old.subscribed(backend).await;
    peer.chunk([record(&subscribed(15.0)), record(&error("one"))].concat())
        .await;
    assert_eq!(next(&mut subscription).await, subscribed(15.0));
    leader.send(Ok(vec![new.endpoint("")])).unwrap();
    // The reader queues both without a pause.
    assert_eq!(next(&mut subscription).await, error("one"));
    assert_eq!(end(&mut subscription).await.kind(), ErrorKind::NotLeader);
}

#[tokio::test]
async fn an_unknown_leader_or_the_current_one_does_not_end_the_subscription() {
    let (first, second) = (Server::start().await, Server::start().await);
    let (leader, backend) = detecting(Ok(vec![first.endpoint("/master")]));
    let client = subscribe(backend);
    let mut peer = first.accept().await;
    peer.request().await;
    let location = format!("Location: //{}/master/api/v1/scheduler\r\n", second.address);
    peer.respond("307 Temporary Redirect", &location, "").await;
    let mut peer = second.accept().await;
    peer.request().await;
    peer.send(STREAM_HEAD).await;
    let mut subscription = soon("subscribe", client).await.unwrap().unwrap();

    for detection in [
        Err(no_leader()),
        Ok(vec![]),
        Ok(vec![first.endpoint("/master")]),
        Err(Error::new(ErrorKind::Unauthorized, "not any more")),
        Ok(vec![second.endpoint("/master")]),
    ] {
        leader.send(detection).unwrap();
        peer.chunk(record(&heartbeat())).await;
        assert_eq!(next(&mut subscription).await, heartbeat());
        // Not only because events have priority.
        let more = subscription.events.next();
        let quiet = tokio::time::timeout(Duration::from_millis(20), more).await;
        assert!(quiet.is_err(), "{quiet:?}");
    }
    drop(leader);
    peer.chunk(record(&heartbeat())).await;
    assert_eq!(next(&mut subscription).await, heartbeat());
    peer.hang_up().await;
    assert_eq!(end(&mut subscription).await.kind(), ErrorKind::Transport);
}

#[tokio::test]
async fn without_a_leader_an_attempt_waits_and_fails_retryably() {
    for detection in [Err(no_leader()), Ok(vec![])] {
        let (leader, backend) = detecting(detection);
        let limit = Duration::from_millis(100);
        let begun = Instant::now();
        let client = subscribe(backend.connect_timeout(limit));
        let error = soon("subscribe", client).await.unwrap().unwrap_err();
        assert!(begun.elapsed() >= limit);
        assert_eq!(error.kind(), ErrorKind::NotLeader);
        assert!(error.is_retryable());
        drop(leader);
    }
}

#[tokio::test]
async fn an_attempt_continues_as_soon_as_a_leader_is_known() {
    let server = Server::start().await;
    let (leader, backend) = detecting(Err(no_leader()));
    let client = subscribe(backend.connect_timeout(Duration::from_secs(3600)));
    leader.send(Ok(vec![])).unwrap();
    leader.send(Ok(vec![server.endpoint("")])).unwrap();
    let mut peer = server.accept().await;
    peer.request().await;
    peer.send(STREAM_HEAD).await;
    soon("subscribe", client).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_attempt_at_a_hanging_master_ends_at_a_leader_change() {
    let (old, new) = (Server::start().await, Server::start().await);
    let (leader, backend) = detecting(Ok(vec![old.endpoint("")]));
    let client = subscribe(backend.clone());
    let mut peer = old.accept().await;
    peer.request().await;
    leader.send(Err(no_leader())).unwrap();
    leader.send(Ok(vec![new.endpoint("")])).unwrap();
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotLeader);
    assert_eq!(
        error.to_string(),
        format!(
            "the leader is now http://{}; the attempt to subscribe at http://{} was canceled",
            new.address, old.address
        )
    );
    peer.closed().await;
    soon("a leader change", leader_changed(&backend)).await;
    let (subscription, _peer) = new.subscribed(backend).await;
    assert_eq!(subscription.peer, format!("http://{}", new.address));
}

async fn leader_changed(backend: &HttpBackend) {
    Backend::<SchedulerApi>::leader_changed(backend).await;
}

/// Whether the leader has not changed.
async fn unchanged(backend: &HttpBackend) -> bool {
    tokio::select! {
        biased;
        () = leader_changed(backend) => false,
        () = std::future::ready(()) => true,
    }
}

#[tokio::test]
async fn a_leader_that_the_last_attempt_did_not_know_is_a_leader_change() {
    let (dead, other) = (nowhere().await, Server::start().await);
    let (leader, backend) = detecting(Ok(vec![dead.clone()]));
    assert!(unchanged(&backend).await, "there was no attempt");
    let attempt = async || {
        let limit = Duration::from_millis(50);
        let client = subscribe(backend.clone().connect_timeout(limit));
        soon("subscribe", client).await.unwrap().unwrap_err();
    };
    attempt().await;
    for nothing_new in [Err(no_leader()), Ok(vec![]), Ok(vec![dead.clone()])] {
        leader.send(nothing_new).unwrap();
        assert!(unchanged(&backend).await);
    }
    leader.send(Err(no_leader())).unwrap();
    attempt().await;
    let told = async { leader.send(Ok(vec![dead.clone()])).unwrap() };
    let ((), ()) = soon("a leader change", async {
        tokio::join!(leader_changed(&backend), told)
    })
    .await;
    // Reported until the next attempt.
    soon("a leader change", leader_changed(&backend)).await;
    attempt().await;
    assert!(unchanged(&backend).await);
    leader.send(Ok(vec![other.endpoint("")])).unwrap();
    soon("a leader change", leader_changed(&backend)).await;
    let (_subscription, _peer) = other.subscribed(backend.clone()).await;
    assert!(unchanged(&backend).await);
    drop(leader);
    assert!(unchanged(&backend).await, "the sender was dropped");
    let alone = HttpBackend::new(dead.into());
    assert!(unchanged(&alone).await);
}

#[tokio::test]
async fn an_error_that_is_not_retryable_ends_an_attempt_at_once() {
    let (leader, backend) = detecting(Err(no_leader()));
    let client = subscribe(backend.connect_timeout(Duration::from_secs(3600)));
    leader
        .send(Err(Error::new(ErrorKind::Unauthorized, "wrong password")))
        .unwrap();
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(error.to_string(), "wrong password");
}

#[tokio::test]
async fn masters_are_tried_in_order_starting_with_the_last_good_one() {
    let (one, two) = (Server::start().await, Server::start().await);
    let dead = nowhere().await;
    let list = format!("{dead},http://{},{}", one.address, two.address);
    let backend = HttpBackend::new(list.parse().unwrap());

    // The first master is down, and the second is not ready.
    let client = subscribe(backend.clone());
    let mut peer = one.accept().await;
    peer.request().await;
    peer.respond("503 Service Unavailable", "", "No leader elected")
        .await;
    let mut peer = two.accept().await;
    peer.request().await;
    peer.send(STREAM_HEAD).await;
    let subscription = soon("subscribe", client).await.unwrap().unwrap();
    assert_eq!(subscription.peer, format!("http://{}", two.address));

    let client = subscribe(backend.clone());
    let mut peer = two.accept().await;
    peer.request().await;
    assert!(one.is_quiet().await);
    peer.respond("503 Service Unavailable", "", "").await;
    let mut peer = one.accept().await;
    peer.request().await;
    peer.respond("503 Service Unavailable", "", "No leader elected")
        .await;
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let message = error.to_string();
    let parts = [
        two.address.as_str(),
        &dead.to_string(),
        &one.address,
        "No leader elected",
    ];
    for part in parts {
        assert!(message.contains(part), "{part}: {message}");
    }

    // A wrong call is wrong at every master.
    let client = subscribe(backend);
    let mut peer = two.accept().await;
    peer.request().await;
    peer.respond("401 Unauthorized", "", "").await;
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(one.is_quiet().await);
}

#[tokio::test]
async fn one_peer_that_is_not_mesos_does_not_exclude_the_other_masters() {
    let page = Server::start().await;
    let dead = nowhere().await;
    for (list, kind) in [
        (
            format!("{dead},http://{}", page.address),
            ErrorKind::Transport,
        ),
        (
            format!("http://{},{dead}", page.address),
            ErrorKind::Transport,
        ),
        (
            format!("http://{0},http://{0}", page.address),
            ErrorKind::Protocol,
        ),
    ] {
        let backend = HttpBackend::new(list.parse().unwrap());
        let client = subscribe(backend);
        let answers = if kind == ErrorKind::Protocol { 2 } else { 1 };
        for _ in 0..answers {
            let mut peer = page.accept().await;
            peer.request().await;
            peer.respond("200 OK", "Content-Type: text/html\r\n", "<html>")
                .await;
        }
        let error = soon("subscribe", client).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), kind, "{list}: {error}");
    }
}

#[tokio::test]
async fn a_single_master_is_used_without_detection() {
    let server = Server::start().await;
    let backend = HttpBackend::new(Master::from(server.endpoint("/x")));
    assert_eq!(backend.endpoint(), Some(&server.endpoint("/x")));
    let (subscription, _peer) = server.subscribed(backend).await;
    assert_eq!(subscription.peer, format!("http://{}/x", server.address));
}

#[tokio::test]
async fn an_executor_cannot_subscribe_at_one_of_several_masters() {
    let backend = HttpBackend::new("m1:5050,m2:5050".parse().unwrap());
    let call = executor::Call::default();
    let error = Backend::<ExecutorApi>::subscribe(&backend, call)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}
