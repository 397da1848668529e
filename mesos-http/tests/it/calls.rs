//! Calls: their connection, their order, their answers, and the end of the subscription.

use std::time::Duration;

use mesos_core::backend::Answer;
use mesos_core::{Delivery, ErrorKind};

use crate::peer::*;

#[tokio::test]
async fn calls_use_their_own_connection_and_carry_the_stream_id() {
    let server = Server::start().await;
    let (subscription, _stream) = server.subscribed(server.backend()).await;
    assert!(server.is_quiet().await, "a connection without a call");
    let answer = subscription.calls.send(kill("t")).await.unwrap();
    let mut peer = server.accept().await;
    let request = peer.request().await;
    assert_eq!(request.line, "POST /api/v1/scheduler HTTP/1.1");
    assert_eq!(
        request.header("content-type"),
        Some("application/x-protobuf")
    );
    assert_eq!(request.header("accept"), Some("application/x-protobuf"));
    assert_eq!(request.header("mesos-stream-id"), Some(STREAM_ID));
    assert_eq!(killed(&request), "t");
    peer.respond("202 Accepted", "", "").await;
    soon("the answer", answer).await.unwrap();
}

#[tokio::test]
async fn calls_arrive_in_the_order_in_which_they_were_made() {
    let server = Server::start().await;
    let (subscription, _stream) = server.subscribed(server.backend()).await;
    let mut answers = Vec::new();
    for task in 0..50 {
        answers.push(
            subscription
                .calls
                .send(kill(&task.to_string()))
                .await
                .unwrap(),
        );
    }
    let mut peer = server.accept().await;
    for task in 0..50 {
        assert_eq!(killed(&peer.request().await), task.to_string());
        // UPDATE_FRAMEWORK is answered with 200.
        let status = if task % 2 == 0 {
            "202 Accepted"
        } else {
            "200 OK"
        };
        peer.respond(status, "", "").await;
    }
    for answer in answers {
        soon("an answer", answer).await.unwrap();
    }
    assert!(server.is_quiet().await, "a second connection");
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_call_ends_the_subscription_and_no_later_call_is_sent() {
    let server = Server::start().await;
    let (mut subscription, stream) = server.subscribed(server.backend()).await;
    let first = subscription.calls.send(kill("1")).await.unwrap();
    let second = subscription.calls.send(kill("2")).await.unwrap();
    let third = subscription.calls.send(kill("3")).await.unwrap();
    let mut peer = server.accept().await;
    assert_eq!(killed(&peer.request().await), "1");
    drop(peer);
    let error = soon("the answer", first).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::Transport, Delivery::Unknown)
    );
    assert!(error.is_retryable());

    // On another connection they could overtake the first call, which a proxy may still have.
    for answer in [second, third] {
        let error = soon("the answer", answer).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.delivery()),
            (ErrorKind::NotSubscribed, Delivery::NotSent)
        );
    }
    assert_eq!(end(&mut subscription).await.kind(), ErrorKind::Transport);
    stream.closed().await;
    assert!(server.is_quiet().await);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_fails_no_call() {
    let server = Server::start().await;
    let (subscription, _stream) = server.subscribed(server.backend()).await;
    for task in ["1", "2", "3"] {
        let answer = subscription.calls.send(kill(task)).await.unwrap();
        let mut peer = server.accept().await;
        assert_eq!(killed(&peer.request().await), task);
        peer.respond("202 Accepted", "", "").await;
        soon("the answer", answer).await.unwrap();
        peer.hang_up().await;
    }
}

#[tokio::test]
async fn a_refused_call_affects_neither_the_subscription_nor_the_next_call() {
    let server = Server::start().await;
    let (mut subscription, mut stream) = server.subscribed(server.backend()).await;
    let refused = subscription.calls.send(kill("1")).await.unwrap();
    let next_one = subscription.calls.send(kill("2")).await.unwrap();
    let mut peer = server.accept().await;
    peer.request().await;
    peer.respond(
        "400 Bad Request",
        "",
        "Failed to validate scheduler::Call: no",
    )
    .await;
    let error = soon("the answer", refused).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::Rejected, Delivery::Refused)
    );
    assert_eq!(error.status(), Some(400));
    assert_eq!(
        error.to_string(),
        format!(
            "http://{} answered KILL with 400 Bad Request: Failed to validate scheduler::Call: no",
            server.address
        )
    );
    assert_eq!(killed(&peer.request().await), "2");
    peer.respond("202 Accepted", "", "").await;
    soon("the answer", next_one).await.unwrap();
    stream.chunk(record(&heartbeat())).await;
    assert_eq!(next(&mut subscription).await, heartbeat());
}

#[tokio::test]
async fn a_call_without_an_answer_is_unknown_and_ends_the_subscription_and_later_calls() {
    let server = Server::start().await;
    let backend = server
        .backend()
        .response_timeout(Duration::from_millis(100));
    let (mut subscription, mut stream) = server.subscribed(backend).await;
    stream.chunk(record(&subscribed(15.0))).await;
    // The caller need not wait for the answer.
    let hung = subscription.calls.send(kill("1")).await.unwrap();
    let next_one = subscription.calls.send(kill("2")).await.unwrap();
    let mut peer = server.accept().await;
    peer.request().await;
    let error = soon("the answer", hung).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::Timeout, Delivery::Unknown)
    );
    peer.closed().await;
    let error = soon("the answer", next_one).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::NotSubscribed, Delivery::NotSent)
    );
    // After the earlier events.
    assert_eq!(next(&mut subscription).await, subscribed(15.0));
    assert_eq!(end(&mut subscription).await.kind(), ErrorKind::Timeout);
    stream.closed().await;
    assert!(server.is_quiet().await);
}

#[tokio::test]
async fn a_call_whose_subscription_the_master_does_not_know_ends_the_subscription() {
    let server = Server::start().await;
    let (mut subscription, mut stream) = server.subscribed(server.backend()).await;
    stream.chunk(record(&subscribed(15.0))).await;
    drop(subscription.calls.send(kill("t")).await.unwrap());
    let mut peer = server.accept().await;
    peer.request().await;
    peer.respond("403 Forbidden", "", "Framework is not subscribed")
        .await;
    assert_eq!(next(&mut subscription).await, subscribed(15.0));
    assert_eq!(
        end(&mut subscription).await.kind(),
        ErrorKind::NotSubscribed
    );
    stream.closed().await;
}

#[tokio::test]
async fn a_redirected_call_is_not_followed_and_ends_the_subscription() {
    for status in ["307 Temporary Redirect", "308 Permanent Redirect"] {
        let server = Server::start().await;
        let (mut subscription, stream) = server.subscribed(server.backend()).await;
        let answer = subscription.calls.send(kill("t")).await.unwrap();
        let later = subscription.calls.send(kill("later")).await.unwrap();
        let mut peer = server.accept().await;
        peer.request().await;
        let location = "Location: //127.0.0.1:1/api/v1/scheduler\r\n";
        peer.respond(status, location, "").await;
        let error = soon("the answer", answer).await.unwrap_err();
        let redirected = (ErrorKind::NotLeader, Delivery::Refused);
        assert_eq!((error.kind(), error.delivery()), redirected);
        // The other calls would go to the same master.
        let error = soon("the answer", later).await.unwrap_err();
        assert_eq!(error.delivery(), Delivery::NotSent);
        assert_eq!(end(&mut subscription).await.kind(), ErrorKind::NotLeader);
        stream.closed().await;
        peer.closed().await;
    }
}

#[tokio::test]
async fn an_answer_about_an_unknown_subscription_has_the_kind_not_subscribed() {
    let server = Server::start().await;
    let (subscription, _stream) = server.subscribed(server.backend()).await;
    let answer = subscription.calls.send(kill("t")).await.unwrap();
    let mut peer = server.accept().await;
    peer.request().await;
    peer.respond("403 Forbidden", "", "Framework is not subscribed")
        .await;
    let error = soon("the answer", answer).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::NotSubscribed, Delivery::Refused)
    );
}

#[tokio::test]
async fn calls_after_the_end_of_the_stream_are_not_sent() {
    let server = Server::start().await;
    let (mut subscription, mut stream) = server.subscribed(server.backend()).await;
    stream.send("0\r\n\r\n").await;
    end(&mut subscription).await;
    // Queued or not: both calls fail and were not sent.
    let error = match subscription.calls.send(kill("t")).await {
        Ok(answer) => soon("the answer", answer).await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::NotSubscribed, Delivery::NotSent)
    );
    assert_eq!(
        error.to_string(),
        format!(
            "KILL was not sent: its subscription with http://{} has ended",
            server.address
        )
    );
    assert!(server.is_quiet().await);
}

#[tokio::test]
async fn calls_after_the_events_were_dropped_are_not_sent() {
    let server = Server::start().await;
    let (subscription, stream) = server.subscribed(server.backend()).await;
    drop(subscription.events);
    stream.closed().await;
    let error = match subscription.calls.send(kill("t")).await {
        Ok(answer) => soon("the answer", answer).await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::NotSubscribed, Delivery::NotSent)
    );
    assert!(server.is_quiet().await);
}

#[tokio::test]
async fn a_call_that_ends_the_stream_still_receives_its_answer() {
    let server = Server::start().await;
    let (mut subscription, mut stream) = server.subscribed(server.backend()).await;
    // As with TEARDOWN: the stream ends before the answer arrives.
    let answer = subscription.calls.send(kill("teardown")).await.unwrap();
    let waiting = subscription.calls.send(kill("too late")).await.unwrap();
    let mut peer = server.accept().await;
    peer.request().await;
    stream.send("0\r\n\r\n").await;
    end(&mut subscription).await;
    // sleep: the answer has to arrive late, but within its 2 s.
    tokio::time::sleep(Duration::from_millis(200)).await;
    peer.respond("202 Accepted", "", "").await;
    soon("the answer", answer).await.unwrap();
    let error = soon("the answer", waiting).await.unwrap_err();
    assert_eq!(error.delivery(), Delivery::NotSent);
    peer.closed().await;
}

#[tokio::test]
async fn a_call_in_flight_at_the_end_of_the_stream_is_unknown_without_an_answer() {
    let server = Server::start().await;
    let (mut subscription, mut stream) = server.subscribed(server.backend()).await;
    let answer = subscription.calls.send(kill("t")).await.unwrap();
    let mut peer = server.accept().await;
    peer.request().await;
    stream.send("0\r\n\r\n").await;
    end(&mut subscription).await;
    let error = soon("the answer", answer).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::NotSubscribed, Delivery::Unknown)
    );
    assert_eq!(
        error.to_string(),
        format!(
            "KILL was not answered before its subscription with http://{} ended",
            server.address
        )
    );
    peer.closed().await;
}

#[tokio::test]
async fn callers_wait_while_the_queue_is_full_and_a_dropped_future_makes_no_call() {
    let server = Server::start().await;
    let (subscription, _stream) = server.subscribed(server.backend().call_queue(1)).await;
    let first = subscription.calls.send(kill("1")).await.unwrap();
    let mut peer = server.accept().await;
    peer.request().await;
    // The worker waits for the first answer; the queue has room for one call.
    let second = subscription.calls.send(kill("2")).await.unwrap();
    let full = tokio::time::timeout(
        Duration::from_millis(50),
        subscription.calls.send(kill("left")),
    );
    assert!(full.await.is_err(), "there was room");
    peer.respond("202 Accepted", "", "").await;
    soon("the answer", first).await.unwrap();
    assert_eq!(killed(&peer.request().await), "2");
    let third = subscription.calls.send(kill("3")).await.unwrap();
    peer.respond("202 Accepted", "", "").await;
    assert_eq!(killed(&peer.request().await), "3");
    peer.respond("202 Accepted", "", "").await;
    soon("the answer", second).await.unwrap();
    soon("the answer", third).await.unwrap();
}

#[tokio::test]
async fn a_call_that_must_not_wait_is_sent_in_order_or_returned_if_the_queue_is_full() {
    let server = Server::start().await;
    let (subscription, _stream) = server.subscribed(server.backend().call_queue(1)).await;
    let calls = &subscription.calls;
    let (sender, first) = Answer::channel();
    assert!(
        calls.try_send(&kill("1"), sender).is_none(),
        "there is room"
    );
    let mut peer = server.accept().await;
    assert_eq!(killed(&peer.request().await), "1");
    // The worker waits for the first answer; the queue has room for one call.
    let second = calls.send(kill("2")).await.unwrap();
    let (sender, third) = Answer::channel();
    let sender = calls
        .try_send(&kill("3"), sender)
        .expect("the queue is full");
    peer.respond("202 Accepted", "", "").await;
    soon("the answer", first).await.unwrap();
    assert_eq!(killed(&peer.request().await), "2");
    assert!(
        calls.try_send(&kill("3"), sender).is_none(),
        "there is room"
    );
    peer.respond("202 Accepted", "", "").await;
    soon("the answer", second).await.unwrap();
    assert_eq!(killed(&peer.request().await), "3");
    peer.respond("400 Bad Request", "", "no").await;
    let refused = soon("the answer", third).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Rejected);
}

#[tokio::test]
async fn two_subscriptions_never_mix_their_stream_ids() {
    let server = Server::start().await;
    let (old, old_stream) = server.subscribed(server.backend()).await;
    let client = subscribe(server.backend());
    let mut stream = server.accept().await;
    stream.request().await;
    stream.send(STREAM_HEAD.replace(STREAM_ID, "second")).await;
    let new = soon("subscribe", client).await.unwrap().unwrap();

    let answer = new.calls.send(kill("t")).await.unwrap();
    let mut peer = server.accept().await;
    assert_eq!(
        peer.request().await.header("mesos-stream-id"),
        Some("second")
    );
    peer.respond("202 Accepted", "", "").await;
    soon("the answer", answer).await.unwrap();

    let answer = old.calls.send(kill("t")).await.unwrap();
    let mut peer = server.accept().await;
    assert_eq!(
        peer.request().await.header("mesos-stream-id"),
        Some(STREAM_ID)
    );
    peer.respond(
        "400 Bad Request",
        "",
        "The stream ID 'x' included in this request didn't match",
    )
    .await;
    let error = soon("the answer", answer).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
    drop(old.events);
    old_stream.closed().await;
}
