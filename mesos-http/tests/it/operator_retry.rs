//! Retries and connections of the operator API's client.

use std::time::Duration;

use mesos_core::{Delivery, ErrorKind};
use mesos_http::OperatorClient;
use mesos_http::operator::MasterClient;
use mesos_proto::v1::master::{Call, Response, call::Type, response};
use prost::Message;

use crate::peer::*;

fn client(server: &Server) -> MasterClient {
    OperatorClient::for_endpoint(server.endpoint("")).into()
}

/// A response to GET_HEALTH.
fn healthy() -> Vec<u8> {
    let answer = Response {
        get_health: Some(response::GetHealth { healthy: true }),
        ..Default::default()
    };
    answer.encode_to_vec()
}

#[tokio::test]
async fn a_write_is_repeated_while_the_master_refuses_it_and_not_after_its_answer_was_lost() {
    let server = Server::start().await;
    let client = client(&server);
    let script = async {
        let mut peer = server.accept().await;
        for status in [
            "503 Service Unavailable",
            "503 Service Unavailable",
            "200 OK",
        ] {
            let call = Call::decode(peer.request().await.body).unwrap();
            assert_eq!(call.r#type(), Type::Teardown);
            peer.respond(status, "", "").await;
        }
        peer.request().await;
        drop(peer);
    };
    let calls = async {
        client.teardown("f").await.unwrap();
        let error = client.teardown("f").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.delivery()),
            (ErrorKind::Transport, Delivery::Unknown)
        );
    };
    tokio::join!(script, calls);
    assert!(server.is_quiet().await);
}

#[tokio::test]
async fn a_read_is_repeated_after_its_answer_was_lost() {
    let server = Server::start().await;
    let client = client(&server);
    let script = async {
        // A client that was never answered checks whether the peer expects TLS.
        let mut peer = server.accept().await;
        peer.request().await;
        peer.respond("200 OK", "", healthy()).await;
        peer.request().await;
        drop(peer);
        let mut peer = server.accept().await;
        peer.request().await;
        peer.respond("200 OK", "", healthy()).await;
    };
    let calls = async {
        for _ in 0..2 {
            assert!(client.get_health().await.unwrap());
        }
    };
    tokio::join!(script, calls);
}

#[tokio::test]
async fn a_call_is_repeated_only_until_its_time_limit() {
    let server = Server::start().await;
    let script = async {
        let mut peer = server.accept().await;
        loop {
            peer.request().await;
            peer.respond("503 Service Unavailable", "", "").await;
        }
    };
    let limited = client(&server).retry_for(Duration::from_millis(700));
    let error = tokio::select! {
        error = limited.get_health() => error.unwrap_err(),
        _ = script => unreachable!("an endless loop"),
    };
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Unavailable, Some(503))
    );
}

#[tokio::test]
async fn a_wrong_address_is_an_error_at_once() {
    let server = Server::start().await;
    let client = client(&server);
    drop(server);
    let error = soon("the error", client.get_health()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(error.is_configuration(), "{error}");
}

#[tokio::test]
async fn calls_at_the_same_time_use_their_own_connections_and_one_is_kept() {
    let server = Server::start().await;
    let client = client(&server);
    let script = async {
        // Both are open before either is answered.
        let mut peers = [server.accept().await, server.accept().await];
        for peer in &mut peers {
            peer.request().await;
        }
        for peer in &mut peers {
            peer.respond("200 OK", "", healthy()).await;
        }
        peers
    };
    let calls = async { tokio::join!(client.get_health(), client.get_health()) };
    let ([mut first, mut second], (one, two)) = tokio::join!(script, calls);
    assert!(one.unwrap() && two.unwrap());
    let script = async {
        let mut kept = 0;
        for peer in [&mut first, &mut second] {
            if soon("a request or the end", peer.read_request())
                .await
                .is_some()
            {
                peer.respond("200 OK", "", healthy()).await;
                kept += 1;
            }
        }
        assert_eq!(kept, 1);
    };
    let call = async {
        let result = client.get_health().await;
        drop(client);
        result
    };
    let (result, ()) = tokio::join!(call, script);
    assert!(result.unwrap());
    assert!(server.is_quiet().await);
}
