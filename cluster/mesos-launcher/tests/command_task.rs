//! Command tasks on a real Mesos, through `mesos-executor` and `mesos-containerizer`.
#![cfg(target_os = "linux")]

#[path = "../../mesos-local/tests/common/mod.rs"]
mod common;
#[path = "command_task/ends.rs"]
mod ends;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use mesos_core::{
    Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate, resources::Resources,
};
use mesos_http::{Endpoint, HttpBackend, OperatorClient, files};
use mesos_local::testing::require_real;
use mesos_local::{Builder, LocalCluster};
use mesos_proto::v1::command_info::Uri;
use mesos_proto::v1::r_limit_info::{self, RLimit};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{
    AgentId, CommandInfo, ContainerInfo, RLimitInfo, TaskInfo, TaskState, TaskStatus,
    container_info,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A cluster with a framework that runs tasks one at a time.
struct Mesos {
    cluster: LocalCluster,
    driver: SchedulerDriver<TaskInfo>,
    updates: mpsc::UnboundedReceiver<TaskStatus>,
}

/// Launches the received tasks on the next offers.
struct Launcher {
    /// Kept for the next tasks: a declined offer would come back late.
    offers: Vec<Offer>,
    tasks: VecDeque<TaskInfo>,
    updates: mpsc::UnboundedSender<TaskStatus>,
}

impl Launcher {
    async fn launch(&mut self, driver: &SchedulerDriver<TaskInfo>) -> HandlerResult {
        self.offers.retain(Offer::is_alive);
        while !self.offers.is_empty()
            && let Some(mut task) = self.tasks.pop_front()
        {
            let offer = self.offers.remove(0);
            let need = Resources::try_from(task.resources)?;
            task.resources = offer.resources()?.take(&need)?.into();
            driver.launch(offer, [task]).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Scheduler<TaskInfo> for Launcher {
    async fn offers(
        &mut self,
        driver: &SchedulerDriver<TaskInfo>,
        offers: Vec<Offer>,
    ) -> HandlerResult {
        self.offers.extend(offers);
        self.launch(driver).await
    }

    async fn input(&mut self, driver: &SchedulerDriver<TaskInfo>, task: TaskInfo) -> HandlerResult {
        self.tasks.push_back(task);
        self.launch(driver).await
    }

    async fn update(
        &mut self,
        _: &SchedulerDriver<TaskInfo>,
        update: &StatusUpdate,
    ) -> HandlerResult {
        self.updates.send(update.to_status())?;
        Ok(())
    }
}

impl Mesos {
    async fn start() -> Option<Self> {
        Self::start_with(LocalCluster::builder()).await
    }

    async fn start_with(builder: Builder) -> Option<Self> {
        let cluster = require_real(builder.start().await)?;
        let master = cluster.master_url().parse().expect("a URL");
        let (sender, updates) = mpsc::unbounded_channel();
        let launcher = Launcher {
            offers: Vec::new(),
            tasks: VecDeque::new(),
            updates: sender,
        };
        let framework = Framework::ephemeral("command tasks");
        let driver = SchedulerDriver::start(launcher, framework, HttpBackend::new(master)).detach();
        Some(Self {
            cluster,
            driver,
            updates,
        })
    }

    fn launch(&self, id: &str, command: CommandInfo) {
        let task = TaskInfo::builder(id)
            .id(id)
            .command(command)
            .cpus(0.1)
            .mem(32.0);
        self.launch_task(task.build());
    }

    fn launch_task(&self, task: TaskInfo) {
        self.driver.send(task).expect("the scheduler runs");
    }

    async fn update(&mut self, expected: TaskState) -> TaskStatus {
        let status = tokio::time::timeout(common::TIMEOUT, self.updates.recv()).await;
        let status = status
            .expect("an update in time")
            .expect("the scheduler runs");
        assert_eq!(status.task_state(), Ok(expected), "{status:?}");
        status
    }

    async fn running(&mut self) -> AgentId {
        self.update(TaskState::TaskStarting).await;
        let status = self.update(TaskState::TaskRunning).await;
        status.agent_id.expect("an agent")
    }

    /// The content of `file` in the sandbox of the task `id`.
    async fn file(&self, id: &str, file: &str) -> String {
        let agent: Endpoint = self.cluster.agent_url(1).parse().expect("a URL");
        let framework = self.driver.framework_id().expect("a framework");
        let path = format!("{}/{file}", files::sandbox(&framework, &id.into()));
        let mut follow = files::Follow::new(OperatorClient::for_endpoint(agent), path);
        let bytes = follow.read().await.expect("a file");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The process ids that a task writes to its stdout, one in each of `count` lines.
    async fn pids(&self, id: &str, count: usize) -> Vec<i32> {
        let start = Instant::now();
        loop {
            let text = self.file(id, "stdout").await;
            let pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
            if pids.len() == count && text.ends_with('\n') {
                return pids;
            }
            assert!(
                start.elapsed() < common::TIMEOUT,
                "not {count} pids: {text}"
            );
            // sleep: nothing announces that the task has written; bounded above.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn stop(self) {
        self.driver.stop();
        self.driver
            .join()
            .await
            .expect("the driver and the cluster end without an error");
        self.cluster
            .stop()
            .await
            .expect("the driver and the cluster end without an error");
    }
}

fn message(status: &TaskStatus) -> &str {
    status.message.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn a_command_runs_and_its_output_is_in_the_sandbox() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    let script = r#"echo "hello $NAME"; echo "$PWD" >&2; test "$PWD" = "$MESOS_SANDBOX""#;
    mesos.launch("t", CommandInfo::sh(script).with_env("NAME", "from Mesos"));
    mesos.running().await;
    let status = mesos.update(TaskState::TaskFinished).await;
    assert_eq!(message(&status), "Command exited with status 0");
    assert_eq!(mesos.file("t", "stdout").await, "hello from Mesos\n");
    let stderr = mesos.file("t", "stderr").await;
    assert!(stderr.contains("/runs/"), "{stderr}");

    mesos.launch("argv", CommandInfo::argv(["/bin/echo", "one", "$two"]));
    mesos.running().await;
    mesos.update(TaskState::TaskFinished).await;
    assert_eq!(mesos.file("argv", "stdout").await, "one $two\n");
    mesos.stop().await;
}

#[tokio::test]
async fn a_failed_command_reports_its_exit_status() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    mesos.launch("three", CommandInfo::sh("exit 3"));
    mesos.running().await;
    let status = mesos.update(TaskState::TaskFailed).await;
    assert_eq!(message(&status), "Command exited with status 3");

    mesos.launch("absent", CommandInfo::argv(["/no/such/file"]));
    mesos.update(TaskState::TaskStarting).await;
    let status = mesos.update(TaskState::TaskFailed).await;
    assert!(
        message(&status).contains("/no/such/file"),
        "{}",
        message(&status)
    );
    assert_eq!(
        status.task_reason(),
        Some(Ok(Reason::ContainerLaunchFailed))
    );
    mesos.stop().await;
}

#[tokio::test]
async fn a_kill_leaves_no_process() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    mesos.launch("t", CommandInfo::sh("sleep 1000 & echo $!; echo $$; wait"));
    let agent = mesos.running().await;
    let pids = mesos.pids("t", 2).await;
    mesos
        .driver
        .kill_with("t", mesos_core::scheduler::KillOptions::new().agent(agent))
        .await
        .expect("a call");
    mesos.update(TaskState::TaskKilling).await;
    let status = mesos.update(TaskState::TaskKilled).await;
    assert_eq!(
        message(&status),
        "Command terminated with signal Terminated"
    );
    for pid in pids {
        common::wait_until("the process has ended", || !common::runs(pid));
    }
    mesos.stop().await;
}

#[tokio::test]
async fn a_command_that_ignores_sigterm_gets_sigkill_after_its_grace() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    let script = "trap '' TERM; echo $$; while :; do sleep 0.01; done";
    let task = TaskInfo::builder("t")
        .id("t")
        .command(CommandInfo::sh(script));
    mesos.launch_task(
        task.cpus(0.1)
            .mem(32.0)
            .kill_grace(Duration::from_millis(500))
            .build(),
    );
    let agent = mesos.running().await;
    let pids = mesos.pids("t", 1).await;
    let asked = Instant::now();
    mesos
        .driver
        .kill_with("t", mesos_core::scheduler::KillOptions::new().agent(agent))
        .await
        .expect("a call");
    mesos.update(TaskState::TaskKilling).await;
    let status = mesos.update(TaskState::TaskKilled).await;
    assert_eq!(message(&status), "Command terminated with signal Killed");
    assert!(asked.elapsed() >= Duration::from_millis(500));
    common::wait_until("the process has ended", || !common::runs(pids[0]));
    mesos.stop().await;
}

#[tokio::test]
async fn a_task_that_exceeds_its_max_completion_time_fails_with_the_reason() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    let task = TaskInfo::builder("t")
        .id("t")
        .command(CommandInfo::sh("sleep 1000"));
    let limit = Duration::from_millis(500);
    mesos.launch_task(task.cpus(0.1).mem(32.0).max_completion_time(limit).build());
    mesos.running().await;
    let status = mesos.update(TaskState::TaskFailed).await;
    assert_eq!(
        status.task_reason(),
        Some(Ok(Reason::MaxCompletionTimeReached))
    );
    mesos.stop().await;
}

/// A server on this machine with one response to all requests, for as long as the test runs.
async fn serve(body: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
        }
    });
    port
}

fn uri(value: String) -> Uri {
    Uri {
        value,
        ..Uri::default()
    }
}

#[tokio::test]
async fn the_files_of_a_task_are_fetched_and_a_missing_one_fails_the_task() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let archive = directory.path().join("a.tar.gz");
    let file = std::fs::File::create(&archive).expect("a file");
    let gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    let mut header = tar::Header::new_gnu();
    header.set_size(6);
    header.set_mode(0o644);
    tar.append_data(&mut header, "in/word", &b"packed"[..])
        .expect("a file in it");
    let gzip = tar.into_inner().expect("an archive");
    gzip.finish().expect("a file");
    let port = serve(b"#!/bin/sh\necho \"$1 from the server\"\n").await;
    let url = format!("http://127.0.0.1:{port}/program");

    // A local file: before the agent fetches into its cache, it requests the file's length through
    // libcurl, and a local cluster has only a stand-in for libcurl.
    let script = directory.path().join("script");
    std::fs::write(&script, "#!/bin/sh\necho \"$1\"\n").expect("a file");
    let mut command = CommandInfo::sh("cat in/word; bin/hello kept; ./script cached");
    command.uris = vec![
        uri(format!("file://{}", archive.display())),
        Uri {
            executable: Some(true),
            output_file: Some("bin/hello".into()),
            ..uri(url)
        },
        Uri {
            executable: Some(true),
            cache: Some(true),
            ..uri(script.display().to_string())
        },
    ];
    mesos.launch("t", command);
    mesos.running().await;
    mesos.update(TaskState::TaskFinished).await;
    assert_eq!(
        mesos
            .file("t", "stdout")
            .await
            .split_once("packed")
            .expect("the word")
            .1,
        "kept from the server\ncached\n"
    );

    let mut command = CommandInfo::sh("true");
    command.uris = vec![uri("/no/such/file".into())];
    mesos.launch("absent", command);
    let status = mesos.update(TaskState::TaskFailed).await;
    assert_eq!(
        status.task_reason(),
        Some(Ok(Reason::ContainerLaunchFailed))
    );
    let stderr = mesos.file("absent", "stderr").await;
    assert!(stderr.contains("cannot copy /no/such/file"), "{stderr}");
    mesos.stop().await;
}

#[tokio::test]
async fn limits_of_the_task_are_set_and_an_impossible_one_fails_with_the_reason() {
    let Some(mut mesos) = Mesos::start().await else {
        return;
    };
    let limited = |id: &str, soft, hard| {
        let limit = RLimit {
            r#type: Some(r_limit_info::r_limit::Type::RlmtNofile.into()),
            soft: Some(soft),
            hard: Some(hard),
        };
        let container = ContainerInfo {
            r#type: container_info::Type::Mesos.into(),
            rlimit_info: Some(RLimitInfo {
                rlimits: vec![limit],
            }),
            ..ContainerInfo::default()
        };
        let task = TaskInfo::builder(id).id(id).cpus(0.1).mem(32.0);
        let task = task.command(CommandInfo::sh("ulimit -n; ulimit -H -n"));
        task.container(container).build()
    };
    mesos.launch_task(limited("t", 100, 200));
    mesos.running().await;
    mesos.update(TaskState::TaskFinished).await;
    assert_eq!(mesos.file("t", "stdout").await, "100\n200\n");

    // More than the kernel permits (fs.nr_open).
    mesos.launch_task(limited("refused", u64::MAX / 2, u64::MAX / 2));
    let status = mesos.update(TaskState::TaskFailed).await;
    let reason = status.task_reason();
    assert!(reason.is_some(), "{status:?}");
    let stderr = mesos.file("refused", "stderr").await;
    assert!(
        stderr.contains("cannot set the limit RLMT_NOFILE"),
        "{stderr}"
    );
    mesos.stop().await;
}

#[tokio::test]
async fn a_task_runs_as_its_user_and_an_unknown_user_fails_with_the_reason() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT TESTED: only root can become another user");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let Some(mut mesos) = start_with_users(directory.path()).await else {
        return;
    };
    let command = |user: &str| CommandInfo {
        user: Some(user.to_owned()),
        ..CommandInfo::sh("id -un")
    };
    mesos.launch("t", command("nobody"));
    mesos.running().await;
    mesos.update(TaskState::TaskFinished).await;
    assert_eq!(mesos.file("t", "stdout").await, "nobody\n");

    mesos.launch("absent", command("no-such-user"));
    let status = mesos.update(TaskState::TaskDropped).await;
    assert!(status.task_reason().is_some(), "{status:?}");
    assert!(message(&status).contains("no-such-user"), "{status:?}");
    mesos.stop().await;
}

/// A cluster whose tasks can be those of other users, in `directory`.
async fn start_with_users(directory: &std::path::Path) -> Option<Mesos> {
    // Other users must have access to the programs and the sandbox.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory, open).expect("permissions");
    let builder = LocalCluster::builder().env("MESOS_SWITCH_USER", "true");
    Mesos::start_with(builder.work_dir(directory)).await
}

#[tokio::test]
async fn a_cached_file_of_another_users_task_is_fetched_and_fetched_again() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT TESTED: only root can become another user");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let Some(mut mesos) = start_with_users(directory.path()).await else {
        return;
    };
    let file = directory.path().join("words");
    std::fs::write(&file, "cached\n").expect("a file");
    for (id, user) in [("first", "nobody"), ("second", "nobody"), ("third", "root")] {
        let mut command = CommandInfo {
            user: Some(user.to_owned()),
            ..CommandInfo::sh("cat words; stat -c %U words")
        };
        command.uris = vec![Uri {
            cache: Some(true),
            ..uri(file.display().to_string())
        }];
        mesos.launch(id, command);
        mesos.running().await;
        mesos.update(TaskState::TaskFinished).await;
        let stdout = mesos.file(id, "stdout").await;
        assert!(stdout.ends_with(&format!("cached\n{user}\n")), "{stdout}");
    }
    mesos.stop().await;
}
