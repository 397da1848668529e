//! The pool of offers.

use std::time::Duration;

use mesos::framework::PoolPolicy;
use mesos::framework::TakenOffer;
use mesos::placement::{Cluster, Placer, Request, Strategy, TaskTemplate};
use mesos::v1::CommandInfo;
use mesos::v1::scheduler::call::Type;
use mesos_testing::{Agent, Builder, FakeMaster};

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

/// The number of offers in each DECLINE of 24 offers that arrived together.
async fn declines(jitter: f64) -> Vec<usize> {
    const OFFERS: usize = 24;
    let agents = (0..OFFERS).map(|number| Agent::new(format!("a{number}")).having("cpus:1"));
    let master = agents.fold(FakeMaster::builder(), Builder::agent);
    let master = master.start().await.unwrap();
    let policy = PoolPolicy {
        hold: Duration::from_millis(400),
        refuse: Duration::from_secs(3600),
        jitter,
    };
    let _running = Running::start_at(&master.url(), "jitter", policy, |demand| {
        demand.set_waiting(&[request("a"), request("b")]);
    });
    let mut declined = Vec::new();
    while declined.iter().sum::<usize>() < OFFERS {
        let call = master.expect(Type::Decline).await.call.unwrap();
        declined.push(call.decline.unwrap().offer_ids.len());
    }
    declined
}

#[tokio::test]
async fn offers_that_arrive_together_are_declined_at_different_times() {
    assert_eq!(declines(0.0).await, [24]);
    let several = declines(1.0).await;
    assert!(several.len() > 2, "{several:?}");
}

#[tokio::test]
async fn offers_can_be_held_for_the_longest_duration() {
    let master = FakeMaster::builder().agent(Agent::new("a").having("cpus:1"));
    let master = master.start().await.unwrap();
    for jitter in [0.0, 1.0, f64::NAN] {
        let policy = PoolPolicy {
            hold: Duration::MAX,
            refuse: Duration::MAX,
            jitter,
        };
        let running = Running::start_at(&master.url(), "forever", policy, |demand| {
            demand.set_waiting(&[request("a")]);
        });
        until("the offer", || async { running.pool.len() == 1 }).await;
        running.driver.stop();
        running.driver.join().await.unwrap();
    }
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
