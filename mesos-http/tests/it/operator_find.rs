//! How an agent is found, and what its client does beside sending calls.

use std::time::Duration;

use mesos_core::{Delivery, ErrorKind};
use mesos_http::operator::{AgentClient, MasterClient};
use mesos_http::{Endpoint, OperatorClient};
use mesos_proto::v1::agent::{Response, response};
use mesos_proto::v1::{AgentInfo, master};
use prost::Message;

use crate::peer::*;

#[tokio::test]
async fn a_container_without_a_parent_is_not_removed_because_the_agent_would_abort() {
    let server = Server::start().await;
    let agent = AgentClient::new(server.endpoint(""));
    let error = agent.remove_container("c").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::Config, Delivery::NotSent)
    );
    assert!(error.to_string().starts_with("container c has no parent"));
    assert!(server.is_quiet().await);
}

#[tokio::test]
async fn waiting_for_a_container_has_no_time_limit_and_does_not_delay_other_calls() {
    let server = Server::start().await;
    let raw = OperatorClient::for_endpoint(server.endpoint(""));
    let agent = AgentClient::from(raw.response_timeout(Duration::from_millis(50)));
    let script = async {
        let mut waiting = server.accept().await;
        waiting.request().await;
        let mut other = server.accept().await;
        other.request().await;
        // The client gives up the other call, after its time limit.
        other.closed().await;
        let answer = Response {
            wait_container: Some(response::WaitContainer {
                exit_status: Some(0),
                ..Default::default()
            }),
            ..Default::default()
        };
        waiting.respond("200 OK", "", answer.encode_to_vec()).await;
        waiting
    };
    let calls = async {
        let late = agent.clone().retry_for(Duration::ZERO);
        let late = late.get_health();
        let (ended, late) = tokio::join!(agent.wait_container("c"), late);
        assert_eq!(late.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(ended.unwrap().exit_status, Some(0));
    };
    soon("both calls", async { tokio::join!(script, calls) }).await;
}

#[tokio::test]
async fn waiting_for_a_container_continues_after_the_connection_is_lost_however_long_it_lasted() {
    let server = Server::start().await;
    // Longer than the delay before a second attempt.
    let limit = Duration::from_millis(600);
    let agent = AgentClient::new(server.endpoint("")).retry_for(limit);
    let script = async {
        let mut peer = server.accept().await;
        peer.request().await;
        // sleep: the container runs for longer than the client repeats a call.
        tokio::time::sleep(limit * 2).await;
        peer.hang_up().await;
        let mut peer = loop {
            let mut peer = server.accept().await;
            // The client also connects to find out whether the peer expects TLS.
            if soon("a request", peer.read_request()).await.is_some() {
                break peer;
            }
        };
        let answer = Response {
            wait_container: Some(response::WaitContainer {
                exit_status: Some(0),
                ..Default::default()
            }),
            ..Default::default()
        };
        peer.respond("200 OK", "", answer.encode_to_vec()).await;
        peer
    };
    let (ended, _peer) = soon("the end", async {
        tokio::join!(agent.wait_container("c"), script)
    })
    .await;
    assert_eq!(ended.unwrap().exit_status, Some(0));
}

/// Answers a GET_AGENTS with one agent.
async fn list(master: &Server, pid: &str) {
    let mut peer = master.accept().await;
    peer.request().await;
    let agent = master::response::get_agents::Agent {
        agent_info: AgentInfo {
            id: Some("a".into()),
            hostname: "agent.invalid".to_owned(),
            ..Default::default()
        },
        pid: Some(pid.to_owned()),
        ..Default::default()
    };
    let answer = master::Response {
        get_agents: Some(master::response::GetAgents {
            agents: vec![agent],
            recovered_agents: vec![AgentInfo {
                id: Some("b".into()),
                hostname: "other.invalid".to_owned(),
                ..Default::default()
            }],
        }),
        ..Default::default()
    };
    peer.respond("200 OK", "", answer.encode_to_vec()).await;
}

#[tokio::test]
async fn an_agent_is_found_by_its_id_and_called_below_its_libprocess_id() {
    let (server, agent) = (Server::start().await, Server::start().await);
    let master = MasterClient::new(server.endpoint("").into());
    let pid = format!("slave(1)@{}", agent.address);
    let (client, ()) = tokio::join!(master.agent("a"), list(&server, &pid));
    let client = client.unwrap();
    assert_eq!(client.agent_id(), Some(&"a".into()));
    let expected: Endpoint = format!("http://{}/slave(1)", agent.address)
        .parse()
        .unwrap();
    assert_eq!(client.endpoint(), Some(&expected));
    let script = async {
        let mut peer = agent.accept().await;
        let request = peer.request().await;
        assert_eq!(request.line, "POST /slave(1)/api/v1 HTTP/1.1");
        let answer = Response {
            get_health: Some(response::GetHealth { healthy: true }),
            ..Default::default()
        };
        peer.respond("200 OK", "", answer.encode_to_vec()).await;
    };
    let (health, ()) = tokio::join!(client.get_health(), script);
    assert!(health.unwrap());
}

#[tokio::test]
async fn an_agent_that_cannot_be_reached_is_an_error_with_its_id_and_address() {
    let (server, agent) = (Server::start().await, Server::start().await);
    let master = MasterClient::new(server.endpoint("").into());
    let address = agent.address.clone();
    let pid = format!("slave(1)@{address}");
    let (client, ()) = tokio::join!(master.agent("a"), list(&server, &pid));
    drop(agent);
    let error = client.unwrap().get_health().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::Transport, Delivery::NotSent)
    );
    let expected = format!(
        "cannot reach agent a at http://{address}/slave(1), the address that its master reports"
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn an_unknown_agent_and_one_that_has_not_returned_yet_are_different_errors() {
    let server = Server::start().await;
    let master = MasterClient::new(server.endpoint("").into());
    for (id, expected) in [
        (
            "c",
            "the master does not have agent c among its 1 agents; the agent may be unreachable or \
             gone",
        ),
        (
            "b",
            "agent b on other.invalid has not registered with the leading master yet",
        ),
    ] {
        let answered = list(&server, "slave(1)@127.0.0.1:5051");
        let (client, ()) = tokio::join!(master.agent(id), answered);
        let error = client.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(error.to_string(), expected);
    }
}
