//! The operator API, and reading files through it.

use std::time::Duration;

use mesos_core::{Error, ErrorKind};
use mesos_http::{OperatorClient, files};
use mesos_proto::v1::{ExecutorId, FileInfo, FrameworkId, VersionInfo, agent, master};
use prost::Message;

use crate::peer::*;

pub(crate) fn get_version() -> master::Call {
    master::Call {
        r#type: Some(master::call::Type::GetVersion.into()),
        ..Default::default()
    }
}

pub(crate) fn version(version: &str) -> Vec<u8> {
    master::Response {
        get_version: Some(master::response::GetVersion {
            version_info: VersionInfo {
                version: version.to_owned(),
                ..Default::default()
            },
        }),
        ..Default::default()
    }
    .encode_to_vec()
}

fn file(size: u64, data: &'static [u8]) -> Vec<u8> {
    agent::Response {
        read_file: Some(agent::response::ReadFile {
            size,
            data: data.into(),
        }),
        ..Default::default()
    }
    .encode_to_vec()
}

#[tokio::test]
async fn calls_share_a_connection_until_it_is_closed() {
    let server = Server::start().await;
    let client = OperatorClient::for_endpoint(server.endpoint("/master"));
    for _ in 0..2 {
        let script = async {
            let mut peer = server.accept().await;
            for _ in 0..3 {
                let request = peer.request().await;
                assert_eq!(request.line, "POST /master/api/v1 HTTP/1.1");
                assert_eq!(
                    request.header("content-type"),
                    Some("application/x-protobuf")
                );
                assert_eq!(master::Call::decode(request.body).unwrap(), get_version());
                peer.respond("200 OK", "", version("1.11.0")).await;
            }
            peer.hang_up().await;
        };
        let calls = async {
            for _ in 0..3 {
                let answer = client.call_master(&get_version()).await.unwrap();
                assert_eq!(answer.get_version.unwrap().version_info.version, "1.11.0");
            }
        };
        tokio::join!(script, calls);
    }
}

#[tokio::test]
async fn a_web_page_is_not_an_answer_of_mesos() {
    let server = Server::start().await;
    let client = OperatorClient::for_endpoint(server.endpoint(""));
    let script = async {
        let mut peer = server.accept().await;
        peer.request().await;
        let headers = "Content-Type: text/html; charset=utf-8\r\n";
        peer.respond("200 OK", headers, "<html>").await;
    };
    let call = get_version();
    let (_, answer) = tokio::join!(script, client.call_master(&call));
    let error = answer.unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Protocol, Some(200))
    );
    assert!(error.is_configuration());
    let message = error.to_string();
    assert!(
        message.contains("with \"text/html\" instead of"),
        "{message}"
    );
}

#[tokio::test]
async fn a_redirect_leads_to_the_leader_and_the_client_stays_there() {
    let (follower, leader) = (Server::start().await, Server::start().await);
    let client = OperatorClient::for_endpoint(follower.endpoint(""));
    let script = async {
        let mut peer = follower.accept().await;
        peer.request().await;
        let location = format!("Location: //{}/api/v1\r\n", leader.address);
        peer.respond("307 Temporary Redirect", &location, "").await;
        let mut peer = leader.accept().await;
        for _ in 0..2 {
            peer.request().await;
            peer.respond("200 OK", "", version("1.11.0")).await;
        }
    };
    let calls = async {
        client.call_master(&get_version()).await.unwrap();
        client.call_master(&get_version()).await.unwrap();
    };
    tokio::join!(script, calls);
    assert!(follower.is_quiet().await);
}

#[tokio::test]
async fn a_call_with_a_stream_is_refused_before_it_is_sent() {
    let server = Server::start().await;
    let client = OperatorClient::for_endpoint(server.endpoint(""));
    let call = master::Call {
        r#type: Some(master::call::Type::Subscribe.into()),
        ..Default::default()
    };
    let error = client.call_master(&call).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "SUBSCRIBE is a stream, which this client does not support"
    );
    assert!(server.is_quiet().await);
}

/// The error of a call with this answer.
async fn refused(client: impl FnOnce(OperatorClient) -> OperatorClient, answer: &str) -> Error {
    let server = Server::start().await;
    let client = client(OperatorClient::for_endpoint(server.endpoint("")));
    let script = async {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.send(answer).await;
        peer
    };
    let call = get_version();
    let (_peer, result) = tokio::join!(script, client.call_master(&call));
    result.unwrap_err()
}

#[tokio::test]
async fn incomplete_long_late_and_invalid_answers_are_different_errors() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\n";
    let error = refused(
        |client| client.max_record_size(9),
        &format!("{HEAD}Content-Length: 10\r\n\r\n0123456789"),
    )
    .await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(
        error
            .to_string()
            .contains("longer than the limit of 9 bytes"),
        "{error}"
    );

    let late = |client: OperatorClient| client.response_timeout(Duration::from_millis(100));
    let error = refused(late, &format!("{HEAD}Content-Length: 10\r\n\r\n01234")).await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(
        error
            .to_string()
            .contains("did not complete its answer within 100ms"),
        "{error}"
    );

    let error = refused(late, "").await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(
        error
            .to_string()
            .contains("did not answer POST /api/v1 within 100ms"),
        "{error}"
    );

    let error = refused(
        |client| client,
        &format!("{HEAD}Content-Length: 2\r\n\r\n\u{7f}\u{7f}"),
    )
    .await;
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(
        error
            .to_string()
            .starts_with("cannot decode response to GET_VERSION from http://"),
        "{error}"
    );

    let error = refused(
        |client| client,
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
    )
    .await;
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Forbidden, Some(403))
    );
}

#[tokio::test]
async fn a_file_is_followed_from_before_it_exists_through_growth_and_rotation() {
    let server = Server::start().await;
    let framework = FrameworkId {
        value: "f".to_owned(),
    };
    let task = ExecutorId {
        value: "t".to_owned(),
    };
    let path = files::sandbox(&framework, &task) + "/stdout";
    assert_eq!(path, "/frameworks/f/executors/t/runs/latest/stdout");
    let mut follow = files::Follow::new(
        OperatorClient::for_endpoint(server.endpoint("")),
        path.clone(),
    );

    let script = async {
        let mut peer = server.accept().await;
        for (rotated, status, body) in [
            (false, "404 Not Found", Vec::new()),
            (false, "200 OK", file(0, b"")),
            (false, "200 OK", file(5, b"hello")),
            (false, "200 OK", file(5, b"hello")),
            (false, "200 OK", file(8, b"hello...")),
            // Another file: the rotated one is found, and has more.
            (false, "200 OK", file(2, b"hi")),
            (true, "200 OK", file(9, b"hello...!")),
            (true, "200 OK", file(9, b"hello...!")),
            // Its end, the new file, and no other rotation meanwhile.
            (true, "200 OK", file(9, b"hello...!")),
            (false, "200 OK", file(2, b"hi")),
            (true, "200 OK", file(9, b"hello...!")),
        ] {
            let call = agent::Call::decode(peer.request().await.body).unwrap();
            assert_eq!(call.r#type(), agent::call::Type::ReadFile);
            let read = call.read_file.unwrap();
            let file = match rotated {
                true => format!("{path}.1"),
                false => path.clone(),
            };
            // The bytes before the position are read again.
            assert_eq!((read.path, read.offset, read.length), (file, 0, None));
            peer.respond(status, "", body).await;
        }
        peer
    };
    let reads = async {
        assert_eq!(follow.read().await.unwrap(), "", "no file yet");
        assert_eq!(follow.next().await.unwrap(), "hello");
        assert_eq!(follow.next().await.unwrap(), "...");
        assert_eq!(follow.next().await.unwrap(), "!", "rotated");
        assert_eq!(follow.next().await.unwrap(), "hi", "the new file");
        assert_eq!(follow.restarts(), 0);
    };
    tokio::join!(script, reads);
}

#[tokio::test]
async fn following_a_file_at_an_address_without_the_api_is_an_error() {
    let server = Server::start().await;
    let mut follow = files::Follow::new(OperatorClient::for_endpoint(server.endpoint("")), "/x");
    let script = async {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.respond("404 Not Found", "", "404 Not Found.").await;
    };
    let (_, result) = tokio::join!(script, follow.next());
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_directory_is_listed_and_a_missing_one_is_an_error() {
    let server = Server::start().await;
    let client = OperatorClient::for_endpoint(server.endpoint(""));
    let listing = agent::Response {
        list_files: Some(agent::response::ListFiles {
            file_infos: vec![FileInfo {
                path: "/x/stdout".to_owned(),
                ..Default::default()
            }],
        }),
        ..Default::default()
    };
    let script = async {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.respond("200 OK", "", listing.encode_to_vec()).await;
        peer.request().await;
        peer.respond("404 Not Found", "", "").await;
    };
    let calls = async {
        let found = files::list(&client, "/x").await.unwrap();
        assert_eq!(found[0].path, "/x/stdout");
        let error = files::list(&client, "/y").await.unwrap_err();
        assert_eq!(error.to_string(), "the directory /y does not exist");
        assert_eq!(
            (error.kind(), error.status()),
            (ErrorKind::Rejected, Some(404))
        );
    };
    tokio::join!(script, calls);
}
