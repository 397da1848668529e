//! The smallest rounds.

use mesos_core::resources::Resources;
use mesos_placement::{Constraint, Field};

use crate::make::{first_fit, offer, request};

#[test]
fn a_task_gets_resources_with_the_reservations_of_the_offer() {
    let offers = [offer(1, "cpus:1;cpus(web):1;mem:1024", &[])];
    let round = first_fit(&offers, &[request("t", "cpus:1.5;mem:32")]);
    let accept = &round.accepts[0];
    let task = accept.tasks().next().unwrap();
    let taken = Resources::try_from(task.resources.clone()).unwrap();
    let offered = Resources::try_from(offers[0].resources.clone()).unwrap();
    assert!(offered.contains(&taken));
    assert_eq!(taken.reserved("web").cpus(), Some(1.0));
    assert_eq!(taken.unreserved().cpus(), Some(0.5));
    assert_eq!(&taken + &accept.left, offered);
    assert_eq!(task.agent_id, offers[0].agent_id);
}

#[test]
fn an_agent_without_the_attribute_gets_no_task() {
    let offers = [
        offer(1, "cpus:4;mem:64", &["rack=r2"]),
        offer(2, "cpus:4;mem:64", &["rack=r1"]),
        offer(3, "cpus:4;mem:64", &[]),
    ];
    let rack = Constraint::is(Field::attribute("rack"), "r1");
    let round = first_fit(
        &offers,
        &[request("t", "cpus:1;mem:1").instances(5).constraint(rack)],
    );
    assert_eq!(round.accepts.len(), 1);
    assert_eq!(round.accepts[0].offers[0].hostname, "agent-2");
    assert_eq!(round.accepts[0].placed.len(), 4);
    assert_eq!(round.unused.len(), 2);
    assert_eq!(round.report.unplaced[0].missing, 1);
    let text = round.report.to_string();
    assert!(text.contains("2 offers lack attribute rack=r1"), "{text}");
}

#[test]
fn the_offers_of_one_agent_and_role_are_used_together() {
    let mut second = offer(1, "cpus:1;mem:64", &[]);
    second.id.value = "O2".into();
    let offers = [offer(1, "cpus:1", &[]), second];
    let round = first_fit(&offers, &[request("t", "cpus:2;mem:64")]);
    assert_eq!(round.accepts[0].offers.len(), 2);
    assert!(round.accepts[0].left.is_empty());
}

#[test]
fn an_executor_is_counted_once_per_agent() {
    let offers = [offer(1, "cpus:2.5;mem:256", &[])];
    let executor = mesos_proto::v1::ExecutorInfo::builder("e")
        .cpus(0.5)
        .mem(64.0)
        .build();
    let round = first_fit(
        &offers,
        &[request("t", "cpus:1;mem:64")
            .instances(3)
            .executor(executor)],
    );
    let tasks: Vec<_> = round.accepts[0].tasks().collect();
    assert_eq!(tasks.len(), 2);
    assert_eq!(tasks[0].executor, tasks[1].executor);
    assert_eq!(round.accepts[0].left.to_string(), "mem(allocated: web):64");
}
