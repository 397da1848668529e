//! Sandboxes of tasks on a real Mesos.

mod download;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mesos_core::backend::{SchedulerApi, Subscription};
use mesos_core::{ErrorKind, Result};
use mesos_http::operator::{AgentClient, EntryKind, MasterClient, Sandbox, StatePart};
use mesos_http::{Codec, OperatorClient};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_proto::TaskInfoBuilder;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::scheduler::{call, event};
use mesos_proto::v1::{
    CommandInfo, ExecutorInfo, FrameworkId, Task, TaskInfo, TaskState, executor_info,
};
use tokio::io::AsyncReadExt;
use tokio::time::{sleep, timeout};

use super::{PATIENCE, a_call, backend, cluster, next, send, subscribe};

/// A framework that launches tasks and acknowledges their updates.
struct Framework {
    subscription: Subscription<SchedulerApi>,
    id: FrameworkId,
}

impl Framework {
    async fn start(cluster: &LocalCluster) -> Self {
        let (subscription, id) = subscribe(&backend(cluster), None).await;
        Self { subscription, id }
    }

    async fn launch(&mut self, operation: impl FnOnce(mesos_proto::v1::Offer) -> Operation) {
        let offers = next(&mut self.subscription, event::Type::Offers)
            .await
            .offers;
        let offer = offers.unwrap().offers.remove(0);
        let accept = call::Accept {
            offer_ids: vec![offer.id.clone()],
            operations: vec![operation(offer)],
            // The rest is offered again at once.
            filters: Some(mesos_proto::v1::Filters {
                refuse_seconds: Some(0.0),
            }),
        };
        let call = mesos_proto::v1::scheduler::Call {
            accept: Some(accept),
            ..a_call(call::Type::Accept, &self.id)
        };
        send(&self.subscription, call).await.unwrap();
    }

    async fn run(&mut self, id: &str, command: &str) {
        self.launch(|offer| Operation::launch([task(id, command).agent(offer.agent_id).build()]))
            .await;
    }

    /// Waits for a state of a task, and acknowledges all updates.
    async fn until(&mut self, task: &str, wanted: TaskState) {
        loop {
            let update = next(&mut self.subscription, event::Type::Update)
                .await
                .update;
            let status = update.unwrap().status;
            if let Some(uuid) = status.uuid.clone() {
                let call = mesos_proto::v1::scheduler::Call {
                    acknowledge: Some(call::Acknowledge {
                        agent_id: status.agent_id.clone().unwrap(),
                        task_id: status.task_id.clone(),
                        uuid,
                    }),
                    ..a_call(call::Type::Acknowledge, &self.id)
                };
                send(&self.subscription, call).await.unwrap();
            }
            if status.task_id.as_str() == task {
                let state = status.state();
                if state == wanted {
                    return;
                }
                assert!(!state.is_terminal(), "{task}: {status:?}");
            }
        }
    }
}

fn task(id: &str, command: &str) -> TaskInfoBuilder {
    TaskInfo::builder(id)
        .id(id)
        .cpus(0.1)
        .mem(32.0)
        .command(CommandInfo::sh(command))
}

fn master(cluster: &LocalCluster, codec: Codec) -> MasterClient {
    OperatorClient::new(cluster.master_url().parse().unwrap())
        .codec(codec)
        .into()
}

/// The folder of the sandbox on this machine.
fn on_disk(sandbox: &Sandbox) -> PathBuf {
    let path = PathBuf::from(sandbox.path());
    assert!(path.is_dir(), "{path:?} is not a folder of this machine");
    path
}

async fn text(sandbox: &Sandbox, path: &str) -> String {
    let mut text = String::new();
    let mut reader = sandbox.open(path);
    let reading = reader.read_to_string(&mut text);
    timeout(PATIENCE, reading).await.unwrap().unwrap();
    text
}

fn status<T: std::fmt::Debug>(result: Result<T>) -> (ErrorKind, Option<u16>) {
    let error = result.unwrap_err();
    (error.kind(), error.status())
}

#[tokio::test]
async fn the_files_of_a_task_are_found_listed_and_read_while_it_runs_and_after_its_end() {
    let Some(cluster) = cluster().await else {
        return;
    };
    for (codec, id) in [(Codec::Protobuf, "protobuf"), (Codec::Json, "json")] {
        let mut framework = Framework::start(&cluster).await;
        framework
            .run(
                id,
                "mkdir d; echo first; while [ ! -e end ]; do sleep 0.1; done; echo last",
            )
            .await;
        framework.until(id, TaskState::TaskRunning).await;
        let master = master(&cluster, codec);
        let sandbox = master.sandbox(id).await.unwrap();
        assert_eq!(sandbox.task().unwrap().framework_id, framework.id);
        let mut follow = sandbox.follow("stdout");
        let mut seen = String::new();
        while !seen.contains("first\n") {
            let part = timeout(PATIENCE, follow.next()).await.unwrap();
            seen.push_str(std::str::from_utf8(&part.unwrap().unwrap()).unwrap());
        }
        let entries = sandbox.list("/").await.unwrap();
        let kind = |name| {
            entries
                .iter()
                .find(|entry| entry.name == name)
                .map(|e| e.kind)
        };
        assert_eq!(kind("stdout"), Some(EntryKind::File));
        assert_eq!(kind("d"), Some(EntryKind::Directory));
        assert!(sandbox.list("d").await.unwrap().is_empty());
        assert_eq!(status(sandbox.list("stdout").await).0, ErrorKind::Config);

        fs::write(on_disk(&sandbox).join("end"), "").unwrap();
        let reading = follow.read_to_string(&mut seen);
        timeout(PATIENCE, reading)
            .await
            .expect("the task's end")
            .unwrap();
        assert!(seen.ends_with("last\n"), "{seen}");
        framework.until(id, TaskState::TaskFinished).await;

        // The framework ends, and its tasks are completed ones.
        let call = a_call(call::Type::Teardown, &framework.id);
        let _ = send(&framework.subscription, call).await;
        let sandbox = master.sandbox(id).await.unwrap();
        assert_eq!(sandbox.task().unwrap().state(), TaskState::TaskFinished);
        assert_eq!(text(&sandbox, "stdout").await, seen);
        let all = sandbox.read("stdout", 0, 1 << 20).await.unwrap();
        assert_eq!(all, seen.as_bytes());
        let part = sandbox.read("stdout", 2, 3).await.unwrap();
        assert_eq!(part, &seen.as_bytes()[2..5]);
        let mut follow = sandbox.follow("stdout");
        let followed = timeout(PATIENCE, follow.read_to_string(&mut seen));
        assert_eq!(followed.await.unwrap().unwrap(), all.len());

        let missing = (ErrorKind::Rejected, Some(404));
        assert_eq!(status(sandbox.read("no", 0, 1).await), missing);
        assert_eq!(status(sandbox.stat("no").await), missing);
        assert_eq!(status(sandbox.list("d/no").await), missing);
        let followed = timeout(PATIENCE, sandbox.follow("no").next())
            .await
            .unwrap();
        assert_eq!(status(followed.unwrap()), missing);
    }
    cluster.stop().await.unwrap();
}

/// In protobuf, Mesos 1.11.0 omits the tasks of frameworks that have ended (`serializeGetTasks` in
/// src/master/readonly_handler.cpp).
#[tokio::test]
async fn tasks_of_frameworks_that_have_ended_are_reported_in_both_codecs() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let mut framework = Framework::start(&cluster).await;
    framework.run("t", "echo x").await;
    framework.until("t", TaskState::TaskFinished).await;
    let call = a_call(call::Type::Teardown, &framework.id);
    send(&framework.subscription, call).await.unwrap();
    for codec in [Codec::Protobuf, Codec::Json] {
        let master = master(&cluster, codec);
        eventually("end of the framework", async || {
            let ended = master.get_frameworks().await.unwrap().completed_frameworks;
            ended
                .iter()
                .any(|ended| ended.framework_info.id.as_ref() == Some(&framework.id))
        })
        .await;
        let is_it = |task: &&Task| task.framework_id == framework.id;
        let tasks = master.get_tasks().await.unwrap().completed_tasks;
        assert_eq!(tasks.iter().filter(is_it).count(), 1, "{codec:?}");
        let state = master.get_state().await.unwrap();
        let tasks = state.get_tasks.unwrap().completed_tasks;
        assert_eq!(tasks.iter().filter(is_it).count(), 1, "{codec:?}");

        let mut parts = master.get_state_parts().await.unwrap();
        let mut count = 0;
        while let Some(part) = parts.next().await.unwrap() {
            count += match part {
                StatePart::CompletedTask(task) if is_it(&&*task) => 1,
                _ => 0,
            };
        }
        // Documented: the parts have the encoding of the client.
        assert_eq!(count, i32::from(codec == Codec::Json), "{codec:?}");
    }
    // An agent reports them in both.
    for codec in [Codec::Protobuf, Codec::Json] {
        let client = OperatorClient::new(cluster.agent_url(1).parse().unwrap()).codec(codec);
        let agent = AgentClient::from(client);
        eventually("completed task", async || {
            let tasks = agent.get_tasks().await.unwrap();
            let mut ended = tasks.terminated_tasks.iter().chain(&tasks.completed_tasks);
            ended.any(|task| task.framework_id == framework.id)
        })
        .await;
        let executors = agent.get_executors().await.unwrap();
        let mut executors = executors
            .executors
            .iter()
            .chain(&executors.completed_executors);
        assert!(
            executors.any(|found| found.executor_info.executor_id.as_str() == "t"),
            "{codec:?}"
        );
    }
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn each_task_of_a_group_has_its_own_folder() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let mut framework = Framework::start(&cluster).await;
    let id = framework.id.clone();
    framework
        .launch(|offer| {
            let executor = ExecutorInfo {
                r#type: Some(executor_info::Type::Default.into()),
                ..ExecutorInfo::builder("group")
                    .framework(id)
                    .cpus(0.1)
                    .mem(32.0)
                    .disk(32.0)
                    .build()
            };
            let tasks = ["a", "b"].map(|id| {
                let command = format!("echo I am {id}; test {id} = a || sleep 600");
                task(id, &command).agent(offer.agent_id.clone()).build()
            });
            Operation::launch_group(executor, tasks)
        })
        .await;
    framework.until("a", TaskState::TaskFinished).await;
    let master = master(&cluster, Codec::Protobuf);
    for id in ["a", "b"] {
        let sandbox = master.sandbox(id).await.unwrap();
        assert!(
            sandbox.path().ends_with(&format!("/tasks/{id}")),
            "{sandbox:?}"
        );
        let stdout = text(&sandbox, "stdout").await;
        assert!(stdout.contains(&format!("I am {id}\n")), "{stdout}");
    }
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn an_earlier_run_with_the_same_ids_has_its_own_files() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let mut framework = Framework::start(&cluster).await;
    for text in ["one", "two"] {
        framework.run("again", &format!("echo {text} > file")).await;
        framework.until("again", TaskState::TaskFinished).await;
        // The agent aborts if an executor with the id of the task still exists (`Slave::__run` in
        // src/slave/slave.cpp).
        let agent = AgentClient::new(cluster.agent_url(1).parse().unwrap());
        eventually("end of the executor", async || {
            agent.get_executors().await.unwrap().executors.is_empty()
        })
        .await;
    }
    let master = master(&cluster, Codec::Protobuf);
    let tasks = master.find_tasks("again").await.unwrap();
    assert_eq!(tasks.len(), 2, "{tasks:?}");
    let mut found = Vec::new();
    for task in &tasks {
        let sandbox = master.task_sandbox(task).await.unwrap();
        found.push(text(&sandbox, "file").await);
    }
    found.sort();
    assert_eq!(found, ["one\n", "two\n"]);
    let newest = master.sandbox("again").await.unwrap();
    assert_eq!(text(&newest, "file").await, "two\n");
    cluster.stop().await.unwrap();
}

/// Waits until `condition` is true.
async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let waiting = async {
        while !condition().await {
            // sleep: the operator API has no event for this; bounded below.
            sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "no {what}");
}

/// A task that runs, and its sandbox.
async fn running(cluster: &LocalCluster) -> (Framework, Sandbox) {
    let mut framework = Framework::start(cluster).await;
    framework.run("t", "sleep 600").await;
    framework.until("t", TaskState::TaskRunning).await;
    let master = master(cluster, Codec::Protobuf);
    (framework, master.sandbox("t").await.unwrap())
}

#[tokio::test]
async fn following_continues_over_rotation_and_truncation_until_it_is_finished() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let (_framework, sandbox) = running(&cluster).await;
    let log = on_disk(&sandbox).join("log");
    let moved = |n: u32| log.with_file_name(format!("log.{n}"));
    // Lines of one length, so that a new file differs only in its content.
    let write = |expected: &mut String, path: &Path, round: u32, what: &str| {
        let text = format!("round {round}: {what:<20}\n").repeat(20);
        let mut options = fs::OpenOptions::new();
        let mut file = options.append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        expected.push_str(&text);
    };
    let mut follow = sandbox.follow("log");
    let mut seen = String::new();
    let mut expected = String::new();
    for round in 0..6 {
        write(&mut expected, &log, round, "before");
        while seen != expected {
            assert!(expected.starts_with(&seen), "{seen}");
            let part = timeout(PATIENCE, follow.next()).await.unwrap();
            seen.push_str(std::str::from_utf8(&part.unwrap().unwrap()).unwrap());
        }
        match round {
            // Renamed, and the writer has the old file open for a while.
            0 | 1 => {
                if round == 1 {
                    fs::rename(moved(1), moved(2)).unwrap();
                }
                fs::rename(&log, moved(1)).unwrap();
                write(&mut expected, &moved(1), round, "after the rename");
                write(&mut expected, &log, round, "in the new file");
            }
            // Two rotations between two reads.
            2 => {
                fs::rename(moved(2), moved(4)).unwrap();
                fs::rename(moved(1), moved(3)).unwrap();
                fs::rename(&log, moved(2)).unwrap();
                write(&mut expected, &moved(1), round, "in the middle file");
                write(&mut expected, &log, round, "in the newest file");
            }
            // Copied, then truncated.
            3 => {
                fs::copy(&log, moved(1)).unwrap();
                fs::File::create(&log).unwrap();
                write(&mut expected, &log, round, "after the copy");
            }
            // Truncated, and the file becomes as long as it was.
            _ => {
                let length = fs::metadata(&log).unwrap().len();
                fs::File::create(&log).unwrap();
                while fs::metadata(&log).unwrap().len() <= length {
                    write(&mut expected, &log, round, "after the truncation");
                }
            }
        }
    }
    follow.finish();
    let rest = timeout(PATIENCE, follow.read_to_string(&mut seen)).await;
    rest.expect("the end after finish").unwrap();
    assert_eq!(seen, expected);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_task_whose_sandbox_was_deleted_is_an_error_that_says_so() {
    let builder = LocalCluster::builder().env("MESOS_GC_DELAY", "1secs");
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let mut framework = Framework::start(&cluster).await;
    framework.run("t", "true").await;
    framework.until("t", TaskState::TaskFinished).await;
    let master = master(&cluster, Codec::Protobuf);
    eventually("end of the sandbox", async || {
        let Err(error) = master.sandbox("t").await else {
            return false;
        };
        assert_eq!(
            (error.kind(), error.status()),
            (ErrorKind::Rejected, Some(404))
        );
        assert!(
            error.to_string().contains("does not exist any more"),
            "{error}"
        );
        true
    })
    .await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn an_unknown_task_and_an_agent_that_is_down_are_named() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let (_framework, sandbox) = running(&cluster).await;
    let master = master(&cluster, Codec::Protobuf).retry_for(Duration::ZERO);
    let error = master.sandbox("stranger").await.unwrap_err();
    assert!(error.to_string().contains("knows task stranger"), "{error}");

    let task = sandbox.task().unwrap();
    let agent = master.agent(&task.agent_id).await.unwrap();
    cluster.kill().await.unwrap();
    let error = agent.task_sandbox(task).await.unwrap_err();
    let message = error.to_string();
    let expected = format!("agent {} at {}", task.agent_id, cluster.agent_url(1));
    assert!(message.contains(&expected), "{message}");
    cluster.stop().await.unwrap();
}
