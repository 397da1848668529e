//! The events of a cluster, from a scripted master.

use std::time::Duration;

use bytes::BytesMut;
use futures_core::Stream;
use mesos_core::{ErrorKind, Result};
use mesos_http::operator::{ClusterEvent, MasterClient, Watch};
use mesos_http::{Codec, HttpBackend, OperatorClient, recordio};
use mesos_proto::v1::master::response::{GetState, get_agents::Agent, get_frameworks::Framework};
use mesos_proto::v1::master::{Call, Event, call, event, event::Type};
use mesos_proto::v1::*;
use prost::Message;

use crate::peer::*;

const HEAD: &str = "HTTP/1.1 200 OK\r\n\
    Content-Type: application/x-protobuf\r\n\
    Transfer-Encoding: chunked\r\n\r\n";

fn client(server: &Server) -> MasterClient {
    MasterClient::new(server.endpoint("").into())
}

fn of(r#type: Type) -> Event {
    Event {
        r#type: Some(r#type.into()),
        ..Default::default()
    }
}

fn bytes_of(event: &Event) -> Vec<u8> {
    let mut stream = BytesMut::new();
    recordio::encode(&event.encode_to_vec(), &mut stream);
    stream.to_vec()
}

/// A snapshot with this many recovered agents.
fn subscribed(interval: f64, agents: usize) -> Event {
    let get_agents = master::response::GetAgents {
        recovered_agents: vec![AgentInfo::default(); agents],
        ..Default::default()
    };
    Event {
        subscribed: Some(event::Subscribed {
            get_state: Some(GetState {
                get_agents: Some(get_agents),
                ..Default::default()
            }),
            heartbeat_interval_seconds: Some(interval),
        }),
        ..of(Type::Subscribed)
    }
}

/// Accepts a subscription.
async fn accept(server: &Server) -> Peer {
    let mut peer = server.accept().await;
    let request = peer.request().await;
    assert_eq!(request.line, "POST /api/v1 HTTP/1.1");
    let call = Call::decode(request.body).unwrap();
    assert_eq!(call.r#type(), call::Type::Subscribe);
    assert_eq!(call.encoded_len(), 2, "nothing but the type");
    peer.send(HEAD).await;
    peer
}

async fn next(watch: &mut Watch) -> Option<Result<ClusterEvent>> {
    soon("an event", watch.next()).await
}

async fn event(watch: &mut Watch) -> ClusterEvent {
    next(watch).await.unwrap().unwrap()
}

/// The number of recovered agents of the next event, which is a snapshot.
async fn snapshot(watch: &mut Watch) -> usize {
    match event(watch).await {
        ClusterEvent::Snapshot(state) => state.get_agents.unwrap().recovered_agents.len(),
        other => panic!("{other:?}"),
    }
}

/// The error of the next event, which is a disconnection.
async fn disconnected(watch: &mut Watch) -> mesos_core::Error {
    match event(watch).await {
        ClusterEvent::Disconnected { error, .. } => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_snapshot_is_first_and_every_type_of_event_follows() {
    let server = Server::start().await;
    let mut watch = client(&server).watch();
    let mut peer = accept(&server).await;
    let framework_info = FrameworkInfo {
        id: Some("f".into()),
        ..Default::default()
    };
    let framework = || Framework {
        framework_info: framework_info.clone(),
        ..Default::default()
    };
    let task = Task {
        task_id: "t".into(),
        ..Default::default()
    };
    let agent = Agent {
        version: "1.11.0".to_owned(),
        ..Default::default()
    };
    let update = event::TaskUpdated {
        framework_id: "f".into(),
        status: TaskStatus::new("t", TaskState::TaskRunning),
        state: TaskState::TaskRunning.into(),
    };
    let mut unknown = of(Type::Unknown);
    unknown.r#type = Some(99);
    let all: Vec<Type> = (0..200).filter_map(|n| Type::try_from(n).ok()).collect();
    let mut sent = vec![unknown];
    for r#type in all {
        let mut event = of(r#type);
        match r#type {
            Type::Unknown | Type::Heartbeat => {}
            Type::Subscribed => event = subscribed(15.0, 1),
            Type::TaskAdded => event.task_added = Some(event::TaskAdded { task: task.clone() }),
            Type::TaskUpdated => event.task_updated = Some(update.clone()),
            Type::AgentAdded => {
                event.agent_added = Some(event::AgentAdded {
                    agent: agent.clone(),
                });
            }
            Type::AgentRemoved => {
                event.agent_removed = Some(event::AgentRemoved {
                    agent_id: "a".into(),
                });
            }
            Type::FrameworkAdded => {
                event.framework_added = Some(event::FrameworkAdded {
                    framework: framework(),
                });
            }
            Type::FrameworkUpdated => {
                event.framework_updated = Some(event::FrameworkUpdated {
                    framework: framework(),
                });
            }
            Type::FrameworkRemoved => {
                event.framework_removed = Some(event::FrameworkRemoved {
                    framework_info: framework_info.clone(),
                });
            }
        }
        sent.push(event);
    }
    let records: Vec<u8> = sent.iter().flat_map(bytes_of).collect();
    // Records are split anywhere.
    for part in records.chunks(7) {
        peer.chunk(part).await;
    }

    assert_eq!(snapshot(&mut watch).await, 1);
    let found = event(&mut watch).await;
    assert!(
        matches!(&found, ClusterEvent::TaskAdded(t) if **t == task),
        "{found:?}"
    );
    let found = event(&mut watch).await;
    assert!(
        matches!(&found, ClusterEvent::TaskUpdated(u) if **u == update),
        "{found:?}"
    );
    let found = event(&mut watch).await;
    assert!(
        matches!(&found, ClusterEvent::AgentAdded(a) if **a == agent),
        "{found:?}"
    );
    let found = event(&mut watch).await;
    assert!(
        matches!(&found, ClusterEvent::AgentRemoved(id) if *id == "a"),
        "{found:?}"
    );
    let found = event(&mut watch).await;
    assert!(
        matches!(&found, ClusterEvent::FrameworkAdded(f) if **f == framework()),
        "{found:?}"
    );
    let found = event(&mut watch).await;
    assert!(
        matches!(&found, ClusterEvent::FrameworkUpdated(f) if **f == framework()),
        "{found:?}"
    );
    let found = event(&mut watch).await;
    assert!(
        matches!(&found, ClusterEvent::FrameworkRemoved(i) if **i == framework_info),
        "{found:?}"
    );
    drop(watch);
    peer.closed().await;
}

#[tokio::test]
async fn a_lost_connection_is_reported_and_followed_by_a_new_snapshot() {
    let server = Server::start().await;
    let mut watch = client(&server).watch();
    let mut peer = accept(&server).await;
    peer.chunk(bytes_of(&subscribed(15.0, 1))).await;
    assert_eq!(snapshot(&mut watch).await, 1);
    drop(peer);
    assert_eq!(disconnected(&mut watch).await.kind(), ErrorKind::Transport);
    let mut peer = accept(&server).await;
    peer.chunk(bytes_of(&subscribed(15.0, 2))).await;
    assert_eq!(snapshot(&mut watch).await, 2);
}

#[tokio::test]
async fn a_master_without_heartbeats_is_left() {
    let server = Server::start().await;
    let mut watch = client(&server).watch();
    let mut peer = accept(&server).await;
    peer.chunk(bytes_of(&subscribed(0.02, 1))).await;
    assert_eq!(snapshot(&mut watch).await, 1);
    let error = disconnected(&mut watch).await;
    assert_eq!(error.kind(), ErrorKind::HeartbeatLost);
    peer.closed().await;
    accept(&server).await;
}

#[tokio::test]
async fn a_stream_that_does_not_begin_with_a_snapshot_is_left() {
    let server = Server::start().await;
    let mut watch = client(&server).watch();
    let mut peer = accept(&server).await;
    let removed = Event {
        agent_removed: Some(event::AgentRemoved {
            agent_id: "a".into(),
        }),
        ..of(Type::AgentRemoved)
    };
    peer.chunk(bytes_of(&removed)).await;
    assert_eq!(disconnected(&mut watch).await.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn an_error_that_stays_ends_the_watch_and_another_one_does_not() {
    let server = Server::start().await;
    let mut watch = client(&server).watch();
    for status in ["503 Service Unavailable", "403 Forbidden"] {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.respond(status, "", "").await;
    }
    assert_eq!(disconnected(&mut watch).await.status(), Some(503));
    let error = next(&mut watch).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(next(&mut watch).await.is_none());
}

#[tokio::test]
async fn a_page_that_is_not_from_mesos_is_not_taken_for_a_stream() {
    let server = Server::start().await;
    let mut watch = client(&server).watch();
    let mut peer = server.accept().await;
    peer.request().await;
    peer.respond("200 OK", "Content-Type: text/html\r\n", "<p>")
        .await;
    let error = disconnected(&mut watch).await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("text/html"), "{error}");
}

#[tokio::test]
async fn the_watch_follows_a_redirect_and_leaves_a_former_leader() {
    let (follower, leader, next_leader) = (
        Server::start().await,
        Server::start().await,
        Server::start().await,
    );
    #[derive(Debug)]
    struct Known(tokio::sync::watch::Receiver<mesos_http::detect::Detection>);
    impl mesos_http::detect::Detector for Known {
        fn watch(&self) -> tokio::sync::watch::Receiver<mesos_http::detect::Detection> {
            self.0.clone()
        }
    }
    let (known, detected) = tokio::sync::watch::channel(Ok(vec![follower.endpoint("")]));
    let master = MasterClient::from(HttpBackend::with_detector(Known(detected)).operator());
    let mut watch = master.watch();
    let mut peer = follower.accept().await;
    peer.request().await;
    let location = format!("Location: //{}/api/v1\r\n", leader.address);
    peer.respond("307 Temporary Redirect", &location, "").await;
    let mut peer = accept(&leader).await;
    peer.chunk(bytes_of(&subscribed(15.0, 1))).await;
    assert_eq!(snapshot(&mut watch).await, 1);

    known.send(Ok(vec![next_leader.endpoint("")])).unwrap();
    assert_eq!(disconnected(&mut watch).await.kind(), ErrorKind::NotLeader);
    peer.closed().await;
    let mut peer = accept(&next_leader).await;
    peer.chunk(bytes_of(&subscribed(15.0, 2))).await;
    assert_eq!(snapshot(&mut watch).await, 2);
}

#[tokio::test]
async fn a_large_snapshot_in_json_arrives_whole() {
    let server = Server::start().await;
    let client = OperatorClient::for_endpoint(server.endpoint("")).codec(Codec::Json);
    let mut watch = MasterClient::from(client).watch();
    let mut peer = server.accept().await;
    let request = peer.request().await;
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.body, r#"{"type":"SUBSCRIBE"}"#);
    peer.send(HEAD.replace("x-protobuf", "json")).await;
    let json = serde_json::to_vec(&subscribed(15.0, 100_000)).unwrap();
    assert!(json.len() > 1 << 20);
    let mut record = BytesMut::new();
    recordio::encode(&json, &mut record);
    peer.chunk(record).await;
    assert_eq!(snapshot(&mut watch).await, 100_000);
}

#[tokio::test]
async fn the_watch_is_a_stream() {
    async fn first<S: Stream + Unpin>(mut stream: S) -> Option<S::Item> {
        std::future::poll_fn(|context| std::pin::Pin::new(&mut stream).poll_next(context)).await
    }
    let server = Server::start().await;
    let watch = client(&server).watch();
    let mut peer = accept(&server).await;
    peer.chunk(bytes_of(&subscribed(15.0, 3))).await;
    let event = soon("an event", first(watch)).await.unwrap().unwrap();
    assert!(matches!(event, ClusterEvent::Snapshot(_)), "{event:?}");
}

#[tokio::test]
async fn a_program_that_does_not_read_is_not_taken_for_silence() {
    let server = Server::start().await;
    let mut watch = client(&server).watch();
    let mut peer = accept(&server).await;
    peer.chunk(bytes_of(&subscribed(0.1, 1))).await;
    let removed = Event {
        agent_removed: Some(event::AgentRemoved {
            agent_id: "a".into(),
        }),
        ..of(Type::AgentRemoved)
    };
    // More than the queue holds.
    let record = bytes_of(&removed);
    peer.chunk(record.repeat(1000)).await;
    // sleep: longer than five heartbeat intervals without reading.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(snapshot(&mut watch).await, 1);
    for _ in 0..1000 {
        assert!(matches!(
            event(&mut watch).await,
            ClusterEvent::AgentRemoved(_)
        ));
    }
}
