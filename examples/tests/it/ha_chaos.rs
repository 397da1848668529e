//! Three schedulers that are killed and paused at random moments, and instances that are killed,
//! on a real Mesos and a real ZooKeeper with short sessions. Never more instances run than wanted,
//! and each instance that was killed is started again exactly once.
//!
//! `MESOS_HA_SECONDS` (default 20) is the duration. `MESOS_HA_SEED` repeats a run as far as a real
//! Mesos allows.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mesos_local::{LocalCluster, testing::require_real};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;

use crate::failover::number;
use crate::program::example;
use crate::server::ZooKeeper;

const SCHEDULERS: usize = 3;
const INSTANCES: usize = 3;

/// The longest session. A pause is up to three times as long.
const SESSION: Duration = Duration::from_millis(1500);

/// How long the end may take. Long, because the machines that run the tests are shared.
const SETTLE: Duration = Duration::from_secs(90);

/// The argument by which a process is recognized as an instance.
const SLEEP: &str = "98765";

/// What happened.
#[derive(Debug, Default)]
struct Counts {
    kills: usize,
    pauses: usize,
    instances: usize,
    /// Schedulers that lost the lead and ended.
    lost: usize,
    takeovers: usize,
}

struct Chaos {
    arguments: [String; 4],
    folder: PathBuf,
    random: fastrand::Rng,
    schedulers: Vec<Child>,
    /// Until when a scheduler is paused.
    paused: [Option<Instant>; SCHEDULERS],
    started: usize,
    counts: Counts,
}

impl Chaos {
    /// Starts a scheduler. Its output goes to a file of its own.
    fn start(&mut self) -> Child {
        self.started += 1;
        let file = self.folder.join(format!("log-{}", self.started));
        let file = File::create(file).unwrap();
        let mut command = example("ha", &self.arguments.each_ref().map(String::as_str));
        command.stdout(file.try_clone().unwrap()).stderr(file);
        command.spawn().unwrap()
    }

    fn logs(&self) -> Vec<String> {
        let file = |number| self.folder.join(format!("log-{number}"));
        let all = (1..=self.started).map(|number| fs::read_to_string(file(number)).unwrap());
        all.collect()
    }

    /// The processes of all instances so far.
    fn processes(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.folder.join("marker")).unwrap_or_default();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }

    fn alive(&self) -> Vec<i32> {
        let mut all = self.processes();
        all.retain(|process| is_running(*process, SLEEP));
        all
    }

    /// Resumes schedulers whose pause is over, and starts schedulers that have ended again.
    fn tend(&mut self, now: Instant) {
        for at in 0..SCHEDULERS {
            if self.paused[at].is_some_and(|until| until <= now) {
                self.paused[at] = None;
                self.signal(at, Signal::SIGCONT);
            }
            let Some(end) = self.schedulers[at].try_wait().unwrap() else {
                continue;
            };
            if let Some(code) = end.code() {
                assert_eq!(code, 1, "{:?}", self.logs());
                self.counts.lost += 1;
            }
            self.paused[at] = None;
            self.schedulers[at] = self.start();
        }
        let alive = self.alive();
        assert!(alive.len() <= INSTANCES, "too many instances: {alive:?}");
    }

    fn signal(&self, at: usize, signal: Signal) {
        // A scheduler that has ended and was not awaited yet still has its id.
        let process = self.schedulers[at].id().unwrap();
        kill(Pid::from_raw(i32::try_from(process).unwrap()), signal).unwrap();
    }

    fn act(&mut self, now: Instant) {
        let at = self.random.usize(..SCHEDULERS);
        match self.random.u32(..4) {
            0 => {
                self.signal(at, Signal::SIGKILL);
                self.counts.kills += 1;
            }
            1 => {
                let alive = self.alive();
                if let Some(process) = self.random.choice(alive) {
                    kill(Pid::from_raw(process), Signal::SIGKILL).unwrap();
                    self.counts.instances += 1;
                }
            }
            _ => {
                self.signal(at, Signal::SIGSTOP);
                let pause = SESSION.mul_f64(3.0 * self.random.f64());
                self.paused[at].get_or_insert(now + pause);
                self.counts.pauses += 1;
            }
        }
    }
}

/// Whether a process runs that has this text in its arguments.
pub(crate) fn is_running(process: i32, argument: &str) -> bool {
    let read = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}"));
    let is_expected = read("cmdline").is_ok_and(|text| text.contains(argument));
    let ended = |stat: String| {
        stat.rsplit_once(") ")
            .is_none_or(|(_, rest)| rest.starts_with('Z'))
    };
    is_expected && !read("stat").map_or(true, ended)
}

fn command(folder: &Path) -> String {
    let marker = folder.join("marker");
    format!("echo $$ >> {}; exec sleep {SLEEP}", marker.display())
}

#[tokio::test]
async fn schedulers_that_are_killed_and_paused_at_any_moment_never_run_anything_twice() {
    let Some(zookeeper) = ZooKeeper::with_sessions_up_to(SESSION).await else {
        return;
    };
    let builder = LocalCluster::builder().env("MESOS_ALLOCATION_INTERVAL", "50ms");
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let seconds = number("MESOS_HA_SECONDS").unwrap_or(20);
    let seed = number("MESOS_HA_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("MESOS_HA_SEED={seed}");
    let folder = tempfile::tempdir().unwrap();
    let mut chaos = Chaos {
        arguments: [
            cluster.master_url(),
            format!("zk://{}/ha", zookeeper.servers()),
            INSTANCES.to_string(),
            command(folder.path()),
        ],
        folder: folder.path().to_owned(),
        random: fastrand::Rng::with_seed(seed),
        schedulers: Vec::new(),
        paused: [None; SCHEDULERS],
        started: 0,
        counts: Counts::default(),
    };
    for _ in 0..SCHEDULERS {
        let scheduler = chaos.start();
        chaos.schedulers.push(scheduler);
    }
    let begin = Instant::now();
    let mut next = begin;
    while begin.elapsed() < Duration::from_secs(seconds) {
        let now = Instant::now();
        chaos.tend(now);
        // Before the first instances run, there is nothing to lose.
        if chaos.alive().is_empty() && chaos.counts.instances == 0 {
            next = now;
        } else if next <= now {
            chaos.act(now);
            next = now + Duration::from_millis(chaos.random.u64(100..4000));
        }
        // sleep: the processes are observed again and again
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let end = Instant::now();
    let expected = INSTANCES + chaos.counts.instances;
    while chaos.processes().len() < expected || chaos.alive().len() < INSTANCES {
        chaos.tend(end + SETTLE);
        assert!(
            end.elapsed() < SETTLE,
            "{:?} {:?}",
            chaos.counts,
            chaos.logs()
        );
        // sleep: the processes are observed again and again
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(chaos.processes().len(), expected, "{:?}", chaos.counts);
    let ready = format!("{INSTANCES} ready");
    let logs = chaos.logs();
    chaos.counts.takeovers = logs.iter().filter(|log| log.contains(&ready)).count();
    let lost = logs.iter().filter(|log| log.contains("TakenOver")).count();
    println!("{:?}", chaos.counts);
    assert_eq!(lost, chaos.counts.lost, "{logs:?}");
    cluster.stop().await.unwrap();
}
