//! The state of a cluster, from a scripted master.

use std::time::Duration;

use bytes::BytesMut;
use mesos_core::ErrorKind;
use mesos_http::operator::{ClusterState, MasterClient};
use mesos_http::recordio;
use mesos_proto::v1::master::response::{GetAgents, GetState, GetTasks, get_agents::Agent};
use mesos_proto::v1::master::{Call, Event, Response, call, event, response};
use mesos_proto::v1::*;
use prost::Message;

use crate::peer::*;

const HEAD: &str = "HTTP/1.1 200 OK\r\n\
    Content-Type: application/x-protobuf\r\n\
    Transfer-Encoding: chunked\r\n\r\n";

fn client(server: &Server) -> MasterClient {
    MasterClient::new(server.endpoint("").into())
}

fn agents() -> GetAgents {
    let agent = |id: &str| Agent {
        agent_info: AgentInfo {
            id: Some(id.into()),
            ..Default::default()
        },
        ..Default::default()
    };
    GetAgents {
        agents: vec![agent("a"), agent("b")],
        ..Default::default()
    }
}

/// Accepts a subscription, and sends two agents, each with a task.
async fn subscribed(server: &Server) -> Peer {
    let mut peer = server.accept().await;
    let call = Call::decode(peer.request().await.body).unwrap();
    assert_eq!(call.r#type(), call::Type::Subscribe);
    peer.send(HEAD).await;
    let task = |id: &str| Task {
        task_id: id.into(),
        framework_id: "f".into(),
        state: TaskState::TaskRunning.into(),
        ..Default::default()
    };
    let state = GetState {
        get_agents: Some(agents()),
        get_tasks: Some(GetTasks {
            tasks: vec![task("on-a"), task("on-b")],
            ..Default::default()
        }),
        ..Default::default()
    };
    let event = Event {
        r#type: Some(event::Type::Subscribed.into()),
        subscribed: Some(event::Subscribed {
            get_state: Some(state),
            heartbeat_interval_seconds: Some(15.0),
        }),
        ..Default::default()
    };
    peer.chunk(record(&event)).await;
    peer
}

fn record(event: &Event) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    recordio::encode(&event.encode_to_vec(), &mut bytes);
    bytes.to_vec()
}

/// Answers a GET_ROLES, which makes the state complete; returns the connection for requests.
async fn roles(server: &Server) -> Peer {
    let mut peer = server.accept().await;
    let call = Call::decode(peer.request().await.body).unwrap();
    assert_eq!(call.r#type(), call::Type::GetRoles);
    let role = Role {
        name: "r".to_owned(),
        ..Default::default()
    };
    let answer = Response {
        get_roles: Some(response::GetRoles { roles: vec![role] }),
        ..Default::default()
    };
    peer.respond("200 OK", "", answer.encode_to_vec()).await;
    peer
}

#[tokio::test]
async fn the_state_is_ready_with_the_snapshot_and_the_roles_and_outlives_the_connection() {
    let server = Server::start().await;
    let mut state = ClusterState::start(&client(&server));
    let before = state.snapshot();
    assert!(!before.is_current() && before.agents().next().is_none());
    let peer = subscribed(&server).await;
    let (ready, _requests) = tokio::join!(state.ready(), roles(&server));
    ready.unwrap();
    let now = state.snapshot();
    assert!(now.is_current() && now.role("r").is_some());
    assert_eq!((now.agents().count(), now.tasks().count()), (2, 2));

    drop(peer);
    while state.snapshot().is_current() {
        soon("the loss", state.changed()).await.unwrap();
    }
    let lost = state.snapshot();
    assert_eq!(lost.tasks().count(), 2);
    assert_eq!(lost.disconnected().unwrap().kind(), ErrorKind::Transport);
    let _peer = subscribed(&server).await;
    while !state.snapshot().is_current() {
        soon("the new snapshot", state.changed()).await.unwrap();
    }
}

#[tokio::test]
async fn an_agent_that_takes_its_tasks_away_is_noticed_although_no_event_reports_it() {
    let server = Server::start().await;
    // A request with a reason is made after a tenth of the interval.
    let interval = Duration::from_secs(20);
    let mut state = ClusterState::start_with(&client(&server), interval);
    let mut peer = subscribed(&server).await;
    let (ready, mut requests) = tokio::join!(state.ready(), roles(&server));
    ready.unwrap();
    let mut status = TaskStatus::new("on-a", TaskState::TaskGoneByOperator);
    status.reason = Some(task_status::Reason::AgentRemovedByOperator.into());
    let gone = Event {
        r#type: Some(event::Type::TaskUpdated.into()),
        task_updated: Some(event::TaskUpdated {
            framework_id: "f".into(),
            state: TaskState::TaskGoneByOperator.into(),
            status,
        }),
        ..Default::default()
    };
    peer.chunk(record(&gone)).await;
    let call = Call::decode(requests.request().await.body).unwrap();
    assert_eq!(call.r#type(), call::Type::GetAgents, "and not all requests");
    let mut left = agents();
    left.agents.remove(0);
    let answer = Response {
        get_agents: Some(left),
        ..Default::default()
    };
    let answer = answer.encode_to_vec();
    requests.respond("200 OK", "", answer).await;
    while state.snapshot().agent(&"a".into()).is_some() {
        soon("the agents", state.changed()).await.unwrap();
    }
    let now = state.snapshot();
    assert!(now.agent(&"b".into()).is_some());
    assert_eq!(now.tasks().count(), 1);
}

#[tokio::test]
async fn a_wrong_address_is_an_error_of_ready() {
    let server = Server::start().await;
    let mut state = ClusterState::start(&client(&server));
    drop(server);
    let error = soon("the error", state.ready()).await.unwrap_err();
    assert!(error.is_configuration(), "{error}");
}

#[tokio::test]
async fn refused_credentials_end_the_state_with_an_error() {
    let server = Server::start().await;
    let mut state = ClusterState::start(&client(&server));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.respond("403 Forbidden", "", "no").await;
    let error = soon("the error", state.ready()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    let error = soon("the error", state.changed()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}

#[tokio::test]
async fn dropping_the_last_handle_closes_the_connection() {
    let server = Server::start().await;
    let state = ClusterState::start(&client(&server));
    let other = state.clone();
    let mut peer = subscribed(&server).await;
    drop(state);
    assert!(peer.is_quiet().await);
    drop(other);
    peer.closed().await;
}
