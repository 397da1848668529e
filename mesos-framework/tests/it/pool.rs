//! The pool of offers.

use std::time::Duration;

use mesos::framework::PoolPolicy;
use mesos::framework::TakenOffer;
use mesos::placement::{Cluster, Placer, Request, Strategy, TaskTemplate};
use mesos::v1::CommandInfo;

use crate::cluster::{Running, cluster, until};

fn request(role: &str) -> Request {
    let task = TaskTemplate::new("task", "cpus:0.1;mem:32".parse().unwrap());
    Request::new(task.command(CommandInfo::sh("true"))).role(role)
}

#[tokio::test]
async fn offers_are_declined_when_their_time_is_over() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let policy = PoolPolicy {
        hold: Duration::from_secs(2),
        refuse: Duration::from_secs(3600),
        ..PoolPolicy::default()
    };
    let running = Running::start(&cluster, "declines", policy, |demand| {
        demand.set_waiting(&[request("a"), request("b")]);
    });
    until("offers of both agents", || async {
        running.pool.len() == 2 && running.offers().await == 2
    })
    .await;
    until("the DECLINEs", || async { running.offers().await == 0 }).await;
    assert!(running.pool.is_empty());
}

#[tokio::test]
async fn taken_offers_return_to_the_pool_and_can_be_accepted() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let policy = PoolPolicy {
        hold: Duration::from_secs(600),
        ..PoolPolicy::default()
    };
    let waiting = [request("a"), request("b")];
    let running = Running::start(&cluster, "takes", policy, |demand| {
        demand.set_waiting(&waiting);
    });
    until("offers of both agents", || async {
        running.pool.len() == 2
    })
    .await;
    drop(running.pool.take_all());
    assert_eq!(running.pool.len(), 2);
    assert_eq!(running.offers().await, 2, "nothing was declined");

    let role = running.pool.take_all()[0]
        .allocation_info
        .clone()
        .unwrap()
        .role
        .unwrap();
    let own: Vec<Request> = waiting
        .into_iter()
        .filter(|request| request.role_of_offers() == Some(role.as_str()))
        .collect();
    let placer = Placer::new(Strategy::FirstFit);
    let mut round = placer.place(running.pool.take_all(), &own, &Cluster::new());
    let accept = round.accepts.remove(0);
    assert_eq!(round.unused.len(), 1);
    let offers = accept.offers.into_iter().map(TakenOffer::into_offer);
    running
        .driver
        .accept(offers, accept.operations, None)
        .await
        .unwrap();
    drop(round);
    until("the task", || async {
        let tasks = running.master.get_tasks().await.unwrap();
        tasks.tasks.len() + tasks.completed_tasks.len() == 1
    })
    .await;
}
