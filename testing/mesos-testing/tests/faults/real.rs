//! The rows on a real Mesos: fewer tasks, because each is a process, and an agent that repeats an
//! update only after 10 s.

use std::collections::HashSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use mesos_http::{Codec, OperatorClient};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_testing::FaultProxy;
use mesos_testing::v1::master::{Call, call, response};
use mesos_testing::v1::{Task, TaskState};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use crate::fault::{Fault, Peer, inject};
use crate::garbled;
use crate::table::Row;
use crate::worker::{Work, Worker, ended};

/// The time for the last updates after the faults have ended: an agent may wait up to 40 s by then.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(150);

pub(crate) struct Mesos {
    cluster: LocalCluster,
    operator: OperatorClient,
    directory: TempDir,
}

impl Peer for Mesos {
    async fn suffer(&self, fault: Fault, hold: Duration) {
        match fault {
            Fault::Paused => {
                self.cluster.pause().await.unwrap();
                // sleep: the fault lasts this long.
                sleep(hold).await;
                self.cluster.resume().await.unwrap();
            }
            _ => self.cluster.restart().await.unwrap(),
        }
    }
}

impl Mesos {
    pub(crate) async fn start() -> Option<Self> {
        let cluster = require_real(LocalCluster::builder().start().await)?;
        let operator = OperatorClient::new(cluster.master_url().parse().unwrap());
        Some(Self {
            cluster,
            operator,
            directory: TempDir::new().unwrap(),
        })
    }

    /// The master's tasks of a framework: the live tasks, and those whose last update was
    /// acknowledged.
    async fn tasks(&self, framework: &str) -> (Vec<Task>, Vec<Task>) {
        let call = Call {
            r#type: Some(call::Type::GetTasks.into()),
            ..Default::default()
        };
        let answer = self.operator.call_master(&call).await;
        let all: response::GetTasks = answer
            .ok()
            .and_then(|all| all.get_tasks)
            .unwrap_or_default();
        let ours = |tasks: Vec<Task>| {
            let mut tasks = tasks;
            tasks.retain(|task| task.framework_id.as_str() == framework);
            tasks
        };
        let mut open = ours(all.tasks);
        open.extend(ours(all.unreachable_tasks));
        (open, ours(all.completed_tasks))
    }

    pub(crate) async fn row(&self, fault: Fault, codec: Codec, seed: u64, length: Duration) -> Row {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.cluster.port()));
        let proxy = FaultProxy::with_seed(address, seed).await.unwrap();
        proxy.record();
        let effects = self.directory.path().join(seed.to_string());
        let work = Work {
            most: 2,
            cpus: 0.5,
            command: format!("echo $TASK >> {}", effects.display()),
        };
        let begin = Instant::now();
        let url = format!("{}/master", proxy.url());
        let (driver, notes) = Worker::start(&url, codec, (fault, seed), work);
        // Mesos does not send an OFFERS event again that the proxy has discarded.
        while notes.lock().delivered == 0 {
            // sleep: polls the recording of the handlers.
            sleep(Duration::from_millis(20)).await;
        }
        let mut random = fastrand::Rng::with_seed(seed);
        let injected = inject(fault, &proxy, self, &mut random, length).await;
        notes.stop_launching(DEFAULT_TIMEOUT).await;

        let framework = driver.framework_id().unwrap();
        let end = Instant::now() + DEFAULT_TIMEOUT;
        // Twice in a row, because a launch may be on its way.
        let mut quiet = 0;
        while quiet < 2 && Instant::now() < end && ended(&driver).await.is_none() {
            // sleep: polls the master.
            sleep(Duration::from_millis(250)).await;
            let (open, _) = self.tasks(framework.as_str()).await;
            quiet = if open.is_empty() { quiet + 1 } else { 0 };
        }
        let stopped = ended(&driver).await;
        let time = begin.elapsed();
        let (open, completed) = self.tasks(framework.as_str()).await;

        // The files that the tasks write are reliable. A restarted master does not know the tasks
        // that completed before.
        let effects = fs::read_to_string(&effects).unwrap_or_default();
        let ran = effects.lines().map(str::to_owned);
        let mut sent: HashSet<(String, TaskState)> = ran
            .clone()
            .flat_map(|task| {
                use TaskState::{TaskFinished, TaskRunning, TaskStarting};
                [TaskStarting, TaskRunning, TaskFinished].map(|state| (task.clone(), state))
            })
            .collect();
        for task in open.iter().chain(&completed) {
            let id = task.task_id.value.clone();
            sent.extend(
                task.statuses
                    .iter()
                    .map(|status| (id.clone(), status.state())),
            );
        }
        driver.stop();
        let _ = timeout(Duration::from_secs(10), driver.join()).await;
        let notes = notes.lock();
        let states: HashSet<_> = notes.handled.values().flatten().collect();
        let (handled, other): (Vec<_>, Vec<_>) = sent.iter().partition(|it| states.contains(it));
        // An update is not lost if the driver has handled a copy that the proxy has garbled.
        let garbled = garbled::updates(&proxy, codec);
        let garbled: HashSet<_> = garbled
            .iter()
            .filter(|(uuid, _)| notes.handled.contains_key(*uuid))
            .map(|(_, update)| update)
            .collect();
        let garbled = other.into_iter().filter(|it| garbled.contains(it)).count();
        Row {
            peer: "real",
            fault,
            codec,
            injected: injected + notes.faults,
            tasks: ran.count() as u64,
            sent: sent.len() as u64,
            handled: handled.len() as u64,
            garbled: garbled as u64,
            // An agent sends one update at a time, and a task is completed when its last update was
            // acknowledged.
            acknowledged: (sent.len() - open.len()) as u64,
            repeated: notes.delivered - notes.handled.len() as u64,
            reconnects: notes.subscriptions - 1,
            time,
            end: stopped,
        }
    }
}
