//! Executors whose process is paused for longer than their time limits.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::{
    Answer, Backend, Calls, EventStream, ExecutorApi, Incoming, Subscription,
};
use mesos_core::executor::{ExecutorEnvironment, Subscribed};
use mesos_core::{
    Capabilities, Disconnected, Error, ErrorKind, Executor, ExecutorDriver, HandlerResult, Result,
};
use mesos_proto::v1::executor::event::{self, Type};
use mesos_proto::v1::executor::{Call, Event};
use mesos_proto::v1::{TaskInfo, TaskState, TaskStatus};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::mpsc;

/// The time limit of each executor, for recovery or for its shutdown.
const LIMIT: Duration = Duration::from_secs(4);
/// The longest wait for an executor on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) fn tests() {
    a_pause_longer_than_the_recovery_timeout_does_not_lose_the_agent();
    a_pause_longer_than_the_grace_period_does_not_kill_the_tasks();
}

fn a_pause_longer_than_the_recovery_timeout_does_not_lose_the_agent() {
    let lines = paused_after("lost", "recovery");
    assert_eq!(
        lines.last().map(String::as_str),
        Some("subscribed again"),
        "{lines:?}"
    );
}

fn a_pause_longer_than_the_grace_period_does_not_kill_the_tasks() {
    let lines = paused_after("shutdown", "shutdown");
    assert_eq!(
        lines.last().map(String::as_str),
        Some("end ShutDown"),
        "{lines:?}"
    );
}

/// Runs an executor, pauses its process after the line, and returns the lines after that.
fn paused_after(line: &str, how: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let go = directory.path().join("go");
    let mut process = Command::new(std::env::current_exe().unwrap())
        .env("PROGRAM", "pause")
        .env("HOW", how)
        .env("GO", &go)
        .env("MESOS_FRAMEWORK_ID", "f")
        .env("MESOS_EXECUTOR_ID", "e")
        .env("MESOS_SLAVE_PID", "slave(1)@127.0.0.1:5051")
        .env("MESOS_CHECKPOINT", "1")
        .env("MESOS_RECOVERY_TIMEOUT", format!("{}secs", LIMIT.as_secs()))
        .env("MESOS_SUBSCRIPTION_BACKOFF_MAX", "1secs")
        .env(
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
            format!("{}secs", LIMIT.as_secs()),
        )
        .stdout(Stdio::piped())
        // The program kills its process group.
        .process_group(0)
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(process.id().try_into().unwrap());
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    while lines.next().expect("the line").unwrap() != line {}
    kill(pid, Signal::SIGSTOP).unwrap();
    let stat = format!("/proc/{pid}/stat");
    let began = Instant::now();
    while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
        assert!(began.elapsed() < TIMEOUT, "the process does not stop");
        std::thread::yield_now();
    }
    // sleep: the length of the pause is what this tests
    std::thread::sleep(LIMIT * 2);
    std::fs::write(&go, "").unwrap();
    kill(pid, Signal::SIGCONT).unwrap();
    let rest = lines.map(std::result::Result::unwrap).collect();
    process.wait().unwrap();
    rest
}

pub(crate) fn program() {
    let environment = ExecutorEnvironment::from_env_scrubbed().unwrap();
    let go = PathBuf::from(std::env::var_os("GO").unwrap());
    let agent = Agent {
        shuts_down: std::env::var("HOW").unwrap() == "shutdown",
        go: go.clone(),
        attempts: AtomicU32::new(0),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let end = runtime
        .unwrap()
        .block_on(ExecutorDriver::run(Printing(go), environment, agent));
    match end {
        Ok(reason) => println!("end {reason:?}"),
        Err(error) => println!("end {error:#}"),
    }
}

struct Printing(PathBuf);

#[async_trait]
impl Executor for Printing {
    async fn subscribed(&mut self, driver: &ExecutorDriver, how: Subscribed) -> HandlerResult {
        if how.resubscribed {
            println!("subscribed again");
            driver.abort();
            std::process::exit(0);
        }
        Ok(())
    }

    async fn disconnected(&mut self, _: &ExecutorDriver, _: Disconnected) -> HandlerResult {
        println!("lost");
        Ok(())
    }

    async fn launch(&mut self, _: &ExecutorDriver, _: TaskInfo) -> HandlerResult {
        Ok(())
    }

    async fn shutdown(&mut self, driver: &ExecutorDriver) -> HandlerResult {
        println!("shutdown");
        let (driver, go) = (driver.clone(), self.0.clone());
        tokio::spawn(async move {
            while !go.exists() {
                // sleep: simulates a task that needs time to end
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let ended = TaskStatus::new("t", TaskState::TaskKilled);
            driver.send_update(ended).await.unwrap();
        });
        Ok(())
    }
}

/// An agent that is lost after the first subscription until a file exists, or that shuts the
/// executor down after it has launched a task.
#[derive(Debug)]
struct Agent {
    shuts_down: bool,
    go: PathBuf,
    attempts: AtomicU32,
}

#[async_trait]
impl Backend<ExecutorApi> for Agent {
    fn name(&self) -> &'static str {
        "agent"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn subscribe(&self, _: Call) -> Result<Subscription<ExecutorApi>> {
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed);
        if attempt > 0 && !self.go.exists() {
            return Err(Error::new(ErrorKind::Transport, "the agent is gone"));
        }
        let (sender, events) = mpsc::unbounded_channel();
        sender
            .send(Some(event::Subscribed::default().into()))
            .unwrap();
        if self.shuts_down {
            let task = TaskInfo {
                task_id: "t".into(),
                ..TaskInfo::default()
            };
            sender.send(Some(event::Launch { task }.into())).unwrap();
            let shutdown = Event {
                r#type: Some(Type::Shutdown.into()),
                ..Event::default()
            };
            sender.send(Some(shutdown)).unwrap();
        } else {
            sender.send(None).unwrap();
        }
        let calls = Arc::new(Acknowledging(sender));
        Ok(Subscription::new(Stream(events), calls, "agent"))
    }
}

struct Stream(mpsc::UnboundedReceiver<Option<Event>>);

#[async_trait]
impl EventStream<ExecutorApi> for Stream {
    async fn next(&mut self) -> Result<Incoming<ExecutorApi>> {
        match self.0.recv().await.flatten() {
            Some(event) => Ok(Incoming::Event(Box::new(event), Bytes::new())),
            None => Err(Error::new(ErrorKind::Transport, "the agent is gone")),
        }
    }
}

struct Acknowledging(mpsc::UnboundedSender<Option<Event>>);

#[async_trait]
impl Calls<ExecutorApi> for Acknowledging {
    async fn send(&self, call: Call) -> Result<Answer> {
        if let Some(update) = call.update {
            let acknowledged = event::Acknowledged {
                task_id: update.status.task_id,
                uuid: update.status.uuid.unwrap(),
            };
            let _ = self.0.send(Some(acknowledged.into()));
        }
        Ok(Answer::ready(Ok(())))
    }
}
