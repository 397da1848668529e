//! A scheduler, a real ZooKeeper, and real Mesos clusters.

use std::time::Duration;

use mesos_core::scheduler::Subscribed;
use mesos_core::store::Store;
use mesos_core::{
    Disconnected, ErrorKind, Framework, HandlerResult, Offer, Scheduler, SchedulerDriver,
};
use mesos_http::HttpBackend;
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_zookeeper::ZooKeeperStore;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::peer::{Server, end, soon};
use crate::support::*;
use crate::zookeeper_server::ZooKeeper;

#[derive(Debug, PartialEq)]
enum Seen {
    /// Subscribed at the master with this port.
    Subscribed(u16, bool),
    Offers,
    Disconnected(ErrorKind),
}

struct Watching(mpsc::UnboundedSender<Seen>);

#[async_trait::async_trait]
impl Scheduler for Watching {
    async fn subscribed(&mut self, _: &SchedulerDriver, subscribed: Subscribed) -> HandlerResult {
        let master = subscribed.master_info.ok_or("no MasterInfo")?;
        let port = master.address.ok_or("no address")?.port.try_into()?;
        self.0
            .send(Seen::Subscribed(port, subscribed.resubscribed))?;
        Ok(())
    }

    async fn disconnected(&mut self, _: &SchedulerDriver, lost: Disconnected) -> HandlerResult {
        self.0.send(Seen::Disconnected(lost.error.kind()))?;
        Ok(())
    }

    async fn offers(&mut self, _: &SchedulerDriver, _: Vec<Offer>) -> HandlerResult {
        self.0.send(Seen::Offers)?;
        Ok(())
    }
}

#[tokio::test]
async fn a_subscription_follows_the_leader_also_after_its_backend_was_dropped() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let (old, new) = (Server::start().await, Server::start().await);
    let port = |server: &Server| server.endpoint("").port();
    let masters = Masters::at(&zookeeper.servers()).await;
    masters.make_path().await;
    let node = masters.join(port(&old)).await;
    let backend = HttpBackend::new(address(&zookeeper.servers()));
    let (mut subscription, peer) = old.subscribed(backend).await;
    masters.replace(&node, port(&new)).await;
    let error = end(&mut subscription).await;
    assert_eq!(error.kind(), ErrorKind::NotLeader);
    let now = format!("the leader is now {}; ", new.endpoint("/master"));
    assert!(error.to_string().starts_with(&now), "{error}");
    peer.closed().await;
}

#[tokio::test]
async fn a_scheduler_finds_a_real_mesos_through_a_real_zookeeper_and_follows_the_leader() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let Some(first) = require_real(LocalCluster::builder().start().await) else {
        return;
    };
    let Some(second) = require_real(LocalCluster::builder().start().await) else {
        return;
    };
    let (sender, mut seen) = mpsc::unbounded_channel();
    let mut next = async || {
        let next = timeout(Duration::from_secs(60), seen.recv());
        next.await.expect("nothing happens").unwrap()
    };

    // The masters start after the scheduler.
    let backend =
        HttpBackend::new(address(&zookeeper.servers())).connect_timeout(Duration::from_secs(60));
    let framework = Framework::ephemeral("mesos-http's tests");
    let driver = SchedulerDriver::start(Watching(sender), framework, backend);
    let masters = Masters::at(&zookeeper.servers()).await;
    masters.make_path().await;
    let node = masters.join(first.port()).await;
    assert_eq!(next().await, Seen::Subscribed(first.port(), false));
    assert_eq!(next().await, Seen::Offers);

    // Another cluster stands in for another leader.
    masters.join(second.port()).await;
    masters.leave(&node).await;
    loop {
        match next().await {
            Seen::Offers => {}
            other => {
                assert_eq!(other, Seen::Disconnected(ErrorKind::NotLeader));
                break;
            }
        }
    }
    assert_eq!(next().await, Seen::Subscribed(second.port(), true));
    assert_eq!(next().await, Seen::Offers);

    driver.stop();
    driver.join().await.unwrap();
    first.stop().await.unwrap();
    second.stop().await.unwrap();
}

struct Nothing;

impl Scheduler for Nothing {}

#[tokio::test]
async fn a_driver_subscribes_with_the_id_in_zookeeper() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let store = || -> ZooKeeperStore {
        let address = format!("zk://{}/shop/scheduler/id", zookeeper.servers());
        address.parse().unwrap()
    };
    store().save(&"f-7".into()).await.unwrap();
    let master = Server::start().await;
    let framework =
        Framework::with_failover_timeout("shop", Duration::from_secs(60)).store(store());
    let driver = SchedulerDriver::start(Nothing, framework, master.backend());
    let mut peer = soon("a connection", master.accept()).await;
    let call = soon("SUBSCRIBE", peer.request()).await.call();
    assert_eq!(call.framework_id, Some("f-7".into()));
    driver.abort();
    driver.join().await.unwrap();
}
