//! The state of a cluster against GET_STATE of a real Mesos, after random changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use mesos_core::{
    Framework, HandlerResult, Offer, Running, Scheduler, SchedulerDriver, StatusUpdate,
};
use mesos_http::operator::{ClusterSnapshot, ClusterState, MasterClient};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_proto::v1::{CommandInfo, Task, TaskInfo, TaskState};
use tokio::time::{sleep, timeout};

use super::{PATIENCE, backend};

/// Tasks that wait for an offer.
type Queue = Arc<Mutex<Vec<TaskInfo>>>;

/// Launches the tasks of a queue, some on each offer.
struct Launcher(Queue);

#[async_trait]
impl Scheduler for Launcher {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            let tasks: Vec<TaskInfo> = {
                let mut queue = self.0.lock().unwrap();
                let rest = queue.len().saturating_sub(2);
                queue.drain(rest..).collect()
            };
            if !tasks.is_empty() {
                driver.launch(offer, tasks).await?;
            }
        }
        Ok(())
    }

    async fn update(&mut self, _: &SchedulerDriver, _: &StatusUpdate) -> HandlerResult {
        Ok(())
    }
}

/// A scheduler of the test, and its queue.
struct Team {
    driver: Running<SchedulerDriver, Launcher>,
    queue: Queue,
}

impl Team {
    async fn start(cluster: &LocalCluster, name: &str) -> Self {
        let queue = Queue::default();
        let framework = Framework::with_failover_timeout(name, Duration::from_secs(600));
        let driver = SchedulerDriver::start(
            Launcher(Arc::clone(&queue)),
            framework.role(name),
            backend(cluster),
        );
        driver.when_subscribed().await.unwrap();
        Self { driver, queue }
    }

    /// Launches a task that runs long, or one that ends soon in any way.
    async fn launch(&self, id: &str, random: &mut fastrand::Rng) {
        let commands = ["sleep 600", "sleep 600", "sleep 0.3", "exit 1"];
        let command = CommandInfo::sh(commands[random.usize(..commands.len())]);
        let task = TaskInfo::builder(id).id(id).cpus(0.1).mem(16.0);
        self.queue
            .lock()
            .unwrap()
            .push(task.command(command).build());
        // Offers that were declined come again.
        let _ = self.driver.revive().await;
    }
}

/// What is compared: everything but resources in use, whose order differs.
#[derive(Debug, Default, PartialEq)]
struct View {
    agents: BTreeMap<String, (String, bool, bool)>,
    frameworks: BTreeMap<String, (String, bool, bool)>,
    tasks: BTreeMap<(String, String), (String, TaskState, Vec<TaskState>)>,
    roles: BTreeMap<String, BTreeSet<String>>,
}

impl View {
    fn add_task(&mut self, task: &Task) {
        let states = task.statuses.iter().map(|status| status.state()).collect();
        let id = (task.framework_id.to_string(), task.task_id.to_string());
        let agent = task.agent_id.to_string();
        self.tasks.insert(id, (agent, task.state(), states));
    }

    fn of(state: &ClusterSnapshot) -> Self {
        let mut view = Self::default();
        for agent in state.agents() {
            let (active, deactivated) = (agent.active, agent.deactivated());
            let info = agent.agent_info.clone();
            let id = info.id.unwrap().to_string();
            view.agents.insert(id, (info.hostname, active, deactivated));
        }
        for found in state.frameworks() {
            let info = found.framework_info.clone();
            let id = info.id.unwrap().to_string();
            view.frameworks
                .insert(id, (info.name, found.active, found.connected));
        }
        for task in state.tasks() {
            view.add_task(task);
        }
        for role in state.roles() {
            let members = role.frameworks.iter().map(ToString::to_string).collect();
            view.roles.insert(role.name.clone(), members);
        }
        view
    }

    /// What the master answers.
    async fn request(master: &MasterClient) -> Self {
        let state = master.get_state().await.unwrap();
        let mut view = Self::default();
        for agent in state.get_agents.unwrap().agents {
            let (active, deactivated) = (agent.active, agent.deactivated());
            let info = agent.agent_info;
            let id = info.id.unwrap().to_string();
            view.agents.insert(id, (info.hostname, active, deactivated));
        }
        for found in state.get_frameworks.unwrap().frameworks {
            let info = found.framework_info;
            let id = info.id.unwrap().to_string();
            view.frameworks
                .insert(id, (info.name, found.active, found.connected));
        }
        let tasks = state.get_tasks.unwrap();
        for task in tasks.tasks.iter().chain(&tasks.unreachable_tasks) {
            let state = TaskState::try_from(task.state).unwrap();
            use TaskState::*;
            let live = [
                TaskStaging,
                TaskStarting,
                TaskRunning,
                TaskKilling,
                TaskUnreachable,
            ];
            if live.contains(&state) {
                view.add_task(task);
            }
        }
        for role in master.get_roles().await.unwrap() {
            let members = role.frameworks.iter().map(ToString::to_string).collect();
            view.roles.insert(role.name, members);
        }
        view
    }
}

/// Waits until the state equals what the master answers.
async fn settle(state: &ClusterState, master: &MasterClient) -> View {
    let start = Instant::now();
    let mut last = (View::default(), View::default());
    let settling = async {
        loop {
            let expected = View::request(master).await;
            let now = state.snapshot();
            let found = View::of(&now);
            if found == expected && now.is_current() {
                return found;
            }
            last = (found, expected);
            // sleep: tasks change without an end; bounded below.
            sleep(Duration::from_millis(50)).await;
        }
    };
    match timeout(PATIENCE, settling).await {
        Ok(view) => {
            println!(
                "equal after {:?}: {} agents, {} frameworks, {} tasks, {} roles, revision {}",
                start.elapsed(),
                view.agents.len(),
                view.frameworks.len(),
                view.tasks.len(),
                view.roles.len(),
                state.snapshot().revision(),
            );
            view
        }
        Err(_) => panic!("the state is\n{:#?}\nthe master has\n{:#?}", last.0, last.1),
    }
}

/// Restarts the cluster, also if a client of another program has taken its port meanwhile.
async fn restart(cluster: &LocalCluster) {
    let restarting = async {
        while let Err(error) = cluster.restart().await {
            assert_eq!(error.kind(), mesos_local::ErrorKind::PortInUse, "{error}");
            // sleep: the other program does not report when it releases the port; bounded below.
            sleep(Duration::from_millis(200)).await;
        }
    };
    let restarted = timeout(PATIENCE, restarting).await;
    restarted.expect("the port of the cluster is still in use");
}

#[tokio::test]
async fn the_state_equals_that_of_the_master_after_random_changes_and_restarts() {
    let started = LocalCluster::builder().agents(3).start().await;
    let Some(cluster) = require_real(started) else {
        return;
    };
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let master = MasterClient::new(cluster.master_url().parse().unwrap());
    let mut state = ClusterState::start_with(&master, Duration::from_secs(1));
    timeout(PATIENCE, state.ready()).await.unwrap().unwrap();

    let mut teams = vec![Team::start(&cluster, "team-0").await];
    let mut seen = (0, 0);
    for step in 0..100 {
        let team = random.usize(..teams.len());
        match random.u32(..8) {
            0..=3 => {
                let id = format!("task-{step}");
                teams[team].launch(&id, &mut random).await;
            }
            4..=5 => {
                let now = state.snapshot();
                let tasks: Vec<_> = now.tasks().collect();
                if let Some(task) = random.choice(&tasks) {
                    let _ = teams[team].driver.kill(&task.task_id).await;
                }
            }
            6 if teams.len() < 3 => {
                teams.push(Team::start(&cluster, &format!("team-{step}")).await);
            }
            _ if teams.len() > 1 => {
                let gone = teams.swap_remove(team);
                let id = gone.driver.framework_id().unwrap();
                master.teardown(id).await.unwrap();
            }
            _ => {}
        }
        if step == 30 {
            let now = state.snapshot();
            let agent = now.agents().next().unwrap();
            let id = agent.agent_info.id.clone().unwrap();
            master.mark_agent_gone(&id).await.unwrap();
            settle(&state, &master).await;
            let gone = async {
                while state.snapshot().agent(&id).is_some() {
                    state.changed().await.unwrap();
                }
            };
            timeout(PATIENCE, gone)
                .await
                .expect("the agent is still there");
        }
        if step == 60 {
            restart(&cluster).await;
        }
        if step % 5 == 4 {
            let view = settle(&state, &master).await;
            seen = (
                seen.0.max(view.tasks.len()),
                seen.1.max(view.frameworks.len()),
            );
        }
    }
    assert!(seen.0 > 0 && seen.1 > 1, "nothing was compared: {seen:?}");
    // Agents bring frameworks back that were torn down before the restart: the registry of this
    // cluster is in memory.
    settle(&state, &master).await;
    for framework in state.snapshot().frameworks() {
        let id = framework.framework_info.id.clone().unwrap();
        master.teardown(id).await.unwrap();
    }
    let last = async {
        loop {
            let now = state.snapshot();
            if now.frameworks().next().is_none() && now.tasks().next().is_none() {
                return;
            }
            state.changed().await.unwrap();
        }
    };
    timeout(PATIENCE, last)
        .await
        .expect("frameworks are still there");
    settle(&state, &master).await;
    cluster.stop().await.unwrap();
}
