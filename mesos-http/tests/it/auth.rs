//! Credentials: the header of every request, and the reaction to a 401.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use mesos_core::backend::Incoming;
use mesos_core::executor::Token;
use mesos_core::{Delivery, Error, ErrorKind, Result};
use mesos_http::{Credentials, OperatorClient, TokenProvider};
use mesos_proto::v1::master;

use crate::peer::*;

const REFUSED: &str = "401 Unauthorized";
const CHALLENGE: &str = "WWW-Authenticate: Basic realm=\"mesos-master-scheduler\"\r\n";

/// Provides the tokens `t1`, `t2`, …, and an error instead of the last one.
struct Counter {
    given: AtomicUsize,
    last: usize,
}

impl Counter {
    fn until(last: usize) -> Credentials {
        let given = AtomicUsize::new(0);
        Credentials::provider(Self { given, last })
    }
}

#[async_trait]
impl TokenProvider for Counter {
    async fn token(&self) -> Result<Token> {
        let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        if number < self.last {
            return Ok(Token::new(format!("t{number}")));
        }
        let message = "the login service does not know us any more";
        Err(Error::new(ErrorKind::Unauthorized, message).with_delivery(Delivery::NotSent))
    }
}

fn bearer(request: &Request) -> &str {
    let value = request.header("authorization").expect("a token");
    value.strip_prefix("Bearer ").expect("a bearer token")
}

fn get_version() -> master::Call {
    master::Call {
        r#type: Some(master::call::Type::GetVersion.into()),
        ..Default::default()
    }
}

#[tokio::test]
async fn credentials_go_with_the_subscription_its_calls_and_the_operator_api() {
    let server = Server::start().await;
    let credentials = Credentials::basic("Aladdin", "open sesame").unwrap();
    let expected = Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");

    let client = subscribe(server.backend().credentials(credentials.clone()));
    let mut stream = server.accept().await;
    assert_eq!(stream.request().await.header("authorization"), expected);
    stream.send(STREAM_HEAD).await;
    let subscription = soon("subscribe", client).await.unwrap().unwrap();
    let _answers = [
        subscription.calls.send(kill("a")).await.unwrap(),
        subscription.calls.send(kill("b")).await.unwrap(),
    ];
    let mut calls = server.accept().await;
    for _ in 0..2 {
        assert_eq!(calls.request().await.header("authorization"), expected);
        calls.respond("202 Accepted", "", "").await;
    }

    let operator = OperatorClient::for_endpoint(server.endpoint("")).credentials(credentials);
    let script = async {
        let mut peer = server.accept().await;
        assert_eq!(peer.request().await.header("authorization"), expected);
        peer.respond("202 Accepted", "", "").await;
    };
    let call = get_version();
    let (_, answer) = tokio::join!(script, operator.call_master(&call));
    answer.unwrap();
}

#[tokio::test]
async fn a_401_is_an_error_with_the_realm_and_the_setting() {
    let basic = Credentials::basic("p", "s3cret").unwrap();
    let bearer = Credentials::bearer(&Token::new("t0ken")).unwrap();
    for (credentials, part) in [
        (
            None,
            "the peer requires credentials for Basic realm=\"mesos-master-scheduler\"; set them \
             with",
        ),
        (
            Some(basic),
            "does not accept the principal \"p\" with this secret for Basic realm=",
        ),
        (Some(bearer), "does not accept the token for Basic realm="),
    ] {
        let server = Server::start().await;
        let backend = match credentials {
            Some(credentials) => server.backend().credentials(credentials),
            None => server.backend(),
        };
        let client = subscribe(backend);
        let mut peer = server.accept().await;
        peer.request().await;
        peer.respond(REFUSED, CHALLENGE, "").await;
        let error = soon("subscribe", client).await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.status(), error.is_retryable()),
            (ErrorKind::Unauthorized, Some(401), false)
        );
        assert!(error.to_string().contains(part), "{error}");
        assert!(server.is_quiet().await, "nothing is tried again");
    }
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_for_a_subscription_and_then_kept() {
    let server = Server::start().await;
    let client = subscribe(server.backend().credentials(Counter::until(9)));
    let mut peer = server.accept().await;
    let first = peer.request().await;
    assert_eq!(bearer(&first), "t1");
    peer.respond(REFUSED, "", "").await;
    let mut stream = server.accept().await;
    let second = stream.request().await;
    assert_eq!(bearer(&second), "t2");
    assert_eq!(second.body, first.body);
    stream.send(STREAM_HEAD).await;
    let subscription = soon("subscribe", client).await.unwrap().unwrap();

    let answer = subscription.calls.send(kill("t")).await.unwrap();
    let mut calls = server.accept().await;
    assert_eq!(bearer(&calls.request().await), "t2");
    calls.respond("202 Accepted", "", "").await;
    soon("the answer", answer).await.unwrap();
}

#[tokio::test]
async fn a_call_with_a_refused_token_is_repeated_and_the_subscription_continues() {
    let server = Server::start().await;
    let backend = server.backend().credentials(Counter::until(9));
    let (mut subscription, mut stream) = server.subscribed(backend).await;
    let answers = [
        subscription.calls.send(kill("a")).await.unwrap(),
        subscription.calls.send(kill("b")).await.unwrap(),
    ];
    let mut calls = server.accept().await;
    // The token of each call, and the answer.
    for (task, token, status) in [
        ("a", "t1", REFUSED),
        ("a", "t2", "202 Accepted"),
        ("b", "t2", REFUSED),
        ("b", "t3", REFUSED),
    ] {
        let request = calls.request().await;
        assert_eq!((killed(&request).as_str(), bearer(&request)), (task, token));
        calls.respond(status, "", "").await;
    }
    let [a, b] = answers;
    soon("an answer", a).await.unwrap();
    let error = soon("an answer", b).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::Unauthorized, Delivery::Refused)
    );
    stream.chunk(record(&subscribed(15.0))).await;
    next(&mut subscription).await;
}

#[tokio::test]
async fn an_error_of_the_provider_is_the_error_of_the_request() {
    let server = Server::start().await;
    let client = subscribe(server.backend().credentials(Counter::until(2)));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.respond(REFUSED, "", "").await;
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.to_string().contains("does not know us"), "{error}");
    assert!(server.is_quiet().await);
}

/// Provides one token, and then an error.
struct Once(AtomicUsize);

#[async_trait]
impl TokenProvider for Once {
    async fn token(&self) -> Result<Token> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(Token::new("t1")),
            // From a master, this kind would have another meaning.
            _ => Err(Error::new(ErrorKind::Timeout, "the login service is slow")),
        }
    }
}

#[tokio::test]
async fn a_provider_that_fails_for_a_call_fails_the_call_and_not_the_subscription() {
    let server = Server::start().await;
    let credentials = Credentials::provider(Once(AtomicUsize::new(0)));
    let backend = server.backend().credentials(credentials);
    let (mut subscription, mut stream) = server.subscribed(backend).await;
    let answer = subscription.calls.send(kill("t")).await.unwrap();
    let mut peer = server.accept().await;
    peer.request().await;
    peer.respond(REFUSED, "", "").await;
    let error = soon("the answer", answer).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.delivery(), Delivery::NotSent, "it was refused");
    stream.chunk(record(&heartbeat())).await;
    assert_eq!(next(&mut subscription).await, heartbeat());
}

#[tokio::test]
async fn clones_share_one_token() {
    let server = Server::start().await;
    let credentials = Counter::until(9);
    let operator =
        OperatorClient::for_endpoint(server.endpoint("")).credentials(credentials.clone());
    let script = async {
        let mut peer = server.accept().await;
        assert_eq!(bearer(&peer.request().await), "t1");
        peer.respond("202 Accepted", "", "").await;
    };
    let call = get_version();
    let (_, answer) = tokio::join!(script, operator.call_master(&call));
    answer.unwrap();

    let (_subscription, _peer) = {
        let client = subscribe(server.backend().credentials(credentials));
        let mut peer = server.accept().await;
        assert_eq!(bearer(&peer.request().await), "t1");
        peer.send(STREAM_HEAD).await;
        (soon("subscribe", client).await.unwrap().unwrap(), peer)
    };
}

/// Never returns a token.
struct Stuck;

#[async_trait]
impl TokenProvider for Stuck {
    async fn token(&self) -> Result<Token> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_provider_that_hangs_is_stopped_by_a_time_limit() {
    let server = Server::start().await;
    let backend = server
        .backend()
        .credentials(Credentials::provider(Stuck))
        .response_timeout(std::time::Duration::from_millis(50));
    let error = soon("subscribe", subscribe(backend))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::Timeout, Delivery::NotSent)
    );
    assert!(error.to_string().contains("token provider"), "{error}");
}

/// Collects all logs, at every level and of every crate.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn logs_and_errors_do_not_contain_a_secret_even_if_the_peer_sends_it_back() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // Only for this test's thread, the only one of a current-thread runtime.
    let _guard = tracing::subscriber::set_default(subscriber);
    // With a single dispatcher, tracing caches the interest of the first thread that reaches an event,
    // which may be another test's.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());

    let mut shown = Vec::new();
    for (credentials, sent) in [
        (Credentials::basic("p", "s3cret").unwrap(), "cDpzM2NyZXQ="),
        (
            Credentials::bearer(&Token::new("s3cret")).unwrap(),
            "s3cret",
        ),
        (Credentials::provider(Fixed), "s3cret"),
    ] {
        let server = Server::start().await;
        // A success and a broken stream.
        let (mut subscription, stream) = {
            let client = subscribe(server.backend().credentials(credentials.clone()));
            let mut peer = server.accept().await;
            let request = peer.request().await;
            let authorization = request.header("authorization").unwrap();
            assert!(authorization.ends_with(sent), "it was really sent");
            peer.send(STREAM_HEAD).await;
            (soon("subscribe", client).await.unwrap().unwrap(), peer)
        };
        let answer = subscription.calls.send(kill("t")).await.unwrap();
        let mut calls = server.accept().await;
        calls.request().await;
        calls
            .respond("400 Bad Request", "", format!("you sent {sent} and s3cret"))
            .await;
        let error = soon("an answer", answer).await.unwrap_err();
        assert!(error.to_string().contains("you sent *** and"), "{error}");
        shown.push(format!("{error:?} {error}"));
        stream.hang_up().await;
        match soon("the end", subscription.events.next()).await {
            Err(error) => shown.push(format!("{error:?}")),
            Ok(Incoming::Event(event, _)) => panic!("{event:?}"),
            Ok(other) => panic!("{other:?}"),
        }
        shown.push(format!("{subscription:?}"));

        // A refusal by a peer that sends back the request.
        let client = subscribe(server.backend().credentials(credentials.clone()));
        let mut last = None;
        for _ in 0..2 {
            let mut peer = server.accept().await;
            peer.request().await;
            peer.respond(REFUSED, CHALLENGE, format!("no: {sent} s3cret"))
                .await;
            last = Some(peer);
            if format!("{credentials:?}") != "Credentials(provider)" {
                break;
            }
        }
        drop(last);
        let error = soon("subscribe", client).await.unwrap().unwrap_err();
        assert_eq!(error.status(), Some(401));
        shown.push(format!("{error:?} {error}"));

        // A peer that does not exist any more.
        let backend = server.backend().credentials(credentials);
        shown.push(format!("{backend:?}"));
        drop(server);
        let error = soon("subscribe", subscribe(backend))
            .await
            .unwrap()
            .unwrap_err();
        shown.push(format!("{error:?} {error}"));
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("another"), "the log has the renewal: {log}");
    shown.push(log);
    for shown in shown {
        for secret in ["s3cret", "cDpzM2NyZXQ"] {
            assert!(!shown.contains(secret), "{secret} in: {shown}");
        }
    }
}

struct Fixed;

#[async_trait]
impl TokenProvider for Fixed {
    async fn token(&self) -> Result<Token> {
        Ok(Token::new("s3cret"))
    }
}
