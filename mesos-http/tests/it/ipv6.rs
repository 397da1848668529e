//! Masters and agents at IPv6 addresses. `tls/ipv6.rs` has the same with TLS, and
//! `tests/real/ipv6.rs` with a real Mesos.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use mesos_core::backend::{Backend, ExecutorApi};
use mesos_core::{Framework, SchedulerDriver};
use mesos_http::{Endpoint, HttpBackend, OperatorClient};
use mesos_proto::v1::{executor, master};
use mesos_testing::{FakeAgent, FakeMaster, Recorder};
use prost::Message;

use crate::loopback::loopback;
use crate::operator::{get_version, version};
use crate::peer::*;

/// A scripted peer on `[::1]`.
pub(crate) fn server() -> Option<Server> {
    let listener = loopback()?;
    listener.set_nonblocking(true).unwrap();
    let server = Server::over(tokio::net::TcpListener::from_std(listener).unwrap());
    assert!(server.address.starts_with("[::1]:"), "{}", server.address);
    Some(server)
}

/// The address of a fake master or agent on `[::1]`.
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0);

/// The port of `[::1]` refuses connections: nothing listens on it.
fn nowhere(listener: TcpListener) -> String {
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_driver_subscribes_and_makes_calls_at_an_ipv6_address() {
    if loopback().is_none() {
        return;
    }
    let builder = FakeMaster::builder().address(ANY_PORT);
    let master = builder.start().await.unwrap();
    for address in [
        master.url(),
        master.address().to_string(),
        format!("master@{}", master.address()),
    ] {
        let recorder = Recorder::new();
        let backend = HttpBackend::new(address.parse().unwrap());
        let framework = Framework::with_failover_timeout("f", Duration::from_secs(60));
        let driver = SchedulerDriver::start(recorder.clone(), framework, backend).detach();
        recorder.subscribed().await;
        driver.kill("t").await.unwrap();
        driver.stop();
        driver.join().await.unwrap();
    }
}

#[tokio::test]
async fn a_list_of_ipv6_addresses_leads_to_the_leader() {
    let Some(closed) = loopback() else { return };
    let start = || FakeMaster::builder().address(ANY_PORT).start();
    let (leader, other) = (start().await.unwrap(), start().await.unwrap());
    other.follow(&leader);
    // The fake master redirects as Mesos does, to //[::1]:PORT.
    let list = format!("{},{}", nowhere(closed), other.address());
    let recorder = Recorder::new();
    let backend = HttpBackend::new(list.parse().unwrap());
    let framework = Framework::with_failover_timeout("f", Duration::from_secs(60));
    let driver = SchedulerDriver::start(recorder.clone(), framework, backend).detach();
    recorder.subscribed().await;
    driver.kill("t").await.unwrap();
    assert_eq!(leader.streams().len(), 1);
}

#[tokio::test]
async fn the_host_header_and_a_redirect_have_the_ipv6_address_in_brackets() {
    let (Some(follower), Some(leader)) = (server(), server()) else {
        return;
    };
    let client = subscribe(HttpBackend::new(follower.endpoint("/master").into()));
    let mut peer = follower.accept().await;
    let first = peer.request().await;
    assert_eq!(first.header("host"), Some(follower.address.as_str()));
    let location = format!("Location: //{}/master/api/v1/scheduler\r\n", leader.address);
    peer.respond("307 Temporary Redirect", &location, "").await;

    let mut peer = leader.accept().await;
    let second = peer.request().await;
    assert_eq!(second.line, "POST /master/api/v1/scheduler HTTP/1.1");
    assert_eq!(second.header("host"), Some(leader.address.as_str()));
    assert_eq!(second.body, first.body);
    peer.send(STREAM_HEAD).await;
    let subscription = soon("subscribe", client).await.unwrap().unwrap();
    assert_eq!(
        subscription.peer,
        format!("http://{}/master", leader.address)
    );

    let answer = subscription.calls.send(kill("t")).await.unwrap();
    let mut calls = leader.accept().await;
    let call = calls.request().await;
    assert_eq!(call.header("host"), Some(leader.address.as_str()));
    calls.respond("202 Accepted", "", "").await;
    soon("an answer", answer).await.unwrap();
    assert!(follower.is_quiet().await);
}

#[tokio::test]
async fn the_operator_client_follows_a_redirect_to_an_ipv6_address() {
    let (Some(follower), Some(leader)) = (server(), server()) else {
        return;
    };
    let client = OperatorClient::new(follower.address.parse().unwrap());
    let script = async {
        let mut peer = follower.accept().await;
        let request = peer.request().await;
        assert_eq!(request.header("host"), Some(follower.address.as_str()));
        let location = format!("Location: //{}/api/v1\r\n", leader.address);
        peer.respond("307 Temporary Redirect", &location, "").await;
        let mut peer = leader.accept().await;
        let request = peer.request().await;
        assert_eq!(request.header("host"), Some(leader.address.as_str()));
        assert_eq!(master::Call::decode(request.body).unwrap(), get_version());
        peer.respond("200 OK", "", version("1.11.0")).await;
    };
    let call = get_version();
    let (answer, ()) = tokio::join!(client.call_master(&call), script);
    let answer = answer.unwrap().get_version.unwrap();
    assert_eq!(answer.version_info.version, "1.11.0");
}

#[tokio::test]
async fn an_executor_subscribes_at_an_agent_with_an_ipv6_address() {
    if loopback().is_none() {
        return;
    }
    let builder = FakeAgent::builder().address(ANY_PORT);
    let agent = builder.start().await.unwrap();
    let environment = agent.environment();
    assert!(environment.agent_pid.contains("@[::1]:"));
    let backend = HttpBackend::for_executor(&environment).unwrap();
    let call = executor::Call {
        r#type: Some(executor::call::Type::Subscribe.into()),
        executor_id: environment.executor_id.clone(),
        framework_id: environment.framework_id.clone(),
        subscribe: Some(executor::call::Subscribe::default()),
        ..Default::default()
    };
    let subscribing = Backend::<ExecutorApi>::subscribe(&backend, call);
    let mut subscription = soon("subscribe", subscribing).await.unwrap();
    soon("SUBSCRIBED", subscription.events.next())
        .await
        .unwrap();
    let endpoint: Endpoint = subscription.peer.parse().unwrap();
    assert_eq!(endpoint.host(), "::1");
}
