//! The faults: one loop for each kind, so that faults of different kinds overlap.

use std::fs::{self, File};
use std::ops::Range;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep_until};

use super::check::{Left, Mark, Violation, marks, meanwhile};
use super::ledger::Ledger;
use super::scheduler::{NAME, PREFIX};
use super::settings::{Process, instance_argument};
use super::world::World;
use super::{SESSION, pass, within};
use crate::ha_chaos::is_running;

/// A run.
pub(super) struct Chaos {
    pub(super) process: Process,
    pub(super) world: World,
    ledger: Mutex<Ledger>,
    calm: AtomicBool,
    started: AtomicU32,
}

fn millis(random: &mut Rng, range: Range<u64>) -> Duration {
    Duration::from_millis(random.u64(range))
}

impl Chaos {
    pub(super) fn new(process: Process, world: World) -> Self {
        Self {
            process,
            world,
            ledger: Mutex::new(Ledger::new()),
            calm: AtomicBool::new(false),
            started: AtomicU32::new(0),
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the faults of the schedulers.
    pub(super) fn calm(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    /// The time until the next fault. Shorter in a short run.
    fn gap(&self, random: &mut Rng, gap: Range<u64>) -> Duration {
        millis(random, gap)
            / if self.process.settings.seconds < 60 {
                2
            } else {
                1
            }
    }

    /// Waits for the next fault. Returns false at the end of the run.
    async fn next(&self, random: &mut Rng, gap: Range<u64>, end: Instant) -> bool {
        let at = Instant::now() + self.gap(random, gap);
        sleep_until(at.min(end)).await;
        at < end
    }

    /// A fault, from its beginning to its end.
    async fn fault(&self, what: &'static str, fault: impl Future<Output = ()>) {
        self.ledger().fault(what);
        fault.await;
        self.ledger().healed(what);
    }

    pub(super) async fn master(&self, mut random: Rng, end: Instant) {
        while self.next(&mut random, 4000..12_000, end).await {
            let time = millis(&mut random, 0..3000);
            match random.u32(..4) {
                0 | 1 => {
                    let restart = self.world.restart(time / 3);
                    self.fault("SIGKILL of master and agents", restart).await;
                }
                2 => {
                    let pause = self.world.pause(time);
                    self.fault("SIGSTOP of master and agents", pause).await;
                }
                _ => {
                    let change = self.world.change_leader(time);
                    self.fault("leader moved to another address", change).await;
                }
            }
        }
    }

    pub(super) async fn network(&self, mut random: Rng, end: Instant) {
        while self.next(&mut random, 3000..9000, end).await {
            let time = millis(&mut random, 0..4000);
            let disturb = self.world.disturb(&mut random, time);
            self.fault("network fault", disturb).await;
        }
    }

    pub(super) async fn store(&self, mut random: Rng, end: Instant) {
        let file = self.process.store_fails();
        while self.next(&mut random, 4000..12_000, end).await {
            let time = millis(&mut random, 0..3000);
            let failing = async {
                fs::write(&file, "").unwrap();
                pass(time).await;
                fs::remove_file(&file).unwrap();
            };
            self.fault("store fault", failing).await;
        }
    }

    pub(super) async fn instances(&self, mut random: Rng, end: Instant) {
        while self.next(&mut random, 2000..8000, end).await {
            let alive = self.alive();
            if let Some(process) = random.choice(alive) {
                self.ledger().count("SIGKILL of an instance");
                // It may have ended.
                let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
            }
        }
    }

    /// Keeps a scheduler process running, and kills and pauses the process until it is calm.
    pub(super) async fn scheduler(self: Arc<Self>, mut random: Rng) {
        let mut child = self.start();
        loop {
            let gap = self.gap(&mut random, 1000..7000);
            let end = tokio::select! {
                end = child.wait() => Some(end.unwrap()),
                () = pass(gap) => None,
            };
            match end {
                Some(end) if end.success() => return,
                Some(_) => {
                    self.ledger().count("schedulers that ended with an error");
                    pass(Duration::from_millis(200)).await;
                    child = self.start();
                }
                None if self.calm.load(Ordering::Relaxed) => {}
                None if random.u32(..3) > 0 => {
                    let time = millis(&mut random, 0..2000);
                    let restart = async {
                        child.kill().await.unwrap();
                        pass(time).await;
                        child = self.start();
                    };
                    self.fault("SIGKILL of a scheduler", restart).await;
                }
                None => {
                    let most = 3 * SESSION.as_millis() as u64;
                    let time = millis(&mut random, 0..most);
                    let pause = async {
                        signal(&child, Signal::SIGSTOP);
                        pass(time).await;
                        signal(&child, Signal::SIGCONT);
                    };
                    self.fault("SIGSTOP of a scheduler", pause).await;
                }
            }
        }
    }

    fn start(self: &Arc<Self>) -> Child {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let log = format!("scheduler-{number:04}.log");
        let log = File::create(self.process.folder.join(log)).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--nocapture", "--exact", NAME]);
        self.process.give_to(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(log).kill_on_drop(true).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        tokio::spawn(read(Arc::downgrade(self), stdout));
        child
    }

    fn marks(&self) -> Vec<Mark> {
        let file = self.process.folder.join("marks");
        marks(&fs::read_to_string(file).unwrap_or_default())
    }

    /// The processes of instances.
    fn alive(&self) -> Vec<i32> {
        let argument = instance_argument(&self.process.folder);
        let instance = |mark: &Mark| match mark {
            Mark::Start { unit, process, .. } if unit.starts_with("service-") => Some(*process),
            _ => None,
        };
        let all = self.marks();
        let all = all.iter().filter_map(instance);
        all.filter(|process| is_running(*process, &argument))
            .collect()
    }

    pub(super) async fn left(&self) -> Left {
        let mut left = self.world.left().await;
        left.processes = self.alive();
        left
    }

    /// Checks the invariants repeatedly and shows the progress, until an invariant is violated.
    pub(super) async fn watch(&self) -> Violation {
        let settings = &self.process.settings;
        let every = Duration::from_secs((settings.seconds / 20).clamp(2, 20));
        let mut shown = Instant::now();
        loop {
            let active = self.active().await;
            if let Err(violation) = meanwhile(&self.marks(), &active) {
                return violation;
            }
            if let Some(violation) = self.ledger().violation.take() {
                return violation;
            }
            if shown.elapsed() > every {
                shown = Instant::now();
                let (attempts, instances) = self.starts();
                let line = self.ledger();
                println!("{}", line.progress_line(settings.jobs, attempts, instances));
            }
            // Shorter, so that a violation is found soon.
            within(Duration::from_millis(700), || {
                self.ledger().violation.is_some()
            })
            .await;
        }
    }

    /// The names and ids of the tasks that the master counts as active.
    async fn active(&self) -> Vec<(String, String)> {
        let tasks = self.world.tasks().await;
        let tasks = tasks.map(|tasks| tasks.tasks).unwrap_or_default();
        let active = tasks.into_iter().filter(|task| !task.state().is_terminal());
        active.map(|task| (task.name, task.task_id.value)).collect()
    }

    /// How many attempts of jobs and instances of services were started.
    fn starts(&self) -> (usize, usize) {
        let (mut attempts, mut instances) = (0, 0);
        for mark in self.marks() {
            match mark {
                Mark::Start { unit, .. } if unit.starts_with("job-") => attempts += 1,
                Mark::Start { .. } => instances += 1,
                _ => {}
            }
        }
        (attempts, instances)
    }

    pub(super) fn report(&self) -> String {
        let (attempts, instances) = self.starts();
        self.ledger().report(attempts, instances)
    }
}

fn signal(child: &Child, signal: Signal) {
    // A process that has ended and was not awaited yet still has its id.
    if let Some(process) = child.id() {
        kill(Pid::from_raw(i32::try_from(process).unwrap()), signal).unwrap();
    }
}

/// Reads what a scheduler reports. The last line of a killed process may be incomplete.
async fn read(chaos: std::sync::Weak<Chaos>, stdout: ChildStdout) {
    let mut lines = BufReader::new(stdout);
    let mut line = String::new();
    while lines.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        if let Some(text) = line.strip_prefix(PREFIX)
            && let Some(text) = text.strip_suffix('\n')
            && let Some(chaos) = chaos.upgrade()
        {
            chaos.ledger().line(text);
        }
        line.clear();
    }
}
