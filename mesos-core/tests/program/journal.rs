//! Executors with a journal whose process is killed with SIGKILL, and restarted.

use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::backend::{Backend, ExecutorApi, Subscription};
use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{Capabilities, Error, ErrorKind, Executor, ExecutorDriver, HandlerResult, Result};
use mesos_proto::v1::executor::Call;
use mesos_proto::v1::{TaskInfo, TaskState, TaskStatus};
use nix::sys::resource::{Resource, setrlimit};

/// More updates than the journal keeps without a compaction, which begins at 64 KiB.
const UPDATES: usize = 300;
/// The user `nobody`, because the modes of files do not apply to root.
const NOBODY: u32 = 65534;
/// The longest wait for the driver on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) fn tests() {
    an_update_on_disk_survives_sigkill_at_any_time();
    a_directory_that_becomes_unreadable_loses_no_update();
    an_unreadable_directory_is_an_error_before_the_first_update();
    a_process_without_spare_descriptors_loses_no_update();
}

fn an_update_on_disk_survives_sigkill_at_any_time() {
    let place = Place::new();
    let mut kept = Vec::new();
    for after in [1, 65, 120, 7, 299] {
        kept.extend(place.run("plain").kill_after(after));
        place.check(&kept);
    }
}

fn a_directory_that_becomes_unreadable_loses_no_update() {
    let place = Place::new();
    let mut kept = place.run("plain").kill_after(1);
    // Open until the end, so that a compaction cannot get the same number again.
    let first = File::open(&place.journal).unwrap();
    let before = first.metadata().unwrap().ino();
    kept.extend(place.run("unreadable-later").kill_after(UPDATES));
    let after = fs::metadata(&place.journal).unwrap().ino();
    drop(first);
    assert_ne!(before, after, "the journal was compacted");
    place.mode(0o700);
    place.check(&kept);
}

fn an_unreadable_directory_is_an_error_before_the_first_update() {
    let place = Place::new();
    let kept = place.run("plain").kill_after(1);
    place.mode(0o300);
    let lines = place.run("unreadable").run_to_end();
    place.mode(0o700);
    let [line] = &lines[..] else {
        place.check(&[kept, lines].concat());
        panic!("the executor ran without a readable directory");
    };
    let expected = format!(
        "cannot open the directory of the executor's journal {}",
        place.journal.display()
    );
    assert!(line.contains(&expected), "{line}");
    place.check(&kept);
}

fn a_process_without_spare_descriptors_loses_no_update() {
    for spare in ["descriptors-0", "descriptors-1", "descriptors-2"] {
        let place = Place::new();
        let kept = place.run(spare).kill_after(UPDATES);
        assert_eq!(kept.len(), UPDATES, "{spare}");
        place.check(&kept);
    }
}

/// The directory of a journal.
struct Place {
    directory: tempfile::TempDir,
    journal: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let journal = directory.path().join("journal");
        Self { directory, journal }
    }

    fn mode(&self, mode: u32) {
        fs::set_permissions(self.directory.path(), Permissions::from_mode(mode)).unwrap();
    }

    /// Starts an executor with the journal.
    fn run(&self, how: &str) -> Run {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .env("PROGRAM", "journal")
            .env("HOW", how)
            .env("JOURNAL", &self.journal)
            .envs(variables())
            .stdout(Stdio::piped())
            .process_group(0);
        let mut process = command.spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Run { process, output }
    }

    /// Checks that a driver with the same journal repeats all updates of `kept`.
    fn check(&self, kept: &[String]) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (sender, calls) = mpsc::channel();
        let mut environment = ExecutorEnvironment::parse(variables()).unwrap();
        environment.journal = Some(self.journal.clone());
        let end = runtime.block_on(async {
            let run = ExecutorDriver::run(Idle, environment, Agent(Some(sender)));
            tokio::time::timeout(TIMEOUT, run)
                .await
                .expect("an end in time")
        });
        // Waits until the thread of the driver has closed the journal.
        File::open(&self.journal).unwrap().lock().unwrap();
        let error = end.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error:#}");
        let call = calls.recv().unwrap();
        let repeated: Vec<_> = call
            .subscribe
            .unwrap()
            .unacknowledged_updates
            .into_iter()
            .map(|update| update.status.message.unwrap())
            .collect();
        let lost: Vec<_> = kept.iter().filter(|id| !repeated.contains(id)).collect();
        assert!(
            lost.is_empty(),
            "{} of {} updates are lost; the first is {}",
            lost.len(),
            kept.len(),
            lost[0]
        );
    }
}

/// A running executor.
struct Run {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Run {
    /// Kills the process after it has reported `count` updates as kept. Returns all that it reported.
    fn kill_after(mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for line in self.output.by_ref().lines().take(count) {
            lines.push(line.unwrap());
        }
        self.process.kill().unwrap();
        lines.extend(self.output.lines().map(Result::unwrap));
        self.process.wait().unwrap();
        lines
    }

    /// Waits until the process has reported all updates, or has ended.
    fn run_to_end(self) -> Vec<String> {
        self.kill_after(UPDATES)
    }
}

fn variables() -> [(String, String); 3] {
    [
        ("MESOS_FRAMEWORK_ID", "f"),
        ("MESOS_EXECUTOR_ID", "e"),
        ("MESOS_SLAVE_PID", "slave(1)@127.0.0.1:5051"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// Sends updates, and prints each one after the driver has kept the update.
pub(crate) fn program() {
    let how = std::env::var("HOW").unwrap();
    let journal = PathBuf::from(std::env::var_os("JOURNAL").unwrap());
    if how.starts_with("unreadable") && nix::unistd::geteuid().is_root() {
        let (user, group) = (NOBODY.into(), NOBODY.into());
        // A file of an earlier process of root.
        if journal.exists() {
            nix::unistd::chown(&journal, Some(user), Some(group)).unwrap();
        }
        nix::unistd::setgid(group).unwrap();
        nix::unistd::setuid(user).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(send_updates(&how, &journal));
}

async fn send_updates(how: &str, journal: &Path) {
    let mut environment = ExecutorEnvironment::parse(variables()).unwrap();
    environment.journal = Some(journal.to_owned());
    let driver = ExecutorDriver::start(Idle, environment, Agent(None));
    let mut held = Vec::new();
    for number in 0..UPDATES {
        let id = format!("{}-{number}", std::process::id());
        let status = TaskStatus {
            message: Some(id.clone()),
            data: Some(vec![7; 1024].into()),
            ..TaskStatus::new(id.clone(), TaskState::TaskRunning)
        };
        if driver.send_update(status).await.is_err() {
            let error = driver.join().await.unwrap_err();
            println!("{error:#}");
            return;
        }
        // The test no longer reads the output once it has killed this process.
        let _ = writeln!(std::io::stdout(), "{id}");
        if number == 0 {
            if how == "unreadable-later" {
                let directory = journal.parent().unwrap();
                fs::set_permissions(directory, Permissions::from_mode(0o300)).unwrap();
            }
            if let Some(spare) = how.strip_prefix("descriptors-") {
                setrlimit(Resource::RLIMIT_NOFILE, 64, 64).unwrap();
                held.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
                held.truncate(held.len() - spare.parse::<usize>().unwrap());
            }
        }
    }
    std::future::pending().await
}

struct Idle;

#[async_trait]
impl Executor for Idle {
    async fn launch(&mut self, _: &ExecutorDriver, _: TaskInfo) -> HandlerResult {
        Ok(())
    }
}

/// An agent that records and refuses a SUBSCRIBE, or does not answer.
#[derive(Debug)]
struct Agent(Option<mpsc::Sender<Call>>);

#[async_trait]
impl Backend<ExecutorApi> for Agent {
    fn name(&self) -> &'static str {
        "agent"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn subscribe(&self, call: Call) -> Result<Subscription<ExecutorApi>> {
        match &self.0 {
            Some(calls) => {
                calls.send(call).unwrap();
                Err(Error::new(ErrorKind::Rejected, "enough"))
            }
            None => std::future::pending().await,
        }
    }
}
