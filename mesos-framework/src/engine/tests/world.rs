//! A model of Mesos, and of a scheduler that can be cut off between any two steps.

mod requests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use mesos_core::store::Change;
use mesos_core::{Delivery, Error, ErrorKind};
use mesos_placement::Agent;
use mesos_proto::v1::{TaskState, TaskStatus};

use crate::engine::instance::InstanceRecord;
use crate::engine::job::{DoneRecord, JobRecord, Limit};
use crate::engine::unit::Runs;
use crate::engine::{
    Action, DONE_JOB, Engine, Handled, LIVE, LIVE_INSTANCE, LIVE_JOB, Launch, Name, Now, Room,
    ServiceRequest, Step,
};
use crate::{JobSpec, OnFailure, RetryPolicy, ServiceSpec, TaskSpec, UpdatePolicy};

/// What follows a stored step.
#[derive(Debug)]
enum Effect {
    Action(Action),
    /// A launch, and how many instances of its service may exist.
    Accept(Launch, u32),
    /// Of the update of this task with this state.
    Acknowledge(String, TaskState),
}

/// A task of Mesos.
#[derive(Debug)]
pub(super) struct Task {
    /// The job, or the instance.
    pub(super) unit: String,
    pub(super) state: TaskState,
    /// Whether the scheduler has to receive the state until it acknowledges the state.
    pub(super) unacknowledged: bool,
    /// The state that the agent knows, which the master cannot reach.
    hidden: Option<TaskState>,
    /// Whether the task was ever unreachable, so that it could have been replaced.
    was_hidden: bool,
    /// Whether the task always fails.
    bad: bool,
}

impl Task {
    pub(super) fn is_alive(&self) -> bool {
        let alive = |state| matches!(state, TaskState::TaskStaging | TaskState::TaskRunning);
        alive(self.hidden.unwrap_or(self.state))
    }

    fn service(&self) -> Option<&str> {
        self.unit.split_once('/').map(|(service, _)| service)
    }
}

/// The launches of a call, and its result.
type Answer = (Vec<(Name, String)>, Result<(), Error>);

pub(super) struct World {
    pub(super) engine: Engine,
    restarts: u32,
    at: Duration,
    pub(super) store: BTreeMap<String, Bytes>,
    /// Steps that are not stored yet.
    steps: VecDeque<(Vec<Change>, Vec<Effect>)>,
    /// The tasks that Mesos knows or knew.
    pub(super) tasks: BTreeMap<String, Task>,
    kills: BTreeSet<String>,
    asked: BTreeSet<String>,
    /// Tasks whose reachability changed. Mesos reports this once, without acknowledgement.
    unsent: BTreeSet<String>,
    /// Answers to calls that the scheduler has not received yet.
    answers: Vec<Answer>,
    pub(super) submitted: BTreeMap<String, JobSpec>,
}

const LIMIT: u32 = 2;

impl World {
    pub(super) fn new() -> Self {
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
            unsent: BTreeSet::new(),
            answers: Vec::new(),
            submitted: BTreeMap::new(),
        }
    }

    pub(super) fn now(&self) -> Now {
        Now {
            at: self.at,
            wall: SystemTime::UNIX_EPOCH + self.at,
        }
    }

    fn push(&mut self, step: Step, then: impl IntoIterator<Item = Effect>) {
        let effects = step.actions.into_iter().map(Effect::Action).chain(then);
        self.steps.push_back((step.changes, effects.collect()));
    }

    pub(super) fn judge(&mut self) {
        let step = self.engine.judge(self.now());
        self.push(step, []);
        self.engine.take_left();
    }

    pub(super) fn place(&mut self, most: usize) {
        let now = self.now();
        let leaving: Vec<String> = self.engine.leaving().cloned().collect();
        let agents = ["agent-0", "agent-1", "agent-2"];
        let free = |agent: &&&str| !leaving.iter().any(|one| one == **agent);
        let agents: Vec<&str> = agents.iter().filter(free).copied().collect();
        let wanted = self
            .engine
            .wanted(&"f".into(), most, &mut Room::endless(), now);
        let launches: Vec<Launch> = wanted
            .units
            .into_iter()
            .enumerate()
            .map(|(at, one)| Launch {
                name: one.name,
                tasks: vec![one.id.as_str().into()],
                id: one.id,
                agent: Agent::new(agents[at % agents.len()], "h"),
            })
            .collect();
        let step = self.engine.launch(launches.clone(), now);
        for launch in launches {
            let (prefix, most) = match launch.name.split_once('/') {
                Some((service, _)) => {
                    let views = self.engine.service(service).unwrap();
                    (LIVE_INSTANCE, self.engine.most(views))
                }
                None => (LIVE_JOB, u32::MAX),
            };
            // One call for each, so that each has its own fate.
            self.steps.push_back((Vec::new(), Vec::new()));
            let (changes, effects) = self.steps.back_mut().unwrap();
            let key = format!("{prefix}{}", launch.name);
            changes.extend(step.changes.iter().filter(|one| one.key == key).cloned());
            effects.push(Effect::Accept(launch, most));
        }
    }

    /// Stores the oldest step, and carries out its effects.
    pub(super) fn commit(&mut self, luck: u8) {
        let Some((changes, effects)) = self.steps.pop_front() else {
            return;
        };
        apply(&mut self.store, &changes);
        for change in &changes {
            if let Some(name) = change.key.strip_prefix(LIVE_JOB)
                && let Some(json) = &change.value
            {
                let record: JobRecord = serde_json::from_slice(json).unwrap();
                let spec = record.spec.unpack().unwrap();
                self.submitted.entry(name.to_owned()).or_insert(spec);
            }
        }
        for effect in effects {
            match effect {
                Effect::Accept(launch, most) => self.accept(launch, most, luck),
                Effect::Acknowledge(id, state) => self.acknowledge(&id, state),
                Effect::Action(Action::Kill(tasks, _)) => {
                    self.kills.extend(tasks.into_iter().map(|task| task.value));
                }
                Effect::Action(Action::Reconcile(tasks)) => {
                    let ids = tasks.into_iter().map(|(task, _)| task.value);
                    self.asked.extend(ids);
                }
                Effect::Action(Action::Changed(_) | Action::Ended(_) | Action::Service(_)) => {}
            }
        }
    }

    /// What is stored about the launches of a unit.
    fn stored(&self, unit: &str) -> Option<Runs> {
        if unit.contains('/') {
            let json = self.store.get(&format!("{LIVE_INSTANCE}{unit}"))?;
            let record: InstanceRecord = serde_json::from_slice(json).unwrap();
            return Some(record.runs);
        }
        let json = self.store.get(&format!("{LIVE_JOB}{unit}"))?;
        let record: JobRecord = serde_json::from_slice(json).unwrap();
        Some(record.runs)
    }

    fn accept(&mut self, launch: Launch, most: u32, luck: u8) {
        let error = |delivery| Error::new(ErrorKind::Transport, "").with_delivery(delivery);
        let (arrives, result) = match luck % 8 {
            0 => (false, Err(error(Delivery::NotSent))),
            1 => (false, Err(error(Delivery::Unknown))),
            2 => (true, Err(error(Delivery::Unknown))),
            _ => (true, Ok(())),
        };
        let stored = self.stored(&launch.name).and_then(|runs| runs.attempt);
        assert_eq!(
            stored.map(|attempt| attempt.id),
            Some(launch.id.clone()),
            "launched before it was stored"
        );
        if arrives {
            let twin = |task: &&Task| task.unit == *launch.name && task.is_alive();
            assert!(
                self.tasks.values().find(twin).is_none(),
                "two tasks of {}",
                launch.name
            );
            let bad = self.engine.is_bad(&launch.name);
            let task = Task {
                unit: launch.name.to_string(),
                state: TaskState::TaskStaging,
                unacknowledged: false,
                hidden: None,
                was_hidden: false,
                bad,
            };
            let earlier = self.tasks.insert(launch.id.clone(), task);
            assert!(earlier.is_none(), "{} was launched twice", launch.id);
        }
        let of = |service: Option<&str>| {
            let tasks = self.tasks.values().filter(|task| task.is_alive());
            let same = tasks.filter(|task| task.service() == service && !task.was_hidden);
            u32::try_from(same.count()).unwrap()
        };
        match launch.name.split_once('/') {
            Some((service, _)) => {
                let alive = of(Some(service));
                assert!(
                    alive <= most,
                    "{alive} instances of {service}, but {most} at most"
                );
            }
            None => {
                let jobs = self.tasks.values().filter(|task| task.is_alive());
                let jobs = jobs.filter(|task| task.service().is_none()).count();
                assert!(jobs <= LIMIT as usize, "{jobs} jobs at once");
            }
        }
        self.answers.push((vec![(launch.name, launch.id)], result));
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
        let unit = task.unit.clone();
        // The end is in the store.
        if let Some(runs) = self.stored(&unit) {
            let stored = runs.attempt.map(|one| one.id);
            assert_ne!(stored.as_deref(), Some(id), "not stored");
        }
    }

    pub(super) fn answer(&mut self) {
        for (launches, result) in std::mem::take(&mut self.answers) {
            let result = result.as_ref().copied();
            let step = self.engine.answered(&launches, result, self.now());
            self.push(step, []);
        }
    }

    /// A task of Mesos changes.
    pub(super) fn change(&mut self, n: u8) {
        let alive = self.tasks.iter_mut().filter(|(_, task)| task.is_alive());
        let alive: Vec<_> = alive.collect();
        if alive.is_empty() {
            return;
        }
        let which = usize::from(n) % alive.len();
        let (id, task) = alive.into_iter().nth(which).unwrap();
        if let Some(hidden) = task.hidden.take() {
            // The agent returns, or the operator gives it up.
            let given_up = n.is_multiple_of(7);
            task.state = if given_up {
                TaskState::TaskGone
            } else {
                hidden
            };
            self.unsent.insert(id.clone());
            return;
        }
        let state = match (task.state, n % 7) {
            _ if self.kills.contains(id) => TaskState::TaskKilled,
            (TaskState::TaskStaging, 0) => TaskState::TaskDropped,
            _ if task.bad => TaskState::TaskFailed,
            (TaskState::TaskStaging, _) => TaskState::TaskRunning,
            (_, 0) => TaskState::TaskGone,
            (_, 1 | 2) => TaskState::TaskFailed,
            (state, 3) => {
                task.hidden = Some(state);
                task.was_hidden = true;
                task.state = TaskState::TaskUnreachable;
                self.unsent.insert(id.clone());
                return;
            }
            _ => TaskState::TaskFinished,
        };
        task.state = state;
        task.unacknowledged = true;
    }

    /// The scheduler receives the states that it has not acknowledged, and those that it requested.
    pub(super) fn report(&mut self) {
        let open = self.tasks.iter().filter(|(_, task)| task.unacknowledged);
        let mut states: Vec<(String, TaskState, bool)> = open
            .filter(|(_, task)| task.hidden.is_none())
            .map(|(id, task)| (id.clone(), task.state, true))
            .collect();
        let unsent = std::mem::take(&mut self.unsent);
        for id in std::mem::take(&mut self.asked).into_iter().chain(unsent) {
            let state = match self.tasks.get(&id) {
                Some(task) if task.is_alive() || task.unacknowledged => task.state,
                Some(task) if task.state == TaskState::TaskGone => task.state,
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
    pub(super) fn crash(&mut self) {
        self.restarts += 1;
        self.steps.clear();
        self.answers.clear();
        self.asked.clear();
        self.unsent.clear();
        // The driver of the new process requests all tasks.
        let alive = self.tasks.iter().filter(|(_, task)| task.is_alive());
        let known = alive.filter(|(_, task)| task.hidden.is_none());
        self.asked.extend(known.map(|(id, _)| id.clone()));
        let live = self.store.range(LIVE.to_owned()..);
        let live = live.take_while(|(key, _)| key.starts_with(LIVE));
        let live: Vec<_> = live
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let recovered = Engine::recover(self.restarts.to_string(), live, self.now());
        let (engine, step) = recovered.unwrap();
        self.engine = engine;
        self.push(step, []);
    }

    pub(super) fn pass(&mut self, seconds: u8) {
        self.at += Duration::from_secs(seconds.into());
        let step = self.engine.tick(self.now());
        self.push(step, []);
    }

    pub(super) fn kill(&mut self, n: u8) {
        if let Some(step) = self.engine.kill(&format!("job-{}", n % 8), self.now()) {
            self.push(step, []);
        }
    }

    pub(super) fn commit_all(&mut self) {
        while !self.steps.is_empty() {
            self.commit(7);
        }
    }

    /// Everything becomes as it should be: jobs end, instances run.
    pub(super) fn settle(&mut self) {
        self.engine.forget_announcements();
        // The longest delay and timeout are over within ten rounds.
        let mut quiet = 0;
        for _ in 0..200 {
            self.answer();
            self.report();
            self.pass(100);
            self.judge();
            self.place(8);
            let changed = self.steps.iter().any(|(changes, _)| !changes.is_empty());
            quiet = if changed { 0 } else { quiet + 1 };
            if quiet == 10 {
                break;
            }
            self.commit_all();
            self.calm();
        }
        self.report();
        self.judge();
        self.commit_all();
    }

    /// All agents return, jobs end well, tasks that are killed end, and instances run.
    fn calm(&mut self) {
        for (id, task) in &mut self.tasks {
            if let Some(hidden) = task.hidden.take() {
                task.state = hidden;
                self.unsent.insert(id.clone());
            }
            let state = match task.state {
                _ if !task.is_alive() => continue,
                _ if self.kills.contains(id) => TaskState::TaskKilled,
                _ if task.bad => TaskState::TaskFailed,
                TaskState::TaskStaging => TaskState::TaskRunning,
                _ if task.unit.contains('/') => continue,
                _ => TaskState::TaskFinished,
            };
            task.state = state;
            task.unacknowledged = true;
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
