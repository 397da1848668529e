//! Which of the waiting jobs and instances are tried.

use mesos_placement::{Cluster, Constraint, Field, Placer, Strategy};
use mesos_proto::v1::Offer;

use super::*;
use crate::engine::job::Limit;
use crate::engine::waiting::Wanted;

const NOW: Now = Now {
    at: Duration::from_secs(100),
    wall: std::time::SystemTime::UNIX_EPOCH,
};

fn job(name: &str) -> JobSpec {
    let task = TaskSpec::shell(name, format!("./work {name}")).env("NAME", name);
    JobSpec::new(task.resources("cpus:1".parse().unwrap()))
}

fn large(name: &str) -> JobSpec {
    let task = TaskSpec::shell(name, "./work").resources("cpus:100".parse().unwrap());
    JobSpec::new(task)
}

fn with(job: JobSpec, change: impl FnOnce(TaskSpec) -> TaskSpec) -> JobSpec {
    match job.workload {
        crate::Workload::Task(task) => JobSpec {
            workload: change(task).into(),
            ..job
        },
        crate::Workload::Pod(_) => panic!("a pod"),
    }
}

fn engine(jobs: impl IntoIterator<Item = JobSpec>) -> Engine {
    let mut engine = Engine::recover("1", [], NOW).unwrap().0;
    submit(&mut engine, jobs, None);
    engine
}

fn submit(engine: &mut Engine, jobs: impl IntoIterator<Item = JobSpec>, limit: Option<&Limit>) {
    let jobs = jobs.into_iter().collect();
    let done = BTreeMap::new();
    engine.submit(jobs, limit, &done, NOW).unwrap();
}

fn offer(agent: &str, cpus: f64) -> Offer {
    Offer {
        id: format!("{agent}-offer").into(),
        agent_id: agent.into(),
        hostname: agent.to_owned(),
        resources: vec![mesos_proto::v1::Resource::scalar("cpus", cpus)],
        ..Offer::default()
    }
}

fn wanted(engine: &mut Engine, most: usize, offers: &[Offer]) -> Wanted {
    let now = NOW;
    engine.wanted(&"f".into(), most, &mut Room::of(offers), now)
}

fn names(wanted: &Wanted) -> Vec<String> {
    let units = wanted.units.iter();
    units.map(|one| one.name.to_string()).collect()
}

/// A round as the runtime makes it. Returns what was tried, and what was launched.
fn round(engine: &mut Engine, most: usize, offers: &[Offer]) -> (Vec<String>, Vec<String>) {
    let wanted = wanted(engine, most, offers);
    let tried = names(&wanted);
    let cluster = Cluster::from(engine.running(&"f".into()));
    let placer = Placer::new(Strategy::FirstFit);
    let round = placer.place(offers, &wanted.requests, &cluster);
    let mut launched = Vec::new();
    let placed = round.accepts.iter().flat_map(|accept| &accept.placed);
    let launches: Vec<Launch> = placed
        .map(|one| {
            let unit = &wanted.units[one.request];
            launched.push(unit.name.to_string());
            Launch {
                name: unit.name.clone(),
                id: unit.id.clone(),
                tasks: one.task_ids.clone(),
                agent: one.running.agent.clone(),
            }
        })
        .collect();
    let left: Vec<_> = wanted
        .units
        .into_iter()
        .zip(&wanted.requests)
        .filter(|(unit, _)| !launched.iter().any(|one| **one == *unit.name))
        .map(|(unit, request)| {
            let of = |one: &&mesos_placement::Unplaced| {
                one.requests.iter().any(|name| name == request.name())
            };
            let reports = round.report.unplaced.iter().filter(of).cloned();
            (unit, reports.map(std::sync::Arc::new).collect())
        })
        .collect();
    engine.unplaced(left, wanted.cut);
    engine.launch(launches, NOW);
    (tried, launched)
}

fn finish(engine: &mut Engine, job: &str, state: TaskState) {
    let attempt = engine.job(job).unwrap().attempt().unwrap();
    let task = attempt.parts[0].id.clone();
    let status = TaskStatus::new(task.as_str(), state);
    let answer = [(job.into(), attempt.id.clone())];
    engine.answered(&answer, Ok(()), NOW);
    engine.update(&status, NOW).unwrap();
}

#[test]
fn jobs_that_need_the_same_as_a_job_without_a_place_are_tried_when_there_are_new_places() {
    let mut engine = engine([large("a"), large("b"), large("c"), job("small")]);
    let offers = [offer("x", 2.0)];
    let (tried, launched) = round(&mut engine, 10, &offers);
    assert_eq!(
        (tried, launched),
        (vec!["a".into(), "small".into()], vec!["small".into()])
    );
    assert_eq!(round(&mut engine, 10, &offers).0, [""; 0]);

    // Another job of this kind changes nothing, and the end of a task neither.
    engine.unchanged();
    submit(&mut engine, [large("d")], None);
    finish(&mut engine, "small", TaskState::TaskFinished);
    assert!(!engine.is_changed());

    engine.gained();
    assert!(engine.is_changed());
    let (tried, launched) = round(&mut engine, 10, &[offer("x", 200.0)]);
    assert_eq!(tried, ["a", "b", "c"], "a and b fit, and one more is tried");
    assert_eq!(launched, ["a", "b"]);
}

#[test]
fn a_job_that_was_never_tried_has_the_report_of_the_jobs_that_need_the_same() {
    let mut engine = engine([large("a"), large("b")]);
    round(&mut engine, 10, &[offer("x", 2.0)]);
    submit(&mut engine, [large("c")], None);
    for name in ["a", "b", "c"] {
        let reports: Vec<_> = engine
            .reports(name)
            .iter()
            .map(ToString::to_string)
            .collect();
        let report = "1 of 1 instance not placed on 1 offer: needs cpus 100";
        assert!(
            reports[0].starts_with(&format!("{name}: {report}")),
            "{reports:?}"
        );
        assert_eq!(reports.len(), 1);
    }
    engine.gained();
    round(&mut engine, 10, &[offer("x", 100.0)]);
    assert!(engine.reports("a").is_empty(), "it was launched");
    assert!(!engine.reports("c").is_empty());
}

#[test]
fn jobs_that_differ_in_what_decides_their_place_are_tried_one_by_one() {
    let constraint = Constraint::is(Field::Hostname, "y");
    let jobs = [
        large("cpus"),
        with(large("mem"), |task| task.mem(1.0)),
        with(large("port"), |task| task.port("http")),
        with(large("role"), |task| task.role("web")),
        with(large("constraint"), |task| task.constraint(constraint)),
        large("priority").priority(-1),
    ];
    let expected: Vec<String> = jobs.iter().map(|job| job.name.clone()).collect();
    let mut one = engine(jobs);
    assert_eq!(round(&mut one, 10, &[offer("x", 2.0)]).0, expected);

    let jobs = [
        large("first"),
        with(large("env"), |task| task.env("A", "b")),
        with(large("label"), |task| task.label("a", "b")),
        with(large("command"), |task| task.command("other")),
    ];
    let mut one = engine(jobs);
    assert_eq!(round(&mut one, 10, &[offer("x", 2.0)]).0, ["first"]);
}

#[test]
fn labels_decide_the_place_when_a_task_avoids_labels() {
    let noisy = |name: &str| with(job(name), |task| task.label("noisy", "yes"));
    let avoid = Constraint::avoid(Field::AgentId, "noisy", "yes");
    let nested = Constraint::All(vec![avoid]);
    let quiet = with(job("quiet"), |task| task.constraint(nested)).priority(1);
    let mut engine = engine([noisy("noisy"), job("other")]);
    submit(&mut engine, [quiet], None);
    let offers = [offer("x", 9.0)];
    let (tried, launched) = round(&mut engine, 10, &offers);
    assert_eq!(tried, ["quiet", "noisy", "other"]);
    assert_eq!(launched, ["quiet", "other"]);
    finish(&mut engine, "quiet", TaskState::TaskFinished);
    assert_eq!(round(&mut engine, 10, &offers).1, ["noisy"]);
}

#[test]
fn a_job_whose_place_depends_on_other_tasks_is_tried_when_tasks_start_and_end() {
    let with_label = Constraint::With {
        key: "app".into(),
        value: "db".into(),
        field: Field::AgentId,
    };
    let near = with(job("near"), |task| task.constraint(with_label));
    let mut engine = engine([near]);
    let offers = [offer("x", 9.0)];
    assert_eq!(
        round(&mut engine, 10, &offers),
        (vec!["near".into()], vec![])
    );
    assert_eq!(round(&mut engine, 10, &offers).0, [""; 0]);
    submit(
        &mut engine,
        [with(job("db"), |task| task.label("app", "db"))],
        None,
    );
    assert_eq!(round(&mut engine, 10, &offers).1, ["db"]);
    assert_eq!(round(&mut engine, 10, &offers).1, ["near"]);
}

#[test]
fn a_job_that_avoids_the_agent_of_its_failure_does_not_keep_equal_jobs_from_it() {
    let retry = RetryPolicy::attempts(2).first_delay(Duration::ZERO);
    let mut engine = engine([job("failed").retry(retry)]);
    let offers = [offer("x", 1.0)];
    assert_eq!(round(&mut engine, 10, &offers).1, ["failed"]);
    finish(&mut engine, "failed", TaskState::TaskFailed);
    submit(&mut engine, [job("other")], None);
    let (tried, launched) = round(&mut engine, 10, &offers);
    assert_eq!(
        (tried, launched),
        (vec!["failed".into(), "other".into()], vec!["other".into()])
    );
    // After three seconds the agent is as good as the others.
    let later = Now {
        at: engine.next_timer().unwrap(),
        ..NOW
    };
    engine.tick(later);
    assert!(engine.is_changed());
    let wanted = engine.wanted(&"f".into(), 10, &mut Room::of(&offers), later);
    assert_eq!(names(&wanted), ["failed"]);
    assert!(wanted.requests[0].constraints().is_empty());
}

#[test]
fn no_more_jobs_are_tried_than_fit_into_the_offers_and_one_more() {
    let mut engine = engine((0..100).map(|n| job(&format!("job-{n:02}"))));
    let offers = [offer("x", 2.5), offer("y", 3.5)];
    let (tried, launched) = round(&mut engine, 50, &offers);
    assert_eq!((tried.len(), launched.len()), (7, 5));
    // The order is that of the submission.
    assert_eq!(launched, ["job-00", "job-01", "job-02", "job-03", "job-04"]);
    engine.gained();
    assert_eq!(
        round(&mut engine, 3, &offers).1,
        ["job-05", "job-06", "job-07"]
    );
    assert!(engine.is_changed(), "there is room for more");
}

#[test]
fn a_job_without_a_place_does_not_keep_others_from_the_room_that_it_would_need() {
    let half = with(large("half"), |task| task.cpus(6.0)).priority(1);
    let jobs = (0..30).map(|n| job(&format!("job-{n:02}")));
    let mut engine = engine(std::iter::once(half).chain(jobs));
    // Together there is room for the large job, but on no agent.
    let offers = [offer("x", 5.0), offer("y", 5.0)];
    round(&mut engine, 50, &offers);
    engine.gained();
    assert_eq!(round(&mut engine, 50, &offers).1.len(), 10);
    engine.gained();
    let (_, launched) = round(&mut engine, 50, &[offer("x", 5.0), offer("y", 6.0)]);
    assert!(launched.iter().any(|name| name == "half"), "{launched:?}");
}

#[test]
fn jobs_with_a_higher_priority_are_first_and_those_of_one_priority_keep_their_order() {
    let mut engine = engine([
        job("a"),
        with(job("b"), |task| task.port("http")),
        job("c"),
        with(job("urgent"), |task| task.port("http")).priority(1),
    ]);
    let all = engine.wanted(&"f".into(), 10, &mut Room::endless(), NOW);
    assert_eq!(names(&all), ["urgent", "a", "b", "c"]);
}

#[test]
fn the_jobs_of_a_full_group_wait_and_jobs_of_other_groups_do_not() {
    let limit = |group: &str| Limit {
        group: group.to_owned(),
        max: 1,
    };
    let mut engine = engine([]);
    submit(&mut engine, [job("a"), job("b")], Some(&limit("one")));
    submit(&mut engine, [job("c")], Some(&limit("two")));
    let offers = [offer("x", 9.0)];
    assert_eq!(round(&mut engine, 10, &offers).1, ["a", "c"]);
    assert_eq!(round(&mut engine, 10, &offers).0, [""; 0]);
    engine.unchanged();
    finish(&mut engine, "a", TaskState::TaskFinished);
    assert!(engine.is_changed());
    assert_eq!(round(&mut engine, 10, &offers).1, ["b"]);
}

#[test]
fn every_kind_of_job_is_tried_although_many_have_no_place() {
    let jobs = (1..=20).map(|n| {
        let mem = with(large(&format!("large-{n:02}")), |task| task.mem(n.into()));
        mem.priority(i32::from(n % 2 == 0))
    });
    let mut engine = engine(jobs.chain([job("small").priority(-1)]));
    let offers = [offer("x", 2.0)];
    let mut tried = BTreeSet::new();
    for _ in 0..6 {
        tried.extend(round(&mut engine, 4, &offers).0);
    }
    assert_eq!(tried.len(), 21);
    assert!(engine.job("small").unwrap().attempt().is_some());

    // Also of one priority, if there are new places after each round.
    let jobs = (1..=20).map(|n| with(large(&format!("large-{n}")), |task| task.mem(n.into())));
    let mut engine = self::engine(jobs.chain([job("small")]));
    for _ in 0..6 {
        engine.gained();
        round(&mut engine, 4, &offers);
    }
    assert!(engine.job("small").unwrap().attempt().is_some());
}

#[test]
fn an_invalid_request_does_not_keep_valid_ones_from_their_places() {
    let mut engine = engine([job("bad/name"), job("good")]);
    // There is room for one task.
    let offers = [offer("x", 1.0)];
    round(&mut engine, 1, &offers);
    assert_eq!(round(&mut engine, 1, &offers).1, ["good"]);
    assert!(
        engine.reports("bad/name")[0]
            .to_string()
            .contains("invalid request")
    );
}

#[test]
fn what_waits_is_known_for_each_role_also_if_nothing_of_it_was_tried() {
    let of_role = |name: &str, role: &str| with(job(name), |task| task.role(role));
    let limit = Limit {
        group: "full".to_owned(),
        max: 1,
    };
    let jobs = (1..=100).map(|n| with(of_role(&format!("a{n}"), "a"), |task| task.mem(n.into())));
    let mut engine = engine(jobs);
    submit(
        &mut engine,
        [of_role("b1", "b"), of_role("b2", "b")],
        Some(&limit),
    );
    assert!(engine.take_renewed());
    let count = |engine: &Engine, role: &str| -> u32 {
        let requests = engine.waiting(&"f".into());
        let of_role = requests
            .iter()
            .filter(|one| one.role_of_offers() == Some(role));
        of_role.map(mesos_placement::Request::count).sum()
    };
    assert_eq!((count(&engine, "a"), count(&engine, "b")), (100, 1));

    let mut of_b = offer("x", 1.0);
    of_b.allocation_info = Some(mesos_proto::v1::resource::AllocationInfo {
        role: Some("b".to_owned()),
    });
    for resource in &mut of_b.resources {
        resource.allocation_info.clone_from(&of_b.allocation_info);
    }
    assert_eq!(round(&mut engine, 200, &[of_b]).1, ["b1"]);
    assert_eq!(count(&engine, "b"), 1, "the second waits for the first");
    for name in ["b1", "b2"] {
        engine.kill(name, NOW).unwrap();
    }
    finish(&mut engine, "b1", TaskState::TaskKilled);
    assert!(engine.take_renewed());
    assert_eq!(count(&engine, "b"), 0);
}

#[test]
fn jobs_are_tried_one_by_one_if_the_strategy_can_tell_them_apart() {
    let mut engine = engine([large("a"), large("b")]);
    engine.separate();
    submit(&mut engine, [large("c")], None);
    assert_eq!(
        round(&mut engine, 10, &[offer("x", 2.0)]).0,
        ["a", "b", "c"]
    );
}
