//! Calls that are under way together: their order, their window, and the fate
//! of each when something goes wrong among them.

use std::time::Duration;

use mesos_core::backend::{Answer, SchedulerApi, Subscription};
use mesos_core::{Delivery, ErrorKind};
use mesos_proto::v1::scheduler::{self, call};

use crate::peer::*;

pub(crate) const TAKEN: &str = "202 Accepted";

/// Puts KILLs of these tasks in line.
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

/// A connection on which a call was taken, as calls behind it need one.
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
async fn calls_leave_in_order_without_waiting_for_answers_and_each_gets_its_own() {
    let server = Server::start().await;
    let (subscription, _stream) = server.subscribed(server.backend()).await;
    let mut peer = proven(&server, &subscription).await;
    let [a, b, c, d] = kills(&subscription, ["a", "b", "c", "d"]).await;
    arrive(&mut peer, ["a", "b", "c", "d"]).await;
    // However their length is said, and in whatever pieces they come.
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
async fn the_first_call_on_a_connection_goes_alone() {
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
async fn no_more_calls_are_under_way_than_the_setting_says() {
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
async fn no_more_bytes_are_under_way_than_four_mebibytes_and_a_call() {
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
async fn nothing_is_written_behind_a_call_that_takes_effect_after_its_handler() {
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
async fn a_connection_that_breaks_leaves_what_was_written_unknown_and_the_rest_in_order() {
    let server = Server::start().await;
    let backend = server.backend().pipeline(3);
    let (subscription, _stream) = server.subscribed(backend).await;
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
    let mut peer = server.accept().await;
    arrive(&mut peer, ["e"]).await;
    peer.respond(TAKEN, "", "").await;
    taken(e).await;
}

#[tokio::test]
async fn what_a_peer_has_not_answered_before_it_said_close_is_unknown_and_not_sent_again() {
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
    // It is none to have calls under way at together.
    let mut peer = server.accept().await;
    for (task, answer) in [("d", d), ("e", e), ("f", f)] {
        arrive(&mut peer, [task]).await;
        assert!(peer.is_quiet().await);
        peer.respond(TAKEN, "", "").await;
        taken(answer).await;
    }
    // What it says behind a call that goes alone costs nothing.
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
async fn connections_that_break_again_under_several_calls_have_one_at_a_time_from_there() {
    let server = Server::start().await;
    let backend = server.backend().pipeline(2);
    let (subscription, _stream) = server.subscribed(backend).await;
    for _ in 0..2 {
        let mut peer = proven(&server, &subscription).await;
        let [a, b] = kills(&subscription, ["a", "b"]).await;
        arrive(&mut peer, ["a", "b"]).await;
        drop(peer);
        assert_eq!(failed(a).await, LOST);
        assert_eq!(failed(b).await, LOST);
    }
    let mut peer = proven(&server, &subscription).await;
    let [a, b] = kills(&subscription, ["a", "b"]).await;
    arrive(&mut peer, ["a"]).await;
    assert!(peer.is_quiet().await);
    peer.respond(TAKEN, "", "").await;
    arrive(&mut peer, ["b"]).await;
    drop((a, b));
}

#[tokio::test]
async fn an_answer_that_comes_before_its_call_was_read_ends_the_connection_and_no_other_call() {
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
async fn an_answer_that_nobody_waits_for_costs_a_connection_and_no_call() {
    let server = Server::start().await;
    let (subscription, _stream) = server.subscribed(server.backend()).await;
    let mut peer = proven(&server, &subscription).await;
    // As proxies do with a connection that is idle for long.
    peer.respond("408 Request Timeout", "Connection: close\r\n", "")
        .await;
    peer.closed().await;
    proven(&server, &subscription).await;
}

#[tokio::test]
async fn each_answer_gives_the_next_call_its_time_and_a_late_one_ends_the_subscription() {
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
        // sleep: two of these are more than the limit, and one is less.
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
async fn calls_under_way_behind_one_that_the_master_disowns_still_get_their_answers() {
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
