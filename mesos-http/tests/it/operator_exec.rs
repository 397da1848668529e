//! Sessions with containers, with a scripted agent that speaks as src/slave/http.cpp and
//! src/slave/containerizer/mesos/io/switchboard.cpp do.

use bytes::{Bytes, BytesMut};
use mesos_core::ErrorKind;
use mesos_http::operator::{AgentClient, ContainerSession, TtySize};
use mesos_http::recordio::{self, Decoder};
use mesos_proto::v1::agent::call::{self, attach_container_input::Type as Part};
use mesos_proto::v1::agent::{Call, ProcessIo, Response, process_io, response};
use mesos_proto::v1::{CommandInfo, ContainerId, DurationInfo};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peer::*;

const HEAD: &str = "HTTP/1.1 200 OK\r\n\
    Content-Type: application/x-protobuf\r\n\
    Transfer-Encoding: chunked\r\n\r\n";

fn output(r#type: process_io::data::Type, bytes: &'static [u8]) -> ProcessIo {
    ProcessIo {
        r#type: Some(process_io::Type::Data.into()),
        data: Some(process_io::Data {
            r#type: Some(r#type.into()),
            data: Some(bytes.into()),
        }),
        ..Default::default()
    }
}

/// A heartbeat that announces this interval, in milliseconds.
fn heartbeat(interval: i64) -> ProcessIo {
    let interval = DurationInfo {
        nanoseconds: interval * 1_000_000,
    };
    ProcessIo {
        r#type: Some(process_io::Type::Control.into()),
        control: Some(process_io::Control {
            r#type: Some(process_io::control::Type::Heartbeat.into()),
            heartbeat: Some(process_io::control::Heartbeat {
                interval: Some(interval),
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn record(message: &ProcessIo) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    recordio::encode(&message.encode_to_vec(), &mut bytes);
    bytes.to_vec()
}

/// Accepts the launch of a session; returns the id of its container.
async fn launched(server: &Server) -> (Peer, call::LaunchNestedContainerSession) {
    let mut peer = server.accept().await;
    let call = Call::decode(peer.request().await.body).unwrap();
    assert_eq!(call.r#type(), call::Type::LaunchNestedContainerSession);
    peer.send(HEAD).await;
    (peer, call.launch_nested_container_session.unwrap())
}

/// The agent's end of an ATTACH_CONTAINER_INPUT.
struct Input {
    stream: TcpStream,
    bytes: BytesMut,
    records: Decoder,
}

impl Input {
    /// Accepts the request, and checks its head and the container in its first record.
    async fn accept(server: &Server, container: &ContainerId) -> Self {
        let mut input = Self {
            stream: server.accept_raw().await,
            bytes: BytesMut::new(),
            records: Decoder::new(recordio::DEFAULT_LIMIT),
        };
        let head = input.until(b"\r\n\r\n").await;
        let head = String::from_utf8(head.to_vec())
            .unwrap()
            .to_ascii_lowercase();
        assert!(head.starts_with("post /api/v1 http/1.1\r\n"), "{head}");
        for header in [
            "content-type: application/recordio",
            "message-content-type: application/x-protobuf",
            "accept: application/x-protobuf",
            "transfer-encoding: chunked",
        ] {
            assert!(head.contains(&format!("\r\n{header}\r\n")), "{head}");
        }
        let first = input.next().await.unwrap();
        assert_eq!(first.r#type(), Part::ContainerId);
        assert_eq!(first.container_id.as_ref(), Some(container));
        input
    }

    async fn more(&mut self) {
        let read = self.stream.read_buf(&mut self.bytes);
        assert_ne!(
            soon("input", read).await.unwrap(),
            0,
            "the connection ended"
        );
    }

    async fn until(&mut self, mark: &[u8]) -> Bytes {
        loop {
            if let Some(at) = self.bytes.windows(mark.len()).position(|part| part == mark) {
                return self.bytes.split_to(at + mark.len()).freeze();
            }
            self.more().await;
        }
    }

    /// The next record; `None` at the end of the body.
    async fn next(&mut self) -> Option<call::AttachContainerInput> {
        loop {
            if let Some(record) = self.records.next_record().unwrap() {
                let call = Call::decode(record).unwrap();
                assert_eq!(call.r#type(), call::Type::AttachContainerInput);
                return call.attach_container_input;
            }
            let size = self.until(b"\r\n").await;
            let size = std::str::from_utf8(&size).unwrap().trim();
            let size = usize::from_str_radix(size, 16).unwrap();
            while self.bytes.len() < size + 2 {
                self.more().await;
            }
            let chunk = self.bytes.split_to(size).freeze();
            let _ = self.bytes.split_to(2);
            if chunk.is_empty() {
                return None;
            }
            self.records.push(chunk);
        }
    }

    /// The next record that is not a heartbeat.
    async fn io(&mut self) -> Option<ProcessIo> {
        loop {
            let part = self.next().await?;
            assert_eq!(part.r#type(), Part::ProcessIo);
            let message = part.process_io.unwrap();
            let control = message.control.as_ref();
            if control.is_none_or(|control| control.heartbeat.is_none()) {
                return Some(message);
            }
        }
    }

    /// The next bytes of the program.
    async fn data(&mut self) -> Bytes {
        let data = self.io().await.unwrap().data.unwrap();
        assert_eq!(data.r#type(), process_io::data::Type::Stdin);
        data.data.unwrap()
    }

    async fn respond(&mut self, status: &str) {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        self.stream.write_all(head.as_bytes()).await.unwrap();
    }
}

/// Answers a WAIT_CONTAINER.
async fn ended(server: &Server, container: &ContainerId, status: i32) {
    let mut peer = server.accept().await;
    let call = Call::decode(peer.request().await.body).unwrap();
    assert_eq!(&call.wait_container.unwrap().container_id, container);
    let answer = Response {
        wait_container: Some(response::WaitContainer {
            exit_status: Some(status),
            ..Default::default()
        }),
        ..Default::default()
    };
    peer.respond("200 OK", "", answer.encode_to_vec()).await;
}

async fn finish(mut peer: Peer) {
    peer.chunk("").await;
}

#[tokio::test]
async fn a_command_gets_its_input_and_its_output_and_exit_code_arrive() {
    let server = Server::start().await;
    let agent = AgentClient::new(server.endpoint(""));
    let command = CommandInfo::sh("cat");
    let (session, (mut peer, launch)) = tokio::join!(
        agent.exec("parent", command.clone(), None),
        launched(&server)
    );
    let container = launch.container_id;
    assert_eq!(
        container.parent.as_deref(),
        Some(&ContainerId::from("parent"))
    );
    assert_eq!(launch.command, Some(command));
    assert_eq!(launch.container, None);
    let mut session = session.unwrap();
    assert_eq!(session.control.container_id(), &container);

    session.stdin.write_all(b"hello").await.unwrap();
    let mut input = Input::accept(&server, &container).await;
    assert_eq!(input.data().await, "hello");
    let out = [
        record(&output(process_io::data::Type::Stdout, b"hel")),
        record(&heartbeat(30_000)),
        record(&output(process_io::data::Type::Stderr, b"oops")),
        record(&output(process_io::data::Type::Stdout, b"lo")),
    ];
    for part in out.concat().chunks(5) {
        peer.chunk(part).await;
    }
    session.stdin.shutdown().await.unwrap();
    assert_eq!(input.data().await, "", "the end of the input");
    assert!(input.io().await.is_none());
    input.respond("200 OK").await;
    finish(peer).await;

    let ContainerSession {
        mut stdout,
        mut stderr,
        mut control,
        ..
    } = session;
    let (mut out, mut err) = (String::new(), String::new());
    soon("stdout", stdout.read_to_string(&mut out))
        .await
        .unwrap();
    soon("stderr", stderr.read_to_string(&mut err))
        .await
        .unwrap();
    assert_eq!((out.as_str(), err.as_str()), ("hello", "oops"));
    let (exit, ()) = tokio::join!(control.wait(), ended(&server, &container, 3 << 8));
    assert_eq!(exit.unwrap().code(), Some(3));
}

#[tokio::test]
async fn a_terminal_is_resized_and_its_input_ends_with_a_character() {
    let server = Server::start().await;
    let agent = AgentClient::new(server.endpoint(""));
    let size = |rows, columns| TtySize { rows, columns };
    let exec = agent.exec("parent", CommandInfo::sh("sh"), size(24, 80));
    let (session, (_peer, launch)) = tokio::join!(exec, launched(&server));
    let info = launch.container.unwrap().tty_info.unwrap();
    let window = info.window_size.unwrap();
    assert_eq!((window.rows, window.columns), (24, 80));

    let session = session.unwrap();
    session.control.resize(size(50, 132)).await.unwrap();
    let mut input = Input::accept(&server, &launch.container_id).await;
    let control = input.io().await.unwrap().control.unwrap();
    let window = control.tty_info.unwrap().window_size.unwrap();
    assert_eq!((window.rows, window.columns), (50, 132));
    drop(session.stdin);
    assert_eq!(input.data().await, "\u{4}");
    assert!(input.io().await.is_none());
}

#[tokio::test]
async fn attaching_sends_nothing_before_its_first_input_and_leaves_the_input_open() {
    let server = Server::start().await;
    let agent = AgentClient::new(server.endpoint(""));
    let script = async {
        let mut peer = server.accept().await;
        let call = Call::decode(peer.request().await.body).unwrap();
        let attached = call.attach_container_output.unwrap().container_id;
        assert_eq!(attached, ContainerId::from("c"));
        peer.send(HEAD).await;
        peer
    };
    let (session, _peer) = tokio::join!(agent.attach("c"), script);
    assert!(server.is_quiet().await);
    let mut session = session.unwrap();
    session.stdin.write_all(b"x").await.unwrap();
    let mut input = Input::accept(&server, &"c".into()).await;
    assert_eq!(input.data().await, "x");
    drop(session.stdin);
    assert!(
        input.io().await.is_none(),
        "an end without an empty message"
    );
}

#[tokio::test]
async fn a_refused_input_fails_the_writes_with_the_reason() {
    let server = Server::start().await;
    let agent = AgentClient::new(server.endpoint(""));
    let exec = agent.exec("parent", CommandInfo::sh("cat"), None);
    let (session, (_peer, launch)) = tokio::join!(exec, launched(&server));
    let mut session = session.unwrap();
    session.stdin.write_all(b"x").await.unwrap();
    let mut input = Input::accept(&server, &launch.container_id).await;
    input.respond("409 Conflict").await;
    let failing = async {
        loop {
            if let Err(error) = session.stdin.write_all(b"more").await {
                return error;
            }
            tokio::task::yield_now().await;
        }
    };
    let error = soon("a failing write", failing).await;
    assert!(error.to_string().contains("409 Conflict"), "{error}");
}

#[tokio::test]
async fn a_refused_input_is_the_error_of_the_session_although_the_output_goes_on() {
    let server = Server::start().await;
    let agent = AgentClient::new(server.endpoint(""));
    for (status, kind) in [
        ("401 Unauthorized", ErrorKind::Unauthorized),
        ("403 Forbidden", ErrorKind::Forbidden),
        ("409 Conflict", ErrorKind::Rejected),
    ] {
        let exec = agent.exec("parent", CommandInfo::sh("cat"), None);
        let (session, (_peer, launch)) = tokio::join!(exec, launched(&server));
        let mut session = session.unwrap();
        session.stdin.write_all(b"x").await.unwrap();
        let mut input = Input::accept(&server, &launch.container_id).await;
        input.respond(status).await;
        let error = soon("the end of the session", session.control.wait()).await;
        assert_eq!(error.unwrap_err().kind(), kind);
    }
}

#[tokio::test]
async fn a_lost_output_ends_the_streams_and_is_the_error_of_wait() {
    let server = Server::start().await;
    let agent = AgentClient::new(server.endpoint(""));
    for silent in [false, true] {
        let exec = agent.exec("parent", CommandInfo::sh("cat"), None);
        let (session, (mut peer, _)) = tokio::join!(exec, launched(&server));
        let mut session = session.unwrap();
        peer.chunk(record(&output(process_io::data::Type::Stdout, b"some")))
            .await;
        let expected = if silent {
            peer.chunk(record(&heartbeat(20))).await;
            ErrorKind::HeartbeatLost
        } else {
            peer.hang_up().await;
            ErrorKind::Transport
        };
        let mut out = String::new();
        soon("stdout", session.stdout.read_to_string(&mut out))
            .await
            .unwrap();
        assert_eq!(out, "some");
        let error = soon("the end", session.control.wait()).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{error}");
    }
}

#[tokio::test]
async fn an_agent_that_refuses_a_session_is_an_error_with_its_reason() {
    let server = Server::start().await;
    let agent = AgentClient::new(server.endpoint(""));
    let script = async {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.respond("400 Bad Request", "", "not supported").await;
    };
    let exec = agent.exec("parent", CommandInfo::sh("cat"), None);
    let (session, ()) = tokio::join!(exec, script);
    let error = session.unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Rejected, Some(400))
    );
    assert!(error.to_string().contains("not supported"), "{error}");
}

#[tokio::test]
async fn dropping_the_control_of_a_session_closes_its_connections() {
    let server = Server::start().await;
    let agent = AgentClient::new(server.endpoint(""));
    let exec = agent.exec("parent", CommandInfo::sh("cat"), None);
    let (session, (peer, launch)) = tokio::join!(exec, launched(&server));
    let mut session = session.unwrap();
    session.stdin.write_all(b"x").await.unwrap();
    let mut input = Input::accept(&server, &launch.container_id).await;
    assert_eq!(input.data().await, "x");
    drop(session.control);
    peer.closed().await;
    let read = input.stream.read_buf(&mut input.bytes);
    // A reset also closes the connection.
    assert!(matches!(soon("the end", read).await, Ok(0) | Err(_)));
}
