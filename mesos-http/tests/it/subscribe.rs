//! Opening a subscription: the request, and the errors for refusals.

use std::time::Duration;

use mesos_core::backend::{Backend, ExecutorApi, Incoming};
use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{
    BackoffPolicy, Delivery, Error, ErrorKind, Framework, Scheduler, SchedulerDriver, error_chain,
};
use mesos_http::{Codec, Endpoint, HttpBackend};
use mesos_proto::v1::executor;
use tokio::net::TcpListener;

use crate::peer::*;

/// Subscribes to a peer with one answer, which is a failure.
pub(crate) async fn refused(respond: impl AsyncFnOnce(&mut Peer)) -> (Error, String) {
    let server = Server::start().await;
    let client = subscribe(server.backend());
    let mut peer = server.accept().await;
    peer.request().await;
    respond(&mut peer).await;
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    peer.closed().await;
    (error, format!("http://{}", server.address))
}

#[tokio::test]
async fn the_request_has_the_headers_and_body_that_a_master_expects() {
    let server = Server::start().await;
    let client = subscribe(HttpBackend::new(server.endpoint("/master/").into()));
    let mut peer = server.accept().await;
    let request = peer.request().await;
    assert_eq!(request.line, "POST /master/api/v1/scheduler HTTP/1.1");
    assert_eq!(request.header("host"), Some(server.address.as_str()));
    assert_eq!(
        request.header("content-type"),
        Some("application/x-protobuf")
    );
    assert_eq!(request.header("accept"), Some("application/x-protobuf"));
    assert_eq!(request.header("mesos-stream-id"), None);
    assert_eq!(request.call(), subscribe_call());
    peer.send(STREAM_HEAD).await;
    let subscription = soon("subscribe", client).await.unwrap().unwrap();
    assert_eq!(
        subscription.peer,
        format!("http://{}/master", server.address)
    );
}

#[tokio::test]
async fn an_executor_subscribes_at_its_agent_without_a_stream_id() {
    let server = Server::start().await;
    let pid = format!("slave(1)@{}", server.address);
    let backend = HttpBackend::new(Endpoint::from_pid(&pid).unwrap().into());
    let client = tokio::spawn(async move {
        Backend::<ExecutorApi>::subscribe(&backend, executor::Call::default()).await
    });
    let mut peer = server.accept().await;
    assert_eq!(
        peer.request().await.line,
        "POST /slave(1)/api/v1/executor HTTP/1.1"
    );
    peer.send(STREAM_HEAD.replace("Mesos-Stream-Id: ", "X-Other: "))
        .await;
    let subscription = soon("subscribe", client).await.unwrap().unwrap();

    let answer = subscription
        .calls
        .send(executor::Call::default())
        .await
        .unwrap();
    let mut peer = server.accept().await;
    assert_eq!(peer.request().await.header("mesos-stream-id"), None);
    peer.respond("202 Accepted", "", "").await;
    soon("the answer", answer).await.unwrap();
}

#[tokio::test]
async fn json_is_sent_and_requested_with_its_exact_media_type() {
    let server = Server::start().await;
    let client = subscribe(server.backend().codec(Codec::Json));
    let mut peer = server.accept().await;
    let request = peer.request().await;
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(
        request.body,
        // The last two have defaults in the schema, and are always written.
        concat!(
            r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"nobody","#,
            r#""name":"scripted","failover_timeout":0.0,"checkpoint":false}}}"#,
        )
    );
    peer.send(STREAM_HEAD.replace("x-protobuf", "json")).await;
    let mut subscription = soon("subscribe", client).await.unwrap().unwrap();
    // With a key and a type of a newer master.
    let json = r#"{"type":"NEWER","error":{"message":"m"},"newer":[1]}"#;
    peer.chunk(format!("{}\n{json}", json.len())).await;
    match soon("an event", subscription.events.next()).await.unwrap() {
        Incoming::Event(event, raw) => {
            assert_eq!(event.error, error("m").error);
            assert_eq!((event.r#type, raw), (None, json.into()));
        }
        other => panic!("{other:?}"),
    }

    let _answer = subscription.calls.send(kill("t")).await.unwrap();
    let mut peer = server.accept().await;
    let request = peer.request().await;
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        request.body,
        r#"{"type":"KILL","kill":{"task_id":{"value":"t"}}}"#
    );
}

#[tokio::test]
async fn an_executors_token_is_in_every_request_and_in_no_output() {
    let server = Server::start().await;
    let pid = format!("slave(1)@{}", server.address);
    let environment = |token: &str| {
        let variables = [
            ("MESOS_FRAMEWORK_ID", "f"),
            ("MESOS_EXECUTOR_ID", "e"),
            ("MESOS_SLAVE_PID", &pid),
            ("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", token),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        ExecutorEnvironment::parse(variables).unwrap()
    };
    let backend = HttpBackend::for_executor(&environment("sesame")).unwrap();
    assert!(!format!("{backend:?}").contains("sesame"), "{backend:?}");
    let client = tokio::spawn(async move {
        Backend::<ExecutorApi>::subscribe(&backend, executor::Call::default()).await
    });
    let mut peer = server.accept().await;
    let request = peer.request().await;
    assert_eq!(request.line, "POST /slave(1)/api/v1/executor HTTP/1.1");
    assert_eq!(request.header("authorization"), Some("Bearer sesame"));
    peer.send(STREAM_HEAD).await;
    let subscription = soon("subscribe", client).await.unwrap().unwrap();
    let _answer = subscription
        .calls
        .send(executor::Call::default())
        .await
        .unwrap();
    let mut peer = server.accept().await;
    assert_eq!(
        peer.request().await.header("authorization"),
        Some("Bearer sesame")
    );

    let error = HttpBackend::for_executor(&environment("open\nsesame")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "MESOS_EXECUTOR_AUTHENTICATION_TOKEN: the token contains characters that a header does \
         not allow, such as a line break"
    );
    assert!(!format!("{error:?}").contains("sesame"));
}

#[tokio::test]
async fn a_refused_connection_is_a_retryable_error_with_the_address() {
    // Bound and let go, so that nobody listens on it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let backend = HttpBackend::new(format!("http://{address}").parse().unwrap());
    let error = soon("subscribe", subscribe(backend))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert!(error.is_retryable());
    assert!(error.is_configuration());
    assert_eq!(
        error.to_string(),
        format!("cannot connect to http://{address}")
    );
    assert!(
        error_chain(&error).contains("refused"),
        "{}",
        error_chain(&error)
    );
}

#[tokio::test]
async fn an_unknown_host_name_is_an_error_with_the_address() {
    let backend = HttpBackend::new("http://no-such-host.invalid:5050".parse().unwrap());
    let error = soon("subscribe", subscribe(backend))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(
        error.to_string(),
        "cannot resolve the host name of http://no-such-host.invalid:5050"
    );
    assert!(error.is_configuration());
}

#[tokio::test]
async fn a_missing_answer_is_a_timeout_with_the_limit_in_the_message() {
    let server = Server::start().await;
    let limit = Duration::from_millis(100);
    let client = subscribe(server.backend().response_timeout(limit));
    let mut peer = server.accept().await;
    peer.request().await;
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        format!(
            "http://{} did not answer POST /api/v1/scheduler within 100ms",
            server.address
        )
    );
    peer.closed().await;
}

#[tokio::test]
async fn dropping_the_attempt_closes_its_connection() {
    let server = Server::start().await;
    let client = subscribe(server.backend());
    let mut peer = server.accept().await;
    peer.request().await;
    client.abort();
    peer.closed().await;
}

#[tokio::test]
async fn a_peer_that_does_not_speak_http_is_an_error() {
    let (error, at) = refused(async |peer| peer.send("SSH-2.0-OpenSSH_9.6\r\n").await).await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(
        error.to_string(),
        format!("{at} does not speak HTTP; is the port right?")
    );
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_is_a_transport_error() {
    let server = Server::start().await;
    let client = subscribe(server.backend());
    let mut peer = server.accept().await;
    peer.request().await;
    drop(peer);
    // The client checks whether the port expects TLS.
    let mut probe = server.accept().await;
    probe.some().await;
    drop(probe);
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(error.delivery(), Delivery::Unknown);
    assert!(!error.is_configuration(), "{error}");
    assert_eq!(
        error.to_string(),
        format!(
            "the connection to http://{} broke before POST /api/v1/scheduler was answered",
            server.address
        )
    );
}

#[tokio::test]
async fn a_web_page_is_not_a_master() {
    let (error, at) = refused(async |peer| {
        peer.respond(
            "200 OK",
            "Content-Type: text/html; charset=utf-8\r\n",
            "<html>",
        )
        .await;
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(
        error.to_string(),
        format!(
            "{at} answered SUBSCRIBE with 200, but with \"text/html\" instead of \
             \"application/x-protobuf\"; it is not a Mesos master"
        )
    );
}

#[tokio::test]
async fn an_answer_without_stream_id_or_content_type_is_not_from_a_master() {
    let (error, at) = refused(async |peer| {
        peer.send(STREAM_HEAD.replace("Mesos-Stream-Id: ", "X-Other: "))
            .await;
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(
        error.to_string(),
        format!(
            "{at} answered SUBSCRIBE with 200, but without a Mesos-Stream-Id; it is not a Mesos \
             master"
        )
    );
    let (error, at) = refused(async |peer| peer.respond("200 OK", "", "").await).await;
    assert_eq!(
        error.to_string(),
        format!(
            "{at} answered SUBSCRIBE with 200, but without a Content-Type; it is not a Mesos \
             master"
        )
    );
}

#[tokio::test]
async fn a_missing_api_is_a_retryable_error_that_says_what_to_check() {
    let server = Server::start().await;
    let client = subscribe(server.backend());
    for path in ["/api/v1/scheduler", "/master/api/v1/scheduler"] {
        let mut peer = server.accept().await;
        assert_eq!(peer.request().await.line, format!("POST {path} HTTP/1.1"));
        peer.respond("404 Not Found", "", "404 Not Found.").await;
    }
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    let at = format!("http://{}", server.address);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_configuration());
    assert_eq!(error.status(), Some(404));
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        format!(
            "{at} does not serve /api/v1/scheduler (404 Not Found); either it has just started, \
             or the address lacks a prefix, or the peer is not a Mesos master"
        )
    );
}

#[tokio::test]
async fn an_api_that_is_only_at_the_other_prefix_is_found() {
    for (written, other) in [
        ("", "/master"),
        ("/master", ""),
        ("/mesos", "/mesos/master"),
    ] {
        let server = Server::start().await;
        let client = subscribe(HttpBackend::new(server.endpoint(written).into()));
        let mut peer = server.accept().await;
        peer.request().await;
        peer.respond("404 Not Found", "", "404 Not Found.").await;
        let mut peer = server.accept().await;
        let line = peer.request().await.line;
        assert_eq!(line, format!("POST {other}/api/v1/scheduler HTTP/1.1"));
        peer.send(STREAM_HEAD).await;
        let subscription = soon("subscribe", client).await.unwrap().unwrap();
        assert_eq!(
            subscription.peer,
            format!("http://{}{other}", server.address)
        );
    }
}

#[tokio::test]
async fn a_refusal_has_a_kind_and_the_masters_reason() {
    for (status, body, kind, retryable, message) in [
        (
            "503 Service Unavailable",
            "Master has not finished recovery",
            ErrorKind::Unavailable,
            true,
            "answered SUBSCRIBE with 503 Service Unavailable: Master has not finished recovery",
        ),
        (
            "400 Bad Request",
            "Failed to validate scheduler::Call: no",
            ErrorKind::Rejected,
            false,
            "answered SUBSCRIBE with 400 Bad Request: Failed to validate scheduler::Call: no",
        ),
        (
            "401 Unauthorized",
            "",
            ErrorKind::Unauthorized,
            false,
            "answered SUBSCRIBE with 401 Unauthorized; the peer requires credentials; set them \
             with `credentials` of HttpBackend or OperatorClient",
        ),
        (
            "403 Forbidden",
            "Not authorized",
            ErrorKind::Forbidden,
            false,
            "answered SUBSCRIBE with 403 Forbidden: Not authorized",
        ),
        (
            "405 Method Not Allowed",
            "",
            ErrorKind::Protocol,
            true,
            "answered SUBSCRIBE with 405 Method Not Allowed; is the peer Mesos?",
        ),
        (
            "302 Found",
            "",
            ErrorKind::Protocol,
            true,
            "answered SUBSCRIBE with 302 Found; is the peer Mesos?",
        ),
    ] {
        let (error, at) = refused(async |peer| peer.respond(status, "", body).await).await;
        assert_eq!(error.to_string(), format!("{at} {message}"));
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (kind, retryable),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_long_reason_is_truncated() {
    let text = format!("because {}", "x".repeat(100_000));
    let (error, at) = refused(async |peer| peer.respond("400 Bad Request", "", &text).await).await;
    let start = format!("{at} answered SUBSCRIBE with 400 Bad Request: because xxxx");
    assert!(error.to_string().starts_with(&start), "{error}");
    assert!(error.to_string().len() < 700, "{error}");
}

#[tokio::test]
async fn an_endless_refusal_ends_the_attempt() {
    let limit = Duration::from_millis(100);
    let server = Server::start().await;
    let client = subscribe(server.backend().response_timeout(limit));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.send("HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    peer.chunk("because").await;
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    assert!(
        error.to_string().ends_with("400 Bad Request: because"),
        "{error}"
    );
}

struct Idle;

impl Scheduler for Idle {}

/// Proxies refuse in this way while they have no master, and while an operator changes them.
const HTML: &str = "Content-Type: text/html\r\n";

#[tokio::test]
async fn a_4xx_of_a_proxy_ends_a_new_driver_and_is_retried_by_a_driver_that_was_subscribed() {
    let statuses = [
        "400 Bad Request",
        "403 Forbidden",
        "413 Payload Too Large",
        "421 Misdirected Request",
    ];
    for status in statuses {
        let (error, at) = refused(async |peer| peer.respond(status, HTML, "<h1>No").await).await;
        assert_eq!(
            error.to_string(),
            format!("{at} answered SUBSCRIBE with {status}: (an HTML page); is the peer Mesos?")
        );
        // A driver that was never subscribed ends with this kind.
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(error.delivery(), Delivery::Refused);
    }

    let server = Server::start().await;
    let quick = BackoffPolicy::new(Duration::from_millis(10), Duration::from_millis(20));
    let framework = Framework::ephemeral("f").backoff(quick);
    let driver = SchedulerDriver::start(Idle, framework, server.backend());
    let grant = async || {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.send(STREAM_HEAD).await;
        peer.chunk(record(&subscribed(15.0))).await;
        soon("subscribed", driver.when_subscribed()).await.unwrap();
        peer
    };
    grant().await.hang_up().await;
    for status in statuses {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.respond(status, HTML, "<h1>No").await;
    }
    let peer = grant().await;
    driver.abort();
    soon("the end", driver.join()).await.unwrap();
    drop(peer);
}
