//! Executors that run already.

use mesos_core::resources::Resources;
use mesos_placement::{Agent, Cluster, Placer, Revocable, RunningTask, Strategy};
use mesos_proto::v1::resource::RevocableInfo;
use mesos_proto::v1::{ExecutorInfo, Offer, Resource};

use crate::make::{offer, offer_of, request};

fn executor(role: &str) -> ExecutorInfo {
    let mut cpus = Resource::scalar("cpus", 0.5);
    cpus.allocation_info = Some(mesos_proto::v1::resource::AllocationInfo {
        role: Some(role.into()),
    });
    ExecutorInfo::builder("e").resource(cpus).build()
}

/// An executor that has revocable CPUs, or not.
fn executor_with(revocable: bool) -> ExecutorInfo {
    let mut executor = executor("web");
    executor.resources[0].revocable = revocable.then(RevocableInfo::default);
    executor
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
fn a_known_executor_without_a_task_is_used_where_an_offer_reports_it() {
    let mut cluster = Cluster::new();
    for id in ["agent-1", &with_executor()[0].agent_id.value] {
        cluster.executors.push((id.to_owned(), executor("web")));
    }
    let place = |offers: &[Offer; 1]| {
        let requests = [request("t", "cpus:0.6").executor(executor("web"))];
        let round = Placer::new(Strategy::FirstFit).place(offers, &requests, &cluster);
        let task = round.accepts.first().and_then(|one| one.tasks().next());
        task.map(|task| task.executor.clone())
    };
    assert_eq!(place(&with_executor()), Some(Some(executor("web"))));
    // The executor has ended, and there is not enough for another one.
    assert_eq!(place(&[offer(1, "cpus:1;mem:64", &[])]), None);
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

/// `validateRevocableAndNonRevocableResources` in src/master/validation.cpp counts the resources of
/// an executor that runs, too.
#[test]
fn a_task_has_the_same_kind_of_resources_as_the_executor_that_runs() {
    let mut resources: Resources = "cpus:1;mem:64".parse().unwrap();
    resources += Resources::try_from(Resource {
        revocable: Some(RevocableInfo {}),
        ..Resource::scalar("cpus", 1.0)
    })
    .unwrap();
    let offers = [offer_of(1, resources, vec![])];
    let place = |running: bool, wanted: Revocable| {
        let task = RunningTask::new("t", Agent::of(&offers[0]));
        let cluster = Cluster::from(vec![task.with_executor(executor_with(running))]);
        let request = request("t", "cpus:1;mem:1").revocable("cpus", wanted);
        let request = request.executor(executor_with(running));
        let requests = [request];
        let round = Placer::new(Strategy::FirstFit).place(&offers, &requests, &cluster);
        let task = round
            .accepts
            .first()
            .and_then(|accept| accept.tasks().next());
        let cpus = task.map(|task| task.resources.iter().any(|one| one.revocable.is_some()));
        cpus.ok_or(round.report.to_string())
    };
    assert_eq!(place(false, Revocable::Never), Ok(false));
    assert_eq!(place(true, Revocable::Only), Ok(true));
    assert_eq!(place(false, Revocable::Allowed), Ok(false));
    assert_eq!(place(true, Revocable::Allowed), Ok(true));
    let text = place(false, Revocable::Only).unwrap_err();
    assert!(
        text.contains("1 offer cannot use executor e: its cpus are not revocable"),
        "{text}"
    );
}

/// The executor of the request has the same id and other resources than the executor that runs.
#[test]
fn a_task_without_revocable_resources_does_not_join_an_executor_with_revocable_ones() {
    let offers = with_executor();
    let task = RunningTask::new("t", Agent::of(&offers[0])).with_executor(executor_with(true));
    let cluster = Cluster::from(vec![task]);
    let requests = [request("t", "cpus:1").executor(executor_with(false))];
    let round = Placer::new(Strategy::FirstFit).place(&offers, &requests, &cluster);
    assert!(round.accepts.is_empty());
    let text = round.report.to_string();
    assert!(text.contains("its cpus are revocable"), "{text}");
}
