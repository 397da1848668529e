//! Executors that run already.

use mesos_placement::{Agent, Cluster, Placer, RunningTask, Strategy};
use mesos_proto::v1::{ExecutorInfo, Offer, Resource};

use crate::make::{offer, request};

fn executor(role: &str) -> ExecutorInfo {
    let mut cpus = Resource::scalar("cpus", 0.5);
    cpus.allocation_info = Some(mesos_proto::v1::resource::AllocationInfo {
        role: Some(role.into()),
    });
    ExecutorInfo::builder("e").resource(cpus).build()
}

/// An offer of an agent on which the executor `e` runs.
fn with_executor() -> [Offer; 1] {
    let mut offer = offer(1, "cpus:1;mem:64", &[]);
    offer.executor_ids.push("e".into());
    [offer]
}

#[test]
fn a_running_executor_is_used_as_it_was_launched() {
    let offers = with_executor();
    let running = RunningTask::new("t", Agent::of(&offers[0])).with_executor(executor("web"));
    let requests = [request("t", "cpus:1;mem:1").executor(executor("web"))];
    let cluster = Cluster::from(vec![running]);
    let round = Placer::new(Strategy::FirstFit).place(&offers, &requests, &cluster);
    let task = round.accepts[0].tasks().next().unwrap();
    assert_eq!(task.executor, Some(executor("web")));
    assert_eq!(round.accepts[0].left.cpus(), None);
}

#[test]
fn an_executor_that_is_not_known_or_has_another_role_is_not_used() {
    let offers = with_executor();
    let other = RunningTask::new("t", Agent::of(&offers[0])).with_executor(executor("batch"));
    for cluster in [Cluster::new(), Cluster::from(vec![other])] {
        let requests = [request("t", "cpus:0.1").executor(executor("web"))];
        let round = Placer::new(Strategy::FirstFit).place(&offers, &requests, &cluster);
        assert!(round.accepts.is_empty());
        let text = round.report.to_string();
        assert!(text.contains("1 offer cannot use executor e"), "{text}");
    }
}
