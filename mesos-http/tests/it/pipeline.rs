//! Several calls in flight: their order, their limit, and the result of each call after a failure.

use std::time::Duration;

use mesos_core::backend::{Answer, SchedulerApi, Subscription};
use mesos_core::{Delivery, ErrorKind};
use mesos_proto::v1::scheduler::{self, call};

use crate::peer::*;

pub(crate) const TAKEN: &str = "202 Accepted";

/// Queues KILLs of these tasks.
pub(crate) async fn kills<const N: usize>(
    subscription: &Subscription<SchedulerApi>,
    tasks: [&str; N],
) -> [Answer; N] {
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(subscription.calls.send(kill(task)).await.unwrap());
    }
    answers.try_into().unwrap()
}

/// A connection on which a call was accepted, so that pipelining starts.
pub(crate) async fn proven(server: &Server, subscription: &Subscription<SchedulerApi>) -> Peer {
    let [first] = kills(subscription, ["first"]).await;
    let mut peer = server.accept().await;
    assert_eq!(killed(&peer.request().await), "first");
    peer.respond(TAKEN, "", "").await;
    taken(first).await;
    peer
}

pub(crate) async fn arrive<const N: usize>(peer: &mut Peer, tasks: [&str; N]) {
    for task in tasks {
        assert_eq!(killed(&peer.request().await), task);
    }
}

pub(crate) async fn taken(answer: Answer) {
    soon("an answer", answer).await.unwrap();
}

pub(crate) async fn failed(answer: Answer) -> (ErrorKind, Delivery) {
    let error = soon("an answer", answer).await.unwrap_err();
    (error.kind(), error.delivery())
}

pub(crate) const LOST: (ErrorKind, Delivery) = (ErrorKind::Transport, Delivery::Unknown);
const UNSENT: (ErrorKind, Delivery) = (ErrorKind::NotSubscribed, Delivery::NotSent);

#[tokio::test]
async fn calls_are_sent_in_order_without_waiting_and_each_receives_its_answer() {
    let server = Server::start().await;
    let (subscription, _stream) = server.subscribed(server.backend()).await;
    let mut peer = proven(&server, &subscription).await;
    let [a, b, c, d] = kills(&subscription, ["a", "b", "c", "d"]).await;
    arrive(&mut peer, ["a", "b", "c", "d"]).await;
    // Whatever determines their length, and however they are split.
    peer.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Acc")
        .await;
    peer.send("epted\r\nContent-Length: 0\r\n\r\n").await;
    taken(a).await;
    peer.respond("400 Bad Request", "", "no b").await;
    let error = soon("an answer", b).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().ends_with(": no b"), "{error}");
    peer.send("HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    peer.chunk("no ").await;
    peer.chunk("c").await;
    peer.send("0\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        .await;
    let error = soon("an answer", c).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().ends_with(": no c"), "{error}");
    taken(d).await;
    assert!(server.is_quiet().await, "a second connection");
}

#[tokio::test]
async fn the_first_call_on_a_connection_is_sent_alone() {
    let server = Server::start().await;
    let (subscription, _stream) = server.subscribed(server.backend()).await;
    let [a, b, c] = kills(&subscription, ["a", "b", "c"]).await;
    let mut peer = server.accept().await;
    arrive(&mut peer, ["a"]).await;
    assert!(peer.is_quiet().await);
    peer.respond(TAKEN, "", "").await;
    taken(a).await;
    arrive(&mut peer, ["b", "c"]).await;
    drop((b, c));
}

#[tokio::test]
async fn the_number_of_calls_in_flight_is_limited_by_the_setting() {
    for most in [1, 3] {
        let server = Server::start().await;
        let backend = server.backend().pipeline(most);
        let (subscription, _stream) = server.subscribed(backend).await;
        let mut peer = proven(&server, &subscription).await;
        let tasks = ["a", "b", "c", "d", "e", "f"];
        let answers = kills(&subscription, tasks).await;
        for task in &tasks[..most] {
            arrive(&mut peer, [task]).await;
        }
        assert!(peer.is_quiet().await, "more than {most}");
        for task in &tasks[most..] {
            peer.respond(TAKEN, "", "").await;
            arrive(&mut peer, [task]).await;
        }
        for _ in 0..most {
            peer.respond(TAKEN, "", "").await;
        }
        for answer in answers {
            taken(answer).await;
        }
    }
}

#[tokio::test]
async fn the_size_of_calls_in_flight_is_limited_to_four_mebibytes_and_one_call() {
    let server = Server::start().await;
    let (subscription, _stream) = server.subscribed(server.backend()).await;
    let mut peer = proven(&server, &subscription).await;
    let long = "x".repeat(1 << 20);
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(subscription.calls.send(kill(&long)).await.unwrap());
    }
    for _ in 0..4 {
        assert_eq!(killed(&peer.request().await), long);
    }
    assert!(peer.is_quiet().await, "a fifth");
    for _ in 0..2 {
        peer.respond(TAKEN, "", "").await;
        assert_eq!(killed(&peer.request().await), long);
    }
    for _ in 0..4 {
        peer.respond(TAKEN, "", "").await;
    }
    for answer in answers {
        taken(answer).await;
    }
}

#[tokio::test]
async fn no_call_is_written_after_one_that_takes_effect_after_its_handler() {
    use call::Type;
    for alone in [Type::UpdateFramework, Type::Teardown] {
        let server = Server::start().await;
        let (subscription, _stream) = server.subscribed(server.backend()).await;
        let mut peer = proven(&server, &subscription).await;
        let [before] = kills(&subscription, ["before"]).await;
        let call = scheduler::Call {
            r#type: Some(alone as i32),
            ..Default::default()
        };
        let updated = subscription.calls.send(call).await.unwrap();
        let [behind] = kills(&subscription, ["behind"]).await;
        arrive(&mut peer, ["before"]).await;
        assert_eq!(peer.request().await.call().r#type(), alone);
        peer.respond(TAKEN, "", "").await;
        taken(before).await;
        assert!(peer.is_quiet().await, "{alone:?} was not answered");
        peer.respond("200 OK", "", "").await;
        taken(updated).await;
        arrive(&mut peer, ["behind"]).await;
        peer.respond(TAKEN, "", "").await;
        taken(behind).await;
    }
}

#[tokio::test]
async fn after_a_broken_connection_written_calls_are_unknown_and_the_rest_is_not_sent() {
    let server = Server::start().await;
    let backend = server.backend().pipeline(3);
    let (mut subscription, _stream) = server.subscribed(backend).await;
    let mut peer = proven(&server, &subscription).await;
    let [a, b, c, d, e] = kills(&subscription, ["a", "b", "c", "d", "e"]).await;
    arrive(&mut peer, ["a", "b", "c"]).await;
    peer.respond(TAKEN, "", "").await;
    arrive(&mut peer, ["d"]).await;
    taken(a).await;
    drop(peer);
    for answer in [b, c, d] {
        assert_eq!(failed(answer).await, LOST);
    }
    assert_eq!(failed(e).await, UNSENT);
    assert_eq!(end(&mut subscription).await.kind(), LOST.0);
}

#[tokio::test]
async fn calls_that_are_not_answered_before_a_close_are_unknown_and_not_repeated() {
    let server = Server::start().await;
    let backend = server.backend().pipeline(3);
    let (subscription, _stream) = server.subscribed(backend).await;
    let mut peer = proven(&server, &subscription).await;
    let [a, b, c, d, e, f] = kills(&subscription, ["a", "b", "c", "d", "e", "f"]).await;
    arrive(&mut peer, ["a", "b", "c"]).await;
    peer.respond(TAKEN, "Connection: close\r\n", "").await;
    taken(a).await;
    peer.closed().await;
    assert_eq!(failed(b).await, LOST);
    assert_eq!(failed(c).await, LOST);
    // Such a peer does not support several calls in flight.
    let mut peer = server.accept().await;
    for (task, answer) in [("d", d), ("e", e), ("f", f)] {
        arrive(&mut peer, [task]).await;
        assert!(peer.is_quiet().await);
        peer.respond(TAKEN, "", "").await;
        taken(answer).await;
    }
    // A close after a single call fails no call.
    let [g, h] = kills(&subscription, ["g", "h"]).await;
    arrive(&mut peer, ["g"]).await;
    peer.respond(TAKEN, "Connection: close\r\n", "").await;
    taken(g).await;
    let mut peer = server.accept().await;
    arrive(&mut peer, ["h"]).await;
    peer.respond(TAKEN, "", "").await;
    taken(h).await;
}

#[tokio::test]
async fn pipelining_stops_after_two_connections_broke_with_several_calls_in_flight() {
    let server = Server::start().await;
    let backend = server.backend().pipeline(2);
    for _ in 0..2 {
        let (subscription, _stream) = server.subscribed(backend.clone()).await;
        let mut peer = proven(&server, &subscription).await;
        let [a, b] = kills(&subscription, ["a", "b"]).await;
        arrive(&mut peer, ["a", "b"]).await;
        drop(peer);
        assert_eq!(failed(a).await, LOST);
        assert_eq!(failed(b).await, LOST);
    }
    // Each break ended a subscription, so the next subscription has to remember them.
    let (subscription, _stream) = server.subscribed(backend).await;
    let mut peer = proven(&server, &subscription).await;
    let [a, b] = kills(&subscription, ["a", "b"]).await;
    arrive(&mut peer, ["a"]).await;
    assert!(peer.is_quiet().await);
    peer.respond(TAKEN, "", "").await;
    arrive(&mut peer, ["b"]).await;
    drop((a, b));
}

#[tokio::test]
async fn an_answer_before_its_call_was_read_ends_the_connection_and_fails_no_other_call() {
    let server = Server::start().await;
    let (subscription, _stream) = server.subscribed(server.backend()).await;
    let mut peer = proven(&server, &subscription).await;
    let long = "x".repeat(16 << 20);
    let [long, next] = kills(&subscription, [long.as_str(), "next"]).await;
    peer.some().await;
    peer.respond("413 Payload Too Large", "", "").await;
    assert_eq!(failed(long).await, (ErrorKind::Rejected, Delivery::Refused));
    let mut other = server.accept().await;
    arrive(&mut other, ["next"]).await;
    other.respond(TAKEN, "", "").await;
    taken(next).await;
}

#[tokio::test]
async fn an_answer_without_a_call_ends_the_connection_and_fails_no_call() {
    let server = Server::start().await;
    let (subscription, _stream) = server.subscribed(server.backend()).await;
    let mut peer = proven(&server, &subscription).await;
    // A proxy does this with an idle connection.
    peer.respond("408 Request Timeout", "Connection: close\r\n", "")
        .await;
    peer.closed().await;
    proven(&server, &subscription).await;
}

#[tokio::test]
async fn the_time_of_a_call_starts_with_the_answer_before_it_and_a_late_answer_ends_the_subscription()
 {
    let limit = Duration::from_millis(600);
    let server = Server::start().await;
    let backend = server.backend().pipeline(4).response_timeout(limit);
    let (mut subscription, mut stream) = server.subscribed(backend).await;
    stream.chunk(record(&subscribed(15.0))).await;
    assert_eq!(next(&mut subscription).await, subscribed(15.0));
    let mut peer = proven(&server, &subscription).await;
    let [a, b, c, d, e] = kills(&subscription, ["a", "b", "c", "d", "e"]).await;
    arrive(&mut peer, ["a", "b", "c", "d"]).await;
    for answer in [a, b] {
        // sleep: two of these exceed the limit, and one does not.
        tokio::time::sleep(limit * 6 / 10).await;
        peer.respond(TAKEN, "", "").await;
        taken(answer).await;
    }
    arrive(&mut peer, ["e"]).await;
    let [f] = kills(&subscription, ["f"]).await;
    arrive(&mut peer, ["f"]).await;
    let [behind] = kills(&subscription, ["behind"]).await;
    for answer in [c, d, e, f] {
        let late = (ErrorKind::Timeout, Delivery::Unknown);
        assert_eq!(failed(answer).await, late);
    }
    assert_eq!(failed(behind).await, UNSENT);
    peer.closed().await;
    assert_eq!(end(&mut subscription).await.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn calls_in_flight_after_a_fatal_answer_still_receive_their_answers() {
    let server = Server::start().await;
    let backend = server.backend().pipeline(2);
    let (mut subscription, _stream) = server.subscribed(backend).await;
    let mut peer = proven(&server, &subscription).await;
    let [a, b, c] = kills(&subscription, ["a", "b", "c"]).await;
    arrive(&mut peer, ["a", "b"]).await;
    let lost = "Framework is not subscribed";
    peer.respond("403 Forbidden", "", lost).await;
    let disowned = (ErrorKind::NotSubscribed, Delivery::Refused);
    assert_eq!(failed(a).await, disowned);
    assert_eq!(end(&mut subscription).await.kind(), disowned.0);
    assert_eq!(failed(c).await, UNSENT);
    assert!(peer.is_quiet().await);
    peer.respond("403 Forbidden", "", lost).await;
    assert_eq!(failed(b).await, disowned);
    peer.closed().await;
}
