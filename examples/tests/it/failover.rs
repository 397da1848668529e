//! A real scheduler process on a real Mesos, killed with SIGKILL at random moments. No task is
//! lost or launched twice, every update is handled and acknowledged, and the framework stays the
//! same.
//!
//! `MESOS_FAILOVER_KILLS` (default 6) is the number of kills. `MESOS_FAILOVER_SEED` repeats a run
//! as far as a real Mesos allows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use mesos::http::{Endpoint, OperatorClient};
use mesos::v1::{TaskState, agent, master};
use mesos_local::{LocalCluster, testing::require_real};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout};
use tokio::time::timeout;

use crate::program::{example, within};

/// How long a process may print nothing: longer than an agent waits before it repeats an update
/// for the third time.
const SILENCE: Duration = Duration::from_secs(120);

pub(crate) fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

#[tokio::test]
async fn a_scheduler_that_is_killed_at_any_moment_loses_no_task_and_launches_none_twice() {
    lose_nothing("http").await;
}

#[tokio::test]
async fn the_same_scheduler_over_libmesos_loses_no_task_and_launches_none_twice() {
    lose_nothing("native").await;
}

async fn lose_nothing(backend: &str) {
    let kills = number("MESOS_FAILOVER_KILLS").unwrap_or(6);
    // Enough for the last kill: about eight tasks run at a time.
    let items = 6 * kills as usize;
    // The default of a master, 1000, is too small for 300 kills.
    let builder =
        LocalCluster::builder().env("MESOS_MAX_COMPLETED_TASKS_PER_FRAMEWORK", items.to_string());
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let seed = number("MESOS_FAILOVER_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("MESOS_FAILOVER_SEED={seed}");
    let directory = tempfile::tempdir().unwrap();
    let side_effects = directory.path().join("side-effects");
    let command = format!("echo $ITEM >> {}; sleep 1", side_effects.display());
    let mut all = Runs {
        arguments: [
            cluster.master_url(),
            directory.path().join("state").display().to_string(),
            items.to_string(),
            command,
            "--stay".to_owned(),
            "--backend".to_owned(),
            backend.to_owned(),
        ],
        random: fastrand::Rng::with_seed(seed),
        output: Vec::new(),
        done: false,
    };
    let started = Instant::now();
    let mut killed_in = BTreeMap::<&str, u32>::new();
    for _ in 0..kills {
        *killed_in.entry(all.run_and_kill().await).or_default() += 1;
    }
    let master = OperatorClient::new(cluster.master_url().parse().unwrap());
    all.run_to_the_end(&master).await;
    let time = started.elapsed();

    // Each item has run once.
    let effects = fs::read_to_string(&side_effects).unwrap();
    let mut effects: Vec<usize> = effects.lines().map(|line| line.parse().unwrap()).collect();
    effects.sort_unstable();
    let once: Vec<usize> = (0..items).collect();
    assert_eq!(effects, once, "lost or launched twice");

    // The master has the same number of tasks, all finished and acknowledged, and the scheduler
    // has handled each update.
    let tasks = tasks(&master).await;
    assert!(tasks.tasks.is_empty() && tasks.unreachable_tasks.is_empty());
    assert_eq!(tasks.completed_tasks.len(), items);
    let handled: BTreeSet<String> = all.lines_of("update ").into_iter().collect();
    let mut sent = 0;
    for task in &tasks.completed_tasks {
        assert_eq!(task.state(), TaskState::TaskFinished, "{}", task.task_id);
        for status in &task.statuses {
            let update = format!("{} {}", task.task_id, status.state().as_str_name());
            assert!(handled.contains(&update), "not handled: {update}");
            sent += 1;
        }
    }
    let agent: Endpoint = cluster.agent_url(1).parse().unwrap();
    let agent = OperatorClient::for_endpoint(agent);
    let call = agent::Call {
        r#type: Some(agent::call::Type::GetTasks.into()),
        ..Default::default()
    };
    let on_agent = agent.call_agent(&call).await.unwrap().get_tasks.unwrap();
    assert!(on_agent.terminated_tasks.is_empty(), "unacknowledged");

    // The framework stayed the same and was not removed.
    let ids: BTreeSet<String> = all.lines_of("subscribed ").into_iter().collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let call = master::Call {
        r#type: Some(master::call::Type::GetFrameworks.into()),
        ..Default::default()
    };
    let answer = master.call_master(&call).await.unwrap();
    let frameworks = answer.get_frameworks.unwrap();
    let id = |framework: &master::response::get_frameworks::Framework| {
        let info = &framework.framework_info;
        let ours = info.name == "failover example";
        ours.then(|| info.id.clone().unwrap().value)
    };
    let removed: Vec<_> = frameworks
        .completed_frameworks
        .iter()
        .filter_map(id)
        .collect();
    assert!(removed.is_empty(), "{removed:?}");
    let living: Vec<_> = frameworks.frameworks.iter().filter_map(id).collect();
    assert!(ids.iter().all(|id| living.contains(id)), "{living:?}");
    // A scheduler that is killed between the first SUBSCRIBED of the master and its receipt
    // leaves an unknown framework without tasks.
    let orphans = living.len() - 1;
    let of_ours = |task: &mesos::v1::Task| ids.contains(task.framework_id.as_str());
    assert!(tasks.completed_tasks.iter().all(of_ours));

    let attempts = all
        .output
        .iter()
        .filter(|line| line.contains(" launching "))
        .count();
    println!(
        "{backend}: {kills} kills ({killed_in:?}), {items} tasks, {} subscriptions, {orphans} orphaned \
         frameworks, {attempts} recorded launches, {} of them never arrived; updates: {sent} counted by the master, {} \
         handled; lost: 0, launched twice: 0, not acknowledged: 0; {time:.0?}",
        all.lines_of("subscribed ").len(),
        attempts - items,
        all.lines_of("update ").len(),
    );
    cluster.stop().await.unwrap();
}

pub(crate) async fn tasks(client: &OperatorClient) -> master::response::GetTasks {
    try_tasks(client).await.unwrap()
}

/// The tasks, or the error of a master that may be down.
pub(crate) async fn try_tasks(
    client: &OperatorClient,
) -> mesos::Result<master::response::GetTasks> {
    let call = master::Call {
        r#type: Some(master::call::Type::GetTasks.into()),
        ..Default::default()
    };
    let answer = client.call_master(&call).await?;
    Ok(answer.get_tasks.unwrap_or_default())
}

/// The processes, one after another, and their output.
struct Runs {
    arguments: [String; 7],
    random: fastrand::Rng,
    output: Vec<String>,
    done: bool,
}

type Lines = tokio::io::Lines<BufReader<ChildStdout>>;

impl Runs {
    fn start(&self) -> (Child, Lines) {
        let arguments = self.arguments.each_ref().map(String::as_str);
        let mut command = example("failover_scheduler", &arguments);
        let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines)
    }

    /// The rest of each line that starts with `word`.
    fn lines_of(&self, word: &str) -> Vec<String> {
        let behind = |line: &String| Some(line.strip_prefix(word)?.to_owned());
        self.output.iter().filter_map(behind).collect()
    }

    /// Reads a line. Returns whether there was one within `limit`.
    async fn read_line(&mut self, lines: &mut Lines, limit: Duration) -> bool {
        match timeout(limit, lines.next_line()).await {
            Ok(Ok(Some(line))) => {
                self.done |= line.starts_with("all done");
                self.output.push(line);
                true
            }
            _ => false,
        }
    }

    /// Kills a process after a random time, or after a random number of lines. Returns the
    /// activity of the last line.
    async fn run_and_kill(&mut self) -> &'static str {
        let (mut child, mut lines) = self.start();
        let before = self.output.len();
        if self.random.bool() {
            let end = Instant::now() + Duration::from_millis(self.random.u64(0..1500));
            while let Some(left) = end.checked_duration_since(Instant::now()) {
                self.read_line(&mut lines, left).await;
            }
        } else {
            for _ in 0..self.random.usize(1..12) {
                // A process without work prints nothing.
                if !self.read_line(&mut lines, Duration::from_secs(5)).await {
                    break;
                }
            }
        }
        child.start_kill().unwrap();
        within("the end of the process", child.wait())
            .await
            .unwrap();
        // The rest of the output.
        while self.read_line(&mut lines, SILENCE).await {}
        match self.output[before..].last().map(String::as_str) {
            None => "start",
            Some(line) if line.starts_with("subscribed") => "subscribing",
            Some(line) if line.contains(" launching ") => "launching",
            Some(line) if line.starts_with("update") => "an update",
            Some(_) => "an end",
        }
    }

    /// Runs a process until all items are done and every update is acknowledged.
    async fn run_to_the_end(&mut self, master: &OperatorClient) {
        let (mut child, mut lines) = self.start();
        self.done = false;
        while !self.done {
            assert!(
                self.read_line(&mut lines, SILENCE).await,
                "{:#?}",
                self.output
            );
        }
        // An agent repeats an update after 10 s, then after 20 s, and so on.
        let end = Instant::now() + SILENCE;
        while !tasks(master).await.tasks.is_empty() {
            assert!(Instant::now() < end, "{:#?}", tasks(master).await.tasks);
            self.read_line(&mut lines, Duration::from_millis(200)).await;
        }
        let pid = nix::unistd::Pid::from_raw(child.id().unwrap().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::SIGINT).unwrap();
        let status = within("the end of the process", child.wait())
            .await
            .unwrap();
        assert!(status.success(), "{status}");
        while self.read_line(&mut lines, SILENCE).await {}
    }
}
