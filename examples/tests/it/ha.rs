//! Several schedulers of which one leads: real processes on a real Mesos and a real ZooKeeper.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use mesos::http::OperatorClient;
use mesos::v1::{Task, TaskState};
use mesos_local::{LocalCluster, testing::require_real};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::failover::tasks;
use crate::program::{example, within};
use crate::server::ZooKeeper;

struct Scheduler {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Scheduler {
    fn start(arguments: &[&str; 4]) -> Self {
        let mut command = example("ha", arguments);
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    fn id(&self) -> i32 {
        i32::try_from(self.process.id().unwrap()).unwrap()
    }

    async fn line(&mut self) -> String {
        let line = within("a line", self.lines.next_line()).await.unwrap();
        line.expect("another line")
    }

    /// Waits until this scheduler waits for the other.
    async fn waits_for(&mut self, other: &Self) {
        let line = self.line().await;
        let end = format!("(process {}) leads", other.id());
        assert!(
            line.starts_with("waiting, ") && line.ends_with(&end),
            "{line}"
        );
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.id()), signal).unwrap();
    }

    /// Whether it succeeded, and its error.
    async fn end(&mut self) -> (bool, String) {
        let mut error = String::new();
        let mut stderr = self.process.stderr.take().unwrap();
        within("the error", stderr.read_to_string(&mut error))
            .await
            .unwrap();
        let end = within("the end", self.process.wait()).await.unwrap();
        (end.success(), error)
    }
}

/// The processes that the instances wrote down.
fn processes(marker: &Path) -> Vec<i32> {
    let text = fs::read_to_string(marker).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

/// Waits until two instances run, and exactly `started` were started in total.
async fn settled(master: &OperatorClient, marker: &Path, started: usize) {
    let running = |task: &&Task| task.state() == TaskState::TaskRunning;
    within("two instances", async {
        while processes(marker).len() < started
            || tasks(master).await.tasks.iter().filter(running).count() != 2
        {
            // sleep: neither a file nor GET_TASKS has events
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(
        processes(marker).len(),
        started,
        "an instance was started twice"
    );
}

#[tokio::test]
async fn the_next_scheduler_takes_over_and_nothing_runs_twice() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let builder = LocalCluster::builder().env("MESOS_ALLOCATION_INTERVAL", "50ms");
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let marker = directory.path().join("marker");
    let command = format!("echo $$ >> {}; exec sleep 1000", marker.display());
    let state = format!("zk://{}/ha", zookeeper.servers());
    let url = cluster.master_url();
    let master = OperatorClient::new(url.parse().unwrap());
    let arguments = [&*url, &*state, "2", &*command];

    // SIGKILL of the leader.
    let mut first = Scheduler::start(&arguments);
    assert_eq!(first.line().await, "2 ready");
    let mut second = Scheduler::start(&arguments);
    second.waits_for(&first).await;
    first.process.start_kill().unwrap();
    let killed = Instant::now();
    assert_eq!(second.line().await, "2 ready");
    println!("SIGKILL: taken over after {:?}", killed.elapsed());
    settled(&master, &marker, 2).await;

    // SIGSTOP of the leader. An instance ends meanwhile, so both schedulers want to replace it.
    let mut third = Scheduler::start(&arguments);
    third.waits_for(&second).await;
    second.signal(Signal::SIGSTOP);
    let stopped = Instant::now();
    kill(Pid::from_raw(processes(&marker)[0]), Signal::SIGKILL).unwrap();
    assert_eq!(third.line().await, "2 ready");
    println!("SIGSTOP: taken over after {:?}", stopped.elapsed());
    settled(&master, &marker, 3).await;
    second.signal(Signal::SIGCONT);
    let (success, error) = second.end().await;
    println!("the leader that was paused: {error}");
    assert!(!success && error.contains("TakenOver"), "{error}");
    settled(&master, &marker, 3).await;

    // Ctrl-C hands over without waiting for the end of a session.
    let mut fourth = Scheduler::start(&arguments);
    fourth.waits_for(&third).await;
    third.signal(Signal::SIGINT);
    let interrupted = Instant::now();
    assert!(third.end().await.0);
    assert_eq!(fourth.line().await, "2 ready");
    println!("Ctrl-C: taken over after {:?}", interrupted.elapsed());
    assert!(interrupted.elapsed() < Duration::from_secs(8));
    settled(&master, &marker, 3).await;

    // The leader continues to lead: it replaces an instance that ends.
    kill(Pid::from_raw(processes(&marker)[1]), Signal::SIGKILL).unwrap();
    settled(&master, &marker, 4).await;
    cluster.stop().await.unwrap();
}
