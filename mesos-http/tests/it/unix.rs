//! The unix socket of an agent, whose path executors receive.

use mesos_core::backend::{Backend, ExecutorApi};
use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{Delivery, ErrorKind};
use mesos_http::HttpBackend;
use mesos_proto::v1::executor;
use tokio::net::UnixListener;

use crate::peer::*;

fn environment(more: &[(&str, &str)]) -> ExecutorEnvironment {
    let variables = [
        ("MESOS_FRAMEWORK_ID", "f"),
        ("MESOS_EXECUTOR_ID", "e"),
        // Nothing listens there.
        ("MESOS_SLAVE_PID", "slave(1)@127.0.0.1:1"),
        ("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "sesame"),
        // TLS is used only on TCP.
        ("LIBPROCESS_SSL_ENABLED", "1"),
    ];
    let variables = variables.iter().chain(more);
    ExecutorEnvironment::parse(
        variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
    .unwrap()
}

fn call(kind: executor::call::Type) -> executor::Call {
    executor::Call {
        r#type: Some(kind.into()),
        executor_id: "e".into(),
        framework_id: mesos_proto::v1::FrameworkId {
            value: "f".to_owned(),
        },
        ..Default::default()
    }
}

#[tokio::test]
async fn an_executor_with_a_domain_socket_uses_it_without_tls_and_with_its_token() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let environment = environment(&[("MESOS_DOMAIN_SOCKET", path.to_str().unwrap())]);
    let backend = HttpBackend::for_executor(&environment).unwrap();

    let subscribing = tokio::spawn(async move {
        Backend::<ExecutorApi>::subscribe(&backend, call(executor::call::Type::Subscribe)).await
    });
    let accept = || async {
        let (stream, _) = soon("a connection", listener.accept()).await.unwrap();
        Peer::over(stream)
    };
    let mut stream = accept().await;
    let request = stream.request().await;
    assert_eq!(request.line, "POST /slave(1)/api/v1/executor HTTP/1.1");
    assert_eq!(request.header("authorization"), Some("Bearer sesame"));
    stream.send(STREAM_HEAD).await;
    let subscription = soon("subscribe", subscribing).await.unwrap().unwrap();

    let answer = subscription
        .calls
        .send(call(executor::call::Type::Update))
        .await;
    let mut calls = accept().await;
    let request = calls.request().await;
    assert_eq!(request.line, "POST /slave(1)/api/v1/executor HTTP/1.1");
    assert_eq!(request.header("authorization"), Some("Bearer sesame"));
    calls.respond("202 Accepted", "", "").await;
    soon("the answer", answer.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_missing_socket_is_a_retryable_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.sock");
    let environment = environment(&[("MESOS_DOMAIN_SOCKET", path.to_str().unwrap())]);
    let backend = HttpBackend::for_executor(&environment).unwrap();
    let subscribe = call(executor::call::Type::Subscribe);
    let error = Backend::<ExecutorApi>::subscribe(&backend, subscribe)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery(), error.is_retryable()),
        (ErrorKind::Transport, Delivery::NotSent, true)
    );
    assert_eq!(
        error.to_string(),
        format!("cannot connect to the unix socket {}", path.display())
    );
}
