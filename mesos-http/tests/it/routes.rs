//! Several masters behind one name or one address: the calls have to arrive where the subscription
//! is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mesos_core::{Framework, SchedulerDriver};
use mesos_http::HttpBackend;
use mesos_testing::{FakeMaster, FaultProxy, Recorder};
use tokio::net::TcpListener;

use crate::peer::*;

/// Servers on the same port of two loopback addresses.
async fn neighbors() -> (Server, Server) {
    loop {
        let first = Server::start().await;
        let (_, port) = first.address.rsplit_once(':').unwrap();
        if let Ok(listener) = TcpListener::bind(format!("127.0.0.2:{port}")).await {
            return (first, Server::over(listener));
        }
    }
}

#[tokio::test]
async fn calls_go_to_the_address_that_accepted_the_subscription() {
    let (first, second) = neighbors().await;
    let addresses: [SocketAddr; 2] =
        [&first, &second].map(|server| server.address.parse().unwrap());
    let port = addresses[0].port();
    // Like a name server that rotates its answers.
    let asked = Arc::new(AtomicUsize::new(0));
    let backend = HttpBackend::new(format!("http://masters.test:{port}").parse().unwrap())
        .resolver({
            let asked = Arc::clone(&asked);
            move |host, at| {
                assert_eq!((host, at), ("masters.test", port));
                let start = asked.fetch_add(1, Ordering::Relaxed) % 2;
                Ok(vec![addresses[start], addresses[1 - start]])
            }
        });
    for leader in [&first, &second, &first] {
        let (subscription, _stream) = leader.subscribed(backend.clone()).await;
        for task in ["1", "2"] {
            let answer = subscription.calls.send(kill(task)).await.unwrap();
            let mut peer = leader.accept().await;
            let request = peer.request().await;
            // The name stays the one that the user wrote.
            let host = format!("masters.test:{port}");
            assert_eq!(request.header("host"), Some(host.as_str()));
            assert_eq!(killed(&request), task);
            peer.respond("202 Accepted", "", "").await;
            soon("the answer", answer).await.unwrap();
            peer.hang_up().await;
        }
    }
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    assert!(first.is_quiet().await && second.is_quiet().await);
}

#[tokio::test]
async fn all_addresses_of_a_name_are_tried() {
    let server = Server::start().await;
    let address: SocketAddr = server.address.parse().unwrap();
    let closed = TcpListener::bind("127.0.0.3:0").await.unwrap();
    let unused = closed.local_addr().unwrap();
    drop(closed);
    let backend = HttpBackend::new("http://masters.test".parse().unwrap())
        .resolver(move |_, _| Ok(vec![unused, address]));
    server.subscribed(backend).await;
}

/// Accepts connections, and forwards each to the next of `targets`.
async fn balancer(targets: Vec<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for target in targets.into_iter().cycle() {
            let (mut client, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut master = tokio::net::TcpStream::connect(target).await?;
                tokio::io::copy_bidirectional(&mut client, &mut master).await
            });
        }
    });
    address
}

/// A balancer of connections sends the calls of a subscription to any master. A master that does not
/// lead redirects them.
#[tokio::test]
async fn behind_a_balancer_of_three_masters_calls_arrive_in_the_end() {
    let leader = FakeMaster::start().await.unwrap();
    let others = [
        FakeMaster::start().await.unwrap(),
        FakeMaster::start().await.unwrap(),
    ];
    for other in &others {
        other.follow(&leader);
    }
    let mut targets = vec![leader.address()];
    targets.extend(others.iter().map(FakeMaster::address));
    let balancer = balancer(targets).await;
    let recorder = Recorder::new();
    let backend = HttpBackend::new(format!("http://{balancer}").parse().unwrap());
    let framework = Framework::with_failover_timeout("f", Duration::from_secs(60));
    let driver = SchedulerDriver::start(recorder.clone(), framework, backend).detach();
    recorder.subscribed().await;
    // The balancer sends this call to the second master.
    let lost = driver.kill("t").await.unwrap_err();
    assert_eq!(lost.status(), Some(307), "{lost}");
    let disconnected = recorder.disconnected().await;
    assert_eq!(disconnected.error.status(), Some(307));
    // The third master redirects the next SUBSCRIBE to the leader, and the calls follow it.
    assert!(recorder.subscribed().await.resubscribed);
    for _ in 0..3 {
        driver.kill("t").await.unwrap();
    }
    assert_eq!(leader.streams().len(), 2);
}

/// What an executor and a scheduler do when the other host loses its power.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_host_that_vanishes_ends_the_subscriptions_of_schedulers_and_executors() {
    use mesos_core::ErrorKind;
    use mesos_core::backend::{Backend, ExecutorApi};
    use mesos_proto::v1::executor;
    use mesos_testing::{FakeAgent, RemoteHost};
    use std::io::Write as _;
    use tokio::time::timeout;

    let host = match RemoteHost::start() {
        Ok(host) => host,
        Err(error) => {
            // Not captured by the test harness.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {error}");
            return;
        }
    };
    // Far longer than the 30 s of the kernel, and shorter than five heartbeats of 15 s.
    let limit = Duration::from_secs(60);
    let master = FakeMaster::start().await.unwrap();
    let agent = FakeAgent::start().await.unwrap();
    let way = |to| FaultProxy::over(host.listen().unwrap(), to).unwrap();
    let (to_master, to_agent) = (way(master.address()), way(agent.address()));
    let backend = HttpBackend::new(to_master.url().parse().unwrap());
    let mut scheduler = subscribe(backend).await.unwrap().unwrap();
    let mut environment = agent.environment();
    let pid = &mut environment.agent_pid;
    *pid = pid.replace(
        &agent.address().to_string(),
        &to_agent.address().to_string(),
    );
    let backend = HttpBackend::for_executor(&environment).unwrap();
    let mut executor = Backend::<ExecutorApi>::subscribe(
        &backend,
        executor::Call {
            r#type: Some(executor::call::Type::Subscribe.into()),
            executor_id: environment.executor_id.clone(),
            framework_id: environment.framework_id.clone(),
            subscribe: Some(executor::call::Subscribe::default()),
            ..Default::default()
        },
    )
    .await
    .unwrap();
    next(&mut scheduler).await;
    soon("SUBSCRIBED", executor.events.next()).await.unwrap();

    host.lose_packets().unwrap();
    let ends = async {
        let scheduler = async {
            loop {
                if let Err(error) = scheduler.events.next().await {
                    return error;
                }
            }
        };
        let executor = async {
            loop {
                if let Err(error) = executor.events.next().await {
                    return error;
                }
            }
        };
        tokio::join!(scheduler, executor)
    };
    let Ok((scheduler, executor)) = timeout(limit, ends).await else {
        panic!("still subscribed at a host that vanished {limit:?} ago");
    };
    assert_eq!(scheduler.kind(), ErrorKind::Transport, "{scheduler:?}");
    assert_eq!(executor.kind(), ErrorKind::Transport, "{executor:?}");
}
