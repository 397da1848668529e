//! Several calls in flight when their token is refused.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use mesos_core::executor::Token;
use mesos_core::{Delivery, ErrorKind, Result};
use mesos_http::{Credentials, TokenProvider};

use crate::peer::*;
use crate::pipeline::*;

/// Provides the tokens `t1`, `t2`, …
struct Counter(AtomicUsize);

#[async_trait]
impl TokenProvider for Counter {
    async fn token(&self) -> Result<Token> {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Token::new(format!("t{number}")))
    }
}

fn tokens() -> Credentials {
    Credentials::provider(Counter(AtomicUsize::new(0)))
}

/// Checks that the next requests are these, with this token.
async fn with_token<const N: usize>(peer: &mut Peer, token: &str, tasks: [&str; N]) {
    for task in tasks {
        let request = peer.request().await;
        let header = request.header("authorization").unwrap();
        let token = format!("Bearer {token}");
        // A long name is only padding.
        let name = |task: &str| task[..task.len().min(9)].to_owned();
        assert_eq!(
            (name(&killed(&request)), header),
            (name(task), token.as_str())
        );
    }
}

const REFUSED: &str = "401 Unauthorized";

#[tokio::test]
async fn calls_with_an_old_token_are_repeated_in_order_before_later_calls() {
    let server = Server::start().await;
    let backend = server.backend().pipeline(3).credentials(tokens());
    let (subscription, _stream) = server.subscribed(backend).await;
    let mut peer = proven(&server, &subscription).await;
    let [a, b, c, d, e] = kills(&subscription, ["a", "b", "c", "d", "e"]).await;
    with_token(&mut peer, "t1", ["a", "b", "c"]).await;
    peer.respond(REFUSED, "", "").await;
    assert!(peer.is_quiet().await, "with the old token, or out of order");
    peer.respond(REFUSED, "", "").await;
    // A refusal for another reason does not repeat the other calls.
    peer.respond("403 Forbidden", "", "not yours").await;
    assert_eq!(failed(c).await, (ErrorKind::Forbidden, Delivery::Refused));
    with_token(&mut peer, "t2", ["a"]).await;
    assert!(peer.is_quiet().await, "the new token is not proven");
    peer.respond(TAKEN, "", "").await;
    with_token(&mut peer, "t2", ["b", "d", "e"]).await;
    for answer in [a, b, d, e] {
        peer.respond(TAKEN, "", "").await;
        taken(answer).await;
    }
}

#[tokio::test]
async fn a_call_with_an_old_token_is_not_repeated_after_an_accepted_call() {
    let server = Server::start().await;
    let backend = server.backend().pipeline(3).credentials(tokens());
    let (subscription, _stream) = server.subscribed(backend).await;
    let mut peer = proven(&server, &subscription).await;
    let [a, b, c] = kills(&subscription, ["a", "b", "c"]).await;
    with_token(&mut peer, "t1", ["a", "b", "c"]).await;
    peer.respond(REFUSED, "", "").await;
    peer.respond(TAKEN, "", "").await;
    taken(b).await;
    assert_eq!(
        failed(a).await,
        (ErrorKind::Unauthorized, Delivery::Refused)
    );
    peer.respond(REFUSED, "", "").await;
    with_token(&mut peer, "t2", ["c"]).await;
    peer.respond(TAKEN, "", "").await;
    taken(c).await;
}

#[tokio::test]
async fn a_call_with_an_old_token_is_not_repeated_after_a_call_with_an_unknown_result() {
    let server = Server::start().await;
    let backend = server.backend().credentials(tokens());
    let (subscription, _stream) = server.subscribed(backend).await;
    let mut peer = proven(&server, &subscription).await;
    let [a, b] = kills(&subscription, ["a", "b"]).await;
    with_token(&mut peer, "t1", ["a", "b"]).await;
    peer.respond(REFUSED, "", "").await;
    drop(peer);
    assert_eq!(
        failed(a).await,
        (ErrorKind::Unauthorized, Delivery::Refused)
    );
    assert_eq!(failed(b).await, LOST);
    assert!(server.is_quiet().await);
}

#[tokio::test]
async fn a_token_that_is_refused_with_a_close_is_replaced_on_another_connection() {
    let server = Server::start().await;
    let backend = server.backend().credentials(tokens());
    let (subscription, _stream) = server.subscribed(backend).await;
    let mut peer = proven(&server, &subscription).await;
    let [a] = kills(&subscription, ["a"]).await;
    with_token(&mut peer, "t1", ["a"]).await;
    peer.respond(REFUSED, "Connection: close\r\n", "").await;
    let mut peer = server.accept().await;
    with_token(&mut peer, "t2", ["a"]).await;
    peer.respond(TAKEN, "", "").await;
    taken(a).await;
}

/// A socket whose buffer holds little more than the written calls.
#[cfg(unix)]
#[tokio::test]
async fn calls_that_were_not_written_before_a_401_stay_after_the_written_ones() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let accept = || async {
        let (stream, _) = soon("a connection", listener.accept()).await.unwrap();
        Peer::over(stream)
    };
    let backend = mesos_http::HttpBackend::new("http://m".parse().unwrap()).unix_socket(&path);
    let client = subscribe(backend.credentials(tokens()));
    let mut stream = accept().await;
    stream.request().await;
    stream.send(STREAM_HEAD).await;
    let subscription = soon("subscribe", client).await.unwrap().unwrap();
    let tasks: Vec<String> = (0..60)
        .map(|task| format!("{task} {}", "x".repeat(30_000)))
        .collect();
    let mut answers = Vec::new();
    for task in &tasks {
        answers.push(subscription.calls.send(kill(task)).await.unwrap());
    }
    let mut peer = accept().await;
    with_token(&mut peer, "t1", [&tasks[0]]).await;
    peer.respond(TAKEN, "", "").await;
    // Calls are written as soon as the socket has room.
    for task in &tasks[1..20] {
        with_token(&mut peer, "t1", [task]).await;
    }
    // The socket is full again, and its content is read after the refusal.
    peer.respond(REFUSED, "", "").await;
    for _ in 2..20 {
        peer.respond(REFUSED, "", "").await;
    }
    let mut written = 19;
    loop {
        written += 1;
        with_token(&mut peer, "t1", [&tasks[written]]).await;
        let last = peer.is_quiet().await;
        peer.respond(REFUSED, "", "").await;
        if last {
            break;
        }
    }
    assert!(written < tasks.len() - 1, "all of it was written");
    for task in &tasks[1..] {
        with_token(&mut peer, "t2", [task]).await;
        peer.respond(TAKEN, "", "").await;
    }
    for answer in answers {
        taken(answer).await;
    }
}
