//! The engine against a model of Mesos that crashes the scheduler, loses calls and repeats updates,
//! at random.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use mesos_placement::Agent;
use mesos_proto::v1::{TaskState, TaskStatus};
use proptest::prelude::*;

mod services;
mod waiting;
mod world;

use self::world::World;
use super::instance::{Health, Instance};
use super::job::DoneRecord;
use super::unit::Phase;
use super::{DONE_JOB, Engine, Handled, LIVE_JOB, Launch, Now, Room};
use crate::{JobSpec, JobStatus, RetryPolicy, ServiceSpec, TaskSpec};

#[test]
fn a_job_that_was_killed_and_submitted_again_still_waits_for_each_dependency() {
    let mut world = World::new();
    let job = |name: &str| JobSpec::new(TaskSpec::shell(name, "true"));
    let last = job("last").after("a").after("b");
    let jobs = vec![job("a"), job("b"), last.clone()];
    let now = world.now();
    let done = BTreeMap::new();
    world.engine.submit(jobs, None, &done, now).unwrap();
    world.engine.kill("last", now).unwrap();
    world.engine.submit(vec![last], None, &done, now).unwrap();

    for (name, waiting) in [("a", Phase::Blocked(1)), ("b", Phase::Blocked(0))] {
        let id = format!("{name}.1");
        let launch = Launch {
            name: name.into(),
            tasks: vec![id.as_str().into()],
            id: id.clone(),
            agent: Agent::new("a", "h"),
        };
        world.engine.launch(vec![launch], now);
        let status = TaskStatus::new(id.as_str(), TaskState::TaskFinished);
        world.engine.update(&status, now).unwrap();
        let phase = world.engine.job("last").unwrap().phase;
        match waiting {
            Phase::Blocked(0) => assert!(matches!(phase, Phase::Ready { .. }), "{phase:?}"),
            waiting => assert_eq!(phase, waiting),
        }
    }
}

#[test]
fn a_delayed_job_says_which_failure_it_waits_after_also_after_a_restart() {
    let mut world = World::new();
    let now = world.now();
    let retry = RetryPolicy::attempts(2).first_delay(Duration::from_secs(60));
    let job = JobSpec::new(TaskSpec::shell("job", "exit 1")).retry(retry);
    let submitted = world.engine.submit(vec![job], None, &BTreeMap::new(), now);
    let mut changes = submitted.unwrap().0.changes;
    let launch = Launch {
        name: "job".into(),
        tasks: vec!["job.1".into()],
        id: "job.1".into(),
        agent: Agent::new("a", "h"),
    };
    changes.extend(world.engine.launch(vec![launch], now).changes);
    let status = TaskStatus::new("job.1", TaskState::TaskFailed).with_message("exited with 1");
    let Handled::Known(step) = world.engine.update(&status, now).unwrap() else {
        panic!("the task is known");
    };
    changes.extend(step.changes);
    let expected = JobStatus::Delayed("TASK_FAILED: exited with 1".to_owned());
    assert_eq!(world.engine.job("job").unwrap().job_status(), expected);

    let entries: BTreeMap<String, Bytes> = changes
        .into_iter()
        .filter_map(|change| Some((change.key, change.value?)))
        .collect();
    let (engine, _) = Engine::recover("2", entries, now).unwrap();
    assert_eq!(engine.job("job").unwrap().job_status(), expected);
}

#[test]
fn the_time_for_which_an_instance_is_healthy_continues_over_a_restart() {
    let start = World::new().now();
    let (mut engine, _) = Engine::recover("1", [], start).unwrap();
    let service = ServiceSpec::new(TaskSpec::shell("web", "serve"));
    let mut changes = engine.keep(service, start).unwrap().0.changes;
    changes.extend(engine.judge(start).changes);
    let wanted = engine
        .wanted(&"f".into(), 1, &mut Room::endless(), start)
        .units
        .remove(0);
    let launch = Launch {
        name: wanted.name.clone(),
        tasks: vec![wanted.id.as_str().into()],
        id: wanted.id.clone(),
        agent: Agent::new("a", "h"),
    };
    changes.extend(engine.launch(vec![launch], start).changes);
    let mut report = |engine: &mut Engine, state, now| {
        let status = TaskStatus::new(wanted.id.as_str(), state);
        match engine.update(&status, now).unwrap() {
            Handled::Known(step) => changes.extend(step.changes),
            Handled::Stranger => panic!("the task is known"),
        }
        let entries = changes.clone().into_iter();
        let entries = entries.filter_map(|change| Some((change.key, change.value?)));
        entries.collect::<BTreeMap<String, Bytes>>()
    };
    let entries = report(&mut engine, TaskState::TaskRunning, start);

    let later = Now {
        at: Duration::ZERO,
        wall: start.wall + Duration::from_secs(40),
    };
    let healthy_for = |engine: &Engine| match engine.units[&wanted.name].instance() {
        Some(Instance {
            health: Health::Good(since),
            ..
        }) => Some(since.passed(later).as_secs()),
        _ => None,
    };
    let (mut next, _) = Engine::recover("2", entries.clone(), later).unwrap();
    assert_eq!(healthy_for(&next), None, "before Mesos has confirmed it");
    report(&mut next, TaskState::TaskRunning, later);
    assert_eq!(healthy_for(&next), Some(40));

    let (mut next, _) = Engine::recover("3", entries, later).unwrap();
    report(&mut next, TaskState::TaskUnreachable, later);
    report(&mut next, TaskState::TaskRunning, later);
    assert_eq!(healthy_for(&next), Some(0), "it was not healthy in between");
}

#[test]
fn a_job_that_was_forgotten_and_submitted_again_has_new_task_ids() {
    let mut world = World::new();
    let now = world.now();
    let mut next_id = || {
        let job = JobSpec::new(TaskSpec::shell("again", "true"));
        let done = BTreeMap::new();
        world.engine.submit(vec![job], None, &done, now).unwrap();
        let wanted = world
            .engine
            .wanted(&"f".into(), 1, &mut Room::endless(), now);
        world.engine.kill("again", now).unwrap();
        wanted.units[0].id.clone()
    };
    assert_ne!(next_id(), next_id());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn no_attempt_runs_twice_no_job_is_lost_and_everything_is_stored_before_it_is_visible(
        inputs in prop::collection::vec((0u8..12, any::<u8>()), 1..250),
    ) {
        let mut world = World::new();
        for (input, n) in inputs {
            match input {
                0 | 1 => world.submit(n),
                2 => world.place(usize::from(n % 4) + 1),
                3..=5 => world.commit(n),
                6 => world.answer(),
                7 | 8 => world.change(n),
                9 => world.report(),
                10 => world.pass(n % 4),
                _ if n % 4 == 0 => world.crash(),
                _ if n % 4 == 1 => world.kill(n),
                _ => {}
            }
        }
        world.settle();
        // Every job that was stored has ended, and nothing of it runs.
        for (name, spec) in &world.submitted {
            let json = world.store.get(&format!("{DONE_JOB}{name}"));
            prop_assert!(json.is_some(), "{name} was lost");
            let done: DoneRecord = serde_json::from_slice(json.unwrap()).unwrap();
            let live = format!("{LIVE_JOB}{name}");
            prop_assert!(!world.store.contains_key(&live));
            prop_assert!(done.outcome.attempts <= spec.retry.max_attempts);
            let of_job = world.tasks.values().filter(|task| task.unit == *name);
            let results = of_job.filter(|task| {
                matches!(task.state, TaskState::TaskFinished | TaskState::TaskFailed)
            });
            prop_assert!(results.count() <= spec.retry.max_attempts as usize);
        }
        prop_assert!(world.tasks.values().all(|task| !task.is_alive() && !task.unacknowledged));
        prop_assert!(world.engine.jobs().next().is_none());
    }
}
