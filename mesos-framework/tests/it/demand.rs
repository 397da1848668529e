//! The demand of roles.

use std::time::Duration;

use mesos::framework::PoolPolicy;
use mesos::placement::{Constraint, Field, Request, TaskTemplate};

use crate::cluster::{RACK, Running, cluster, until};

fn request(role: &str) -> Request {
    Request::new(TaskTemplate::new(
        "task",
        "cpus:0.1;mem:32".parse().unwrap(),
    ))
    .role(role)
}

fn on_rack(rack: &str) -> Request {
    request("a").constraint(Constraint::is(Field::attribute("rack"), rack))
}

/// Declined resources are offered again at once.
fn at_once() -> PoolPolicy {
    PoolPolicy {
        hold: Duration::from_millis(100),
        refuse: Duration::ZERO,
        jitter: 0.0,
    }
}

#[tokio::test]
async fn roles_without_demand_are_suppressed_and_roles_with_demand_are_revived() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let running = Running::start(&cluster, "demands", at_once(), |demand| {
        demand.set_waiting(&[request("a")]);
    });
    running.suppressed(false, true).await;
    running.demand.set_waiting(&[request("b")]);
    running.suppressed(true, false).await;
    running.demand.set_waiting([]);
    running.suppressed(true, true).await;
    until("the end of all offers", || async {
        running.pool.is_empty() && running.offers().await == 0
    })
    .await;
    running.demand.set_waiting(&[request("a"), request("b")]);
    running.suppressed(false, false).await;
    until("an offer", || async { running.offers().await > 0 }).await;
}

#[tokio::test]
async fn a_new_role_is_subscribed_and_a_removed_role_is_left() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let running = Running::start(&cluster, "roles", at_once(), |_| {});
    running.suppressed(true, true).await;
    running.demand.set_roles(["b", "c"]);
    running.demand.set_waiting(&[request("c")]);
    until("the new roles", || async {
        let known = running.known().await;
        known.is_some_and(|known| known.framework_info.roles == ["b", "c"])
    })
    .await;
    until("an offer for the new role", || async {
        running.is_suppressed("c").await == Some(false) && running.offers().await > 0
    })
    .await;
}

#[tokio::test]
async fn offer_constraints_keep_useless_agents_away() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let running = Running::start(&cluster, "constrained", at_once(), |demand| {
        demand.set_waiting(&[on_rack("r2")]);
    });
    running.suppressed(false, true).await;
    until("the constraints", || async {
        let known = running.known().await;
        known.is_some_and(|known| known.offer_constraints.is_some())
    })
    .await;
    // Offers that were on their way are declined.
    until("the end of all offers", || async {
        running.pool.is_empty() && running.offers().await == 0
    })
    .await;
    // The master makes offers of these agents to another framework, but not to this one.
    let other = Running::start(&cluster, "witness", at_once(), |demand| {
        demand.set_waiting(&[request("a")]);
    });
    until("offers of the witness", || async {
        other.offers().await > 0
    })
    .await;
    assert_eq!(running.offers().await, 0);
    other.driver.stop();
    other.driver.join().await.unwrap();
    assert_eq!(running.offers().await, 0);
    assert!(running.pool.is_empty());

    running.demand.set_waiting(&[on_rack(RACK)]);
    until("an offer", || async { running.offers().await > 0 }).await;
}

#[tokio::test]
async fn the_demand_is_asserted_again_after_a_new_subscription() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let running = Running::start(&cluster, "reasserts", at_once(), |demand| {
        demand.set_waiting(&[request("a")]);
    });
    running.suppressed(false, true).await;
    // The master now has the opposite of the demand, as after a lost call.
    running.driver.revive_roles(["b"]).await.unwrap();
    running.driver.suppress_roles(["a"]).await.unwrap();
    running.suppressed(true, false).await;
    running.driver.reconnect();
    running.suppressed(false, true).await;
}

#[tokio::test]
async fn a_new_master_learns_the_demand() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let running = Running::start(&cluster, "survives", at_once(), |demand| {
        demand.set_waiting(&[request("a")]);
    });
    running.suppressed(false, true).await;
    // The new master knows nothing. It suppresses no role of a framework that subscribes.
    cluster.restart().await.unwrap();
    running.suppressed(false, true).await;
    until("an offer", || async { running.offers().await > 0 }).await;
}
