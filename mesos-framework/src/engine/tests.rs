//! The engine against a model of Mesos that crashes the scheduler, loses calls and repeats updates,
//! at random.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use mesos_core::store::Change;
use mesos_core::{Delivery, Error, ErrorKind};
use mesos_placement::Agent;
use mesos_proto::v1::{TaskState, TaskStatus};
use proptest::prelude::*;

use super::job::{DoneRecord, JobRecord, Limit, Phase};
use super::{Action, DONE_JOB, Engine, Handled, LIVE_JOB, Launch, Name, Now, Step};
use crate::{JobSpec, RetryPolicy, TaskSpec};

/// What follows a stored step.
#[derive(Debug)]
enum Effect {
    Action(Action),
    Accept(Vec<Launch>),
    /// Of the update of this task with this state.
    Acknowledge(String, TaskState),
}

/// A task of Mesos.
#[derive(Debug)]
struct Task {
    job: String,
    state: TaskState,
    /// Whether the scheduler has to receive the state until it acknowledges the state.
    unacknowledged: bool,
}

impl Task {
    fn is_alive(&self) -> bool {
        matches!(self.state, TaskState::TaskStaging | TaskState::TaskRunning)
    }
}

/// The launches of a call, and its result.
type Answer = (Vec<(Name, String)>, Result<(), Error>);

struct World {
    engine: Engine,
    restarts: u32,
    at: Duration,
    store: BTreeMap<String, Bytes>,
    /// Steps that are not stored yet.
    steps: VecDeque<(Vec<Change>, Vec<Effect>)>,
    /// The tasks that Mesos knows or knew.
    tasks: BTreeMap<String, Task>,
    kills: BTreeSet<String>,
    asked: BTreeSet<String>,
    /// Answers to calls that the scheduler has not received yet.
    answers: Vec<Answer>,
    submitted: BTreeMap<String, JobSpec>,
}

const LIMIT: u32 = 2;

impl World {
    fn new() -> Self {
        let now = Now {
            at: Duration::ZERO,
            wall: SystemTime::UNIX_EPOCH,
        };
        Self {
            engine: Engine::recover("0", [], now).unwrap().0,
            restarts: 0,
            at: Duration::ZERO,
            store: BTreeMap::new(),
            steps: VecDeque::new(),
            tasks: BTreeMap::new(),
            kills: BTreeSet::new(),
            asked: BTreeSet::new(),
            answers: Vec::new(),
            submitted: BTreeMap::new(),
        }
    }

    fn now(&self) -> Now {
        Now {
            at: self.at,
            wall: SystemTime::UNIX_EPOCH + self.at,
        }
    }

    fn push(&mut self, step: Step, then: impl IntoIterator<Item = Effect>) {
        let effects = step.actions.into_iter().map(Effect::Action).chain(then);
        self.steps.push_back((step.changes, effects.collect()));
    }

    /// The job with the number `n` waits for the job before it, if its number is a multiple of 3.
    fn submit(&mut self, n: u8) {
        let name = format!("job-{}", n % 8);
        let mut spec = JobSpec::new(TaskSpec::shell(&name, "true"))
            .retry(RetryPolicy::attempts(u32::from(n % 3) + 1));
        if n.is_multiple_of(3) && !n.is_multiple_of(8) {
            spec = spec.after(format!("job-{}", n % 8 - 1));
        }
        if n.is_multiple_of(5) {
            spec = spec.timeout(Duration::from_secs(20));
        }
        if let Some(known) = self.submitted.get(&name) {
            spec = known.clone();
        }
        let mut known = self.store.clone();
        for (changes, _) in &self.steps {
            apply(&mut known, changes);
        }
        let record = |name: &str| {
            let json = known.get(&format!("{DONE_JOB}{name}"))?;
            Some((name.to_owned(), serde_json::from_slice(json).unwrap()))
        };
        let names = spec.after.iter().chain([&spec.name]);
        let done: BTreeMap<String, DoneRecord> = names.filter_map(|name| record(name)).collect();
        let limit = Limit {
            group: "g".to_owned(),
            max: LIMIT,
        };
        let now = self.now();
        if let Ok((step, _)) = self
            .engine
            .submit(vec![spec.clone()], Some(&limit), &done, now)
        {
            self.push(step, []);
        }
    }

    fn place(&mut self, most: usize) {
        let now = self.now();
        let wanted = self.engine.wanted(&"f".into(), most, now);
        let launches: Vec<Launch> = wanted
            .into_iter()
            .map(|one| Launch {
                name: one.name,
                tasks: vec![one.id.as_str().into()],
                id: one.id,
                agent: Agent::new("a", "h"),
            })
            .collect();
        let step = self.engine.launch(launches.clone(), now);
        for launch in launches {
            // One call for each, so that each has its own fate.
            self.steps.push_back((Vec::new(), Vec::new()));
            let (changes, effects) = self.steps.back_mut().unwrap();
            let key = format!("{LIVE_JOB}{}", launch.name);
            changes.extend(step.changes.iter().filter(|one| one.key == key).cloned());
            effects.push(Effect::Accept(vec![launch]));
        }
    }

    /// Stores the oldest step, and carries out its effects.
    fn commit(&mut self, luck: u8) {
        let Some((changes, effects)) = self.steps.pop_front() else {
            return;
        };
        apply(&mut self.store, &changes);
        for change in &changes {
            if let Some(name) = change.key.strip_prefix(LIVE_JOB)
                && let Some(json) = &change.value
            {
                let record: JobRecord = serde_json::from_slice(json).unwrap();
                self.submitted.entry(name.to_owned()).or_insert(record.spec);
            }
        }
        for effect in effects {
            match effect {
                Effect::Accept(launches) => self.accept(launches, luck),
                Effect::Acknowledge(id, state) => self.acknowledge(&id, state),
                Effect::Action(Action::Kill(tasks, _)) => {
                    self.kills.extend(tasks.into_iter().map(|task| task.value));
                }
                Effect::Action(Action::Reconcile(tasks)) => {
                    let ids = tasks.into_iter().map(|(task, _)| task.value);
                    self.asked.extend(ids);
                }
                Effect::Action(Action::Changed(_) | Action::Ended(_)) => {}
            }
        }
    }

    fn accept(&mut self, launches: Vec<Launch>, luck: u8) {
        let error = |delivery| Error::new(ErrorKind::Transport, "").with_delivery(delivery);
        let (arrives, result) = match luck % 8 {
            0 => (false, Err(error(Delivery::NotSent))),
            1 => (false, Err(error(Delivery::Unknown))),
            2 => (true, Err(error(Delivery::Unknown))),
            _ => (true, Ok(())),
        };
        for launch in &launches {
            let json = &self.store[&format!("{LIVE_JOB}{}", launch.name)];
            let record: JobRecord = serde_json::from_slice(json).unwrap();
            assert_eq!(
                record.attempt.unwrap().id,
                launch.id,
                "launched before it was stored"
            );
            if !arrives {
                continue;
            }
            let twin = |task: &&Task| task.job == *launch.name && task.is_alive();
            assert!(
                self.tasks.values().find(twin).is_none(),
                "two tasks of {}",
                launch.name
            );
            let task = Task {
                job: launch.name.to_string(),
                state: TaskState::TaskStaging,
                unacknowledged: false,
            };
            let earlier = self.tasks.insert(launch.id.clone(), task);
            assert!(earlier.is_none(), "{} was launched twice", launch.id);
        }
        let alive = self.tasks.values().filter(|task| task.is_alive()).count();
        assert!(alive <= LIMIT as usize, "{alive} tasks at once");
        let names = launches.into_iter().map(|launch| (launch.name, launch.id));
        self.answers.push((names.collect(), result));
    }

    fn acknowledge(&mut self, id: &str, state: TaskState) {
        let task = self.tasks.get_mut(id).unwrap();
        if task.state != state {
            return;
        }
        task.unacknowledged = false;
        if task.is_alive() {
            return;
        }
        // The end is in the store.
        if let Some(json) = self.store.get(&format!("{LIVE_JOB}{}", task.job)) {
            let record: JobRecord = serde_json::from_slice(json).unwrap();
            assert_ne!(
                record.attempt.map(|one| one.id).as_deref(),
                Some(id),
                "not stored"
            );
        }
    }

    fn answer(&mut self) {
        for (launches, result) in std::mem::take(&mut self.answers) {
            let result = result.as_ref().copied();
            let step = self.engine.answered(&launches, result, self.now());
            self.push(step, []);
        }
    }

    /// A task of Mesos changes.
    fn change(&mut self, n: u8) {
        let alive = self.tasks.iter_mut().filter(|(_, task)| task.is_alive());
        let alive: Vec<_> = alive.collect();
        if alive.is_empty() {
            return;
        }
        let which = usize::from(n) % alive.len();
        let (id, task) = alive.into_iter().nth(which).unwrap();
        task.state = match (task.state, n % 7) {
            _ if self.kills.contains(id) => TaskState::TaskKilled,
            (TaskState::TaskStaging, 0) => TaskState::TaskDropped,
            (TaskState::TaskStaging, _) => TaskState::TaskRunning,
            (_, 0) => TaskState::TaskGone,
            (_, 1 | 2) => TaskState::TaskFailed,
            _ => TaskState::TaskFinished,
        };
        task.unacknowledged = true;
    }

    /// The scheduler receives the states that it has not acknowledged, and those that it requested.
    fn report(&mut self) {
        let open = self.tasks.iter().filter(|(_, task)| task.unacknowledged);
        let mut states: Vec<(String, TaskState, bool)> = open
            .map(|(id, task)| (id.clone(), task.state, true))
            .collect();
        for id in std::mem::take(&mut self.asked) {
            let state = match self.tasks.get(&id) {
                Some(task) if task.is_alive() || task.unacknowledged => task.state,
                _ => TaskState::TaskUnknown,
            };
            states.push((id, state, false));
        }
        for (id, state, acknowledge) in states {
            let status = TaskStatus::new(id.as_str(), state);
            match self.engine.update(&status, self.now()).unwrap() {
                Handled::Known(step) => {
                    let then = acknowledge.then_some(Effect::Acknowledge(id, state));
                    self.push(step, then);
                }
                Handled::Stranger => drop(self.kills.insert(id)),
            }
        }
    }

    /// The process ends, and a new one continues with what is stored.
    fn crash(&mut self) {
        self.restarts += 1;
        self.steps.clear();
        self.answers.clear();
        self.asked.clear();
        let live = self.store.range(LIVE_JOB.to_owned()..);
        let live = live.take_while(|(key, _)| key.starts_with(LIVE_JOB));
        let live: Vec<_> = live
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let recovered = Engine::recover(self.restarts.to_string(), live, self.now());
        let (engine, step) = recovered.unwrap();
        self.engine = engine;
        self.push(step, []);
    }

    fn pass(&mut self, seconds: u8) {
        self.at += Duration::from_secs(seconds.into());
        let step = self.engine.tick(self.now());
        self.push(step, []);
    }

    fn kill(&mut self, n: u8) {
        if let Some(step) = self.engine.kill(&format!("job-{}", n % 8), self.now()) {
            self.push(step, []);
        }
    }

    fn settle(&mut self) {
        for _ in 0..400 {
            self.answer();
            self.report();
            self.pass(100);
            self.place(8);
            while !self.steps.is_empty() {
                self.commit(7);
            }
            self.change(3);
        }
        self.report();
        while !self.steps.is_empty() {
            self.commit(7);
        }
    }
}

fn apply(store: &mut BTreeMap<String, Bytes>, changes: &[Change]) {
    for change in changes {
        match &change.value {
            Some(value) => drop(store.insert(change.key.clone(), value.clone())),
            None => drop(store.remove(&change.key)),
        }
    }
}

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
            let of_job = world.tasks.values().filter(|task| task.job == *name);
            let results = of_job.filter(|task| {
                matches!(task.state, TaskState::TaskFinished | TaskState::TaskFailed)
            });
            prop_assert!(results.count() <= spec.retry.max_attempts as usize);
        }
        prop_assert!(world.tasks.values().all(|task| !task.is_alive() && !task.unacknowledged));
        prop_assert!(world.engine.names().next().is_none());
    }
}
