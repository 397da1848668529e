//! How the default executor handles each event of its agent.

use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::executor::{ExecutorEnvironment, Subscribed};
use mesos_core::{BoxError, Disconnected, Executor, ExecutorDriver, HandlerResult};
use mesos_http::HttpBackend;
use mesos_process::TaskSet;
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::{ContainerId, KillPolicy, TaskGroupInfo, TaskId, TaskInfo};
use tokio::sync::watch;

use super::agent::Agent;
use super::task::{self, Context};
use crate::executor_main::print_disconnected;
use crate::task_settings::shutdown_grace;

/// Runs task groups.
#[derive(Debug)]
pub struct DefaultExecutor {
    agent: Arc<Agent>,
    connected: watch::Sender<bool>,
    tasks: TaskSet,
    /// Whether all tasks have ended, and the executor with them.
    over: Arc<AtomicBool>,
    sandbox: PathBuf,
    ip: Option<IpAddr>,
    /// The container of this executor.
    container_id: Option<ContainerId>,
    announce_killing: Arc<AtomicBool>,
    shutdown_grace: Duration,
}

impl DefaultExecutor {
    /// `None` if `backend` has no address of the agent.
    pub(super) fn new(environment: &ExecutorEnvironment, backend: HttpBackend) -> Option<Self> {
        let (connected, receiver) = watch::channel(false);
        let sandbox = environment.sandbox.as_deref().unwrap_or(".");
        Some(Self {
            agent: Arc::new(Agent::new(backend, receiver)?),
            connected,
            tasks: TaskSet::new(),
            over: Arc::default(),
            sandbox: sandbox.into(),
            ip: own_address(&environment.agent_pid),
            container_id: None,
            announce_killing: Arc::default(),
            shutdown_grace: shutdown_grace(environment),
        })
    }
}

#[async_trait]
impl Executor for DefaultExecutor {
    async fn subscribed(&mut self, _: &ExecutorDriver, subscribed: Subscribed) -> HandlerResult {
        let capabilities = subscribed.framework_info.capabilities;
        let killing = Some(capability::Type::TaskKillingState.into());
        let announce = capabilities.iter().any(|known| known.r#type == killing);
        self.announce_killing.store(announce, Ordering::Relaxed);
        self.container_id = subscribed.container_id;
        self.connected.send_replace(true);
        Ok(())
    }

    async fn disconnected(
        &mut self,
        _: &ExecutorDriver,
        disconnected: Disconnected,
    ) -> HandlerResult {
        self.connected.send_replace(false);
        print_disconnected("mesos-default-executor", &disconnected);
        Ok(())
    }

    async fn launch(&mut self, _: &ExecutorDriver, _: TaskInfo) -> HandlerResult {
        Err("the default executor runs task groups only: launch the task as a group of one".into())
    }

    async fn launch_group(
        &mut self,
        driver: &ExecutorDriver,
        group: TaskGroupInfo,
    ) -> HandlerResult {
        if self.over.load(Ordering::Relaxed) {
            return Err("the task group arrived while the executor was ending".into());
        }
        let parent = self.container_id.clone();
        let parent = parent.ok_or("the agent has not reported the container of this executor")?;
        let siblings: Arc<[TaskId]> = group
            .tasks
            .iter()
            .map(|task| task.task_id.clone())
            .collect();
        // All tasks first: one that ends at once must not be mistaken for the last one.
        let mut runs = Vec::new();
        for task in group.tasks {
            let running = self.tasks.insert(&task);
            let running =
                running.ok_or_else(|| format!("the task {} runs already", task.task_id))?;
            let context = Context {
                container_id: ContainerId {
                    value: uuid::Uuid::new_v4().to_string(),
                    parent: Some(Box::new(parent.clone())),
                },
                sandbox: self.sandbox.clone(),
                ip: self.ip,
                agent: Arc::clone(&self.agent),
                tasks: self.tasks.clone(),
                over: Arc::clone(&self.over),
                siblings: Arc::clone(&siblings),
                announce_killing: Arc::clone(&self.announce_killing),
            };
            runs.push(task::prepare(task, context, running, driver.clone()).await);
        }
        for run in runs {
            tokio::spawn(run.run());
        }
        Ok(())
    }

    async fn kill(
        &mut self,
        _: &ExecutorDriver,
        task_id: TaskId,
        kill_policy: Option<KillPolicy>,
    ) -> HandlerResult {
        if !self.tasks.kill(&task_id, kill_policy.as_ref()) {
            eprintln!(
                "mesos-default-executor: ignoring a kill of {}, which does not run here",
                task_id.value
            );
        }
        Ok(())
    }

    async fn shutdown(&mut self, driver: &ExecutorDriver) -> HandlerResult {
        if self.tasks.shutdown(self.shutdown_grace) == 0 {
            driver.stop();
        }
        Ok(())
    }

    async fn error(&mut self, _: &ExecutorDriver, message: String) -> HandlerResult {
        Err(BoxError::from(message))
    }
}

/// The address of this machine on the route to the agent. Nothing is sent.
fn own_address(agent_pid: &str) -> Option<IpAddr> {
    let (_, address) = agent_pid.split_once('@')?;
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(address).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
