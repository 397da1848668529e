//! `mesos task` as a user runs it, on a real Mesos.

#![allow(clippy::unwrap_used)]

mod agent;
mod session;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use mesos::http::HttpBackend;
use mesos::v1::{CommandInfo, TaskInfo, TaskState};
use mesos::{Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A test that hangs fails after this time.
const PATIENCE: Duration = Duration::from_secs(60);

/// The tasks: id, name, and command.
const TASKS: [(&str, &str, &str); 3] = [
    (
        "web-1",
        "web",
        "echo hello from $0; mkdir -p out/deep; printf data > out/deep/file; while [ ! -e end ]; do sleep 0.1; done; echo bye",
    ),
    ("web-2", "web", "echo second; sleep 600"),
    ("done", "batch", "echo finished"),
];

/// Launches the tasks.
struct Tasks {
    left: Vec<TaskInfo>,
    states: mpsc::Sender<(String, TaskState)>,
}

#[mesos::async_trait]
impl Scheduler for Tasks {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            let tasks = std::mem::take(&mut self.left);
            if !tasks.is_empty() {
                driver.launch(offer, tasks).await?;
            }
        }
        Ok(())
    }

    async fn update(&mut self, _: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        let state = (update.task_id.to_string(), update.task_state()?);
        let _ = self.states.send(state).await;
        Ok(())
    }
}

/// A run of the program.
#[derive(Debug)]
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

fn mesos(master: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesos"));
    command.env_clear().env("HOME", "/nonexistent");
    command.args(["--master", master]);
    command
}

async fn run(master: &str, args: &[&str]) -> Run {
    let mut command = mesos(master);
    command.args(args);
    let work = tokio::task::spawn_blocking(move || command.output().unwrap());
    let Output {
        status,
        stdout,
        stderr,
    } = timeout(PATIENCE, work).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run {
        code: status.code().unwrap(),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

impl Run {
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{self:?}");
        self.stdout
    }

    #[track_caller]
    fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{self:?}");
        self.stderr
    }
}

/// Compares with a snapshot, without what differs between two runs.
#[track_caller]
fn matches(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    for (pattern, replacement) in [
        (uuid, "00000000-0000-0000-0000-000000000000"),
        (
            r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z",
            "2026-01-01T00:00:00Z",
        ),
        (r" +\d+[sm]\b", " [AGE]"),
        (r"(?m) +AGE( |$)", " AGE$1"),
        (r"Addresses:( +)\S+", "Addresses:$1[ADDRESS]"),
        // The executor also writes to these files, and the size of a folder is that of its filesystem.
        (r" +\d+  (\S+Z  (std|out))", "  SIZE  $1"),
        (
            r"(?m)^(-rw-r--r--)  \S+  \S+  4  ",
            "$1  [USER]  [USER]  4  ",
        ),
    ] {
        settings.add_filter(pattern, replacement);
    }
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_listed_inspected_read_followed_and_copied() {
    let Some(cluster) = require_real(LocalCluster::builder().start().await) else {
        return;
    };
    let master = cluster.master_url();
    let (states, mut updates) = mpsc::channel(16);
    let task = |(id, name, command): (&str, &str, &str)| {
        let command = CommandInfo::sh(command.replace("$0", id));
        let task = TaskInfo::builder(name).id(id).cpus(0.1).mem(32.0);
        task.command(command).build()
    };
    let left = TASKS.into_iter().map(task).collect();
    let backend = HttpBackend::new(master.parse().unwrap());
    let scheduler = Tasks { left, states };
    let framework = Framework::ephemeral("tasks");
    let _driver = SchedulerDriver::start(scheduler, framework, backend);
    let mut missing = vec![
        ("web-1", TaskState::TaskRunning),
        ("web-2", TaskState::TaskRunning),
        ("done", TaskState::TaskFinished),
    ];
    while !missing.is_empty() {
        let update = timeout(PATIENCE, updates.recv()).await.unwrap().unwrap();
        missing.retain(|(id, state)| (*id, *state) != (update.0.as_str(), update.1));
    }
    // The master keeps a task among those that run until it has the acknowledgement.
    let ended = async {
        while run(&master, &["task", "list", "-o", "name"])
            .await
            .ok()
            .contains("done")
        {}
    };
    timeout(PATIENCE, ended).await.unwrap();

    let sorted = |text: String| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines[1..].sort();
        lines.join("\n")
    };
    let list = |args: &'static [&'static str]| run(&master, args);
    matches("task_list", &sorted(list(&["task", "list"]).await.ok()));
    matches(
        "task_list_all",
        &sorted(list(&["task", "list", "--all", "-o", "wide"]).await.ok()),
    );
    matches(
        "task_inspect",
        &list(&["task", "inspect", "done"]).await.ok(),
    );
    matches("task_ls", &list(&["task", "ls", "web-1"]).await.ok());
    matches(
        "task_ls_folder",
        &list(&[
            "task",
            "ls",
            "web-1",
            "out/deep",
            "-o",
            "wide",
            "--no-headers",
        ])
        .await
        .ok(),
    );

    // Names: a unique beginning, a name, an ambiguous beginning, and a mistake.
    assert_eq!(
        list(&["task", "inspect", "do", "-o", "name"]).await.ok(),
        "done\n"
    );
    assert_eq!(
        list(&["task", "inspect", "batch", "-o", "name"]).await.ok(),
        "done\n"
    );
    let error = list(&["task", "inspect", "web"]).await.failed(3);
    assert!(
        error.contains("2 tasks match \"web\"") && error.contains("web-2 (web)"),
        "{error}"
    );
    let error = list(&["task", "inspect", "wbe-1"]).await.failed(3);
    assert!(error.contains("similar: web-1"), "{error}");

    let cat = list(&["task", "cat", "web-1", "out/deep/file"]).await.ok();
    assert_eq!(cat, "data");
    let error = list(&["task", "cat", "web-1", "out"]).await.failed(1);
    assert!(error.contains("\"out\" is a folder, not a file"), "{error}");
    let error = list(&["task", "ls", "web-1", "no"]).await;
    assert!(
        error
            .stderr
            .contains("\"no\" does not exist in the sandbox of task web-1"),
        "{error:?}"
    );

    // The last lines, of a file with a line feed at its end, also while the task runs.
    let hello = list(&["task", "logs", "web-1", "--tail", "1"]).await.ok();
    assert_eq!(hello, "hello from web-1\n");
    assert_eq!(list(&["task", "logs", "web-1", "-n", "0"]).await.ok(), "");
    let all = list(&["task", "logs", "done"]).await.ok();
    assert_eq!(list(&["task", "logs", "done", "-n", "999"]).await.ok(), all);
    let error = list(&["task", "logs", "done", "-n", "1", "--file", "no"]).await;
    assert!(error.failed(1).contains("\"no\" does not exist"));

    // The lines of several tasks have the ids.
    let merged = list(&["task", "logs", "web-1", "done"]).await.ok();
    for line in ["web-1 | hello from web-1", "done  | finished"] {
        assert!(merged.lines().any(|found| found == line), "{merged}");
    }
    let colored = list(&["task", "logs", "web-1", "done", "--color", "always"])
        .await
        .ok();
    assert!(
        colored.contains("\u{1b}[36mweb-1 |\u{1b}[0m hello from web-1"),
        "{colored:?}"
    );

    // Following ends with the task.
    let target = tempfile::tempdir().unwrap();
    let path = target.path().to_str().unwrap().to_owned();
    let copied = run(&master, &["task", "cp", "web-1:out", &path]).await.ok();
    assert!(copied.ends_with(": 1 file, 4 B\n"), "{copied}");
    assert_eq!(
        fs::read(target.path().join("out/deep/file")).unwrap(),
        b"data"
    );
    let copied = run(&master, &["task", "cp", "web-1:out", &path]).await.ok();
    assert!(copied.ends_with(", 1 unchanged\n"), "{copied}");
    let follow = run(&master, &["task", "logs", "-f", "web-1"]);
    let tail = run(&master, &["task", "logs", "-f", "--tail", "1", "web-1"]);
    let end = async {
        let sandboxes = find(cluster.work_dir(), "out");
        fs::write(sandboxes.with_file_name("end"), "").unwrap();
    };
    let (followed, tail, ()) = tokio::join!(follow, tail, end);
    assert!(followed.ok().ends_with("hello from web-1\nbye\n"));
    // The program may start after the end of the task.
    let tail = tail.ok();
    let expected = ["hello from web-1\nbye\n", "bye\n"];
    assert!(expected.contains(&tail.as_str()), "{tail}");

    // Mesos' local mode refuses sessions, with its reason.
    let error = list(&["task", "exec", "web-2", "true"]).await.failed(1);
    assert!(error.contains("local mode"), "{error}");
    assert!(!error.contains("electing"), "{error}");
    let error = list(&["task", "exec", "done", "true"]).await.failed(1);
    assert!(
        error.contains("task done does not have a container"),
        "{error}"
    );

    fs::remove_dir_all(find(cluster.work_dir(), "done")).unwrap();
    for args in [&["task", "logs", "done"][..], &["task", "ls", "done"]] {
        let error = list(args).await.failed(3);
        assert!(error.contains("does not exist any more"), "{error}");
    }
    cluster.stop().await.unwrap();
}

/// A folder with this name below `folder`.
fn find(folder: &Path, name: &str) -> std::path::PathBuf {
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.is_symlink() {
                if path.file_name().is_some_and(|found| found == name) {
                    return path;
                }
                open.push(path);
            }
        }
    }
    panic!("no folder {name}");
}
