//! Runs the program, and the cluster that most tests share.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use mesos_local::testing::require_real;
use mesos_local::{Builder, LocalCluster};
use tokio::runtime::Runtime;

use super::scheduler::{self, Running};

/// The result of one run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program, without any configuration of the machine or the user.
pub(crate) fn mesos(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesos"));
    command.env_clear().env("HOME", home);
    command
}

/// Runs the program with this master and without a configuration.
pub(crate) fn run_on(master: &str, args: &[&str]) -> Run {
    run(mesos(Path::new("/nonexistent"))
        .args(["--master", master])
        .args(args))
}

pub(crate) fn run(command: &mut Command) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run {
        code: status.code().unwrap(),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

impl Run {
    /// The output of a run that must succeed.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{self:?}");
        self.stdout
    }

    /// The error of a run that must fail with this code and without any output.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{self:?}");
        self.stderr
    }
}

/// A real cluster.
pub(crate) struct Cluster {
    pub(crate) runtime: Runtime,
    pub(crate) local: LocalCluster,
}

impl Cluster {
    pub(crate) fn start(builder: Builder) -> Option<Self> {
        let runtime = Runtime::new().unwrap();
        let local = require_real(runtime.block_on(builder.start()))?;
        Some(Self { runtime, local })
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        run_on(&self.local.master_url(), args)
    }

    /// The ids of the agents, in order.
    pub(crate) fn agents(&self) -> Vec<String> {
        let mut ids = lines(&self.run(&["agent", "list", "-o", "name"]).ok());
        ids.sort();
        ids
    }
}

pub(crate) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// A cluster with two agents, a framework and a task.
pub(crate) struct Shared {
    pub(crate) cluster: Cluster,
    _scheduler: Running,
}

/// The cluster of all tests that leave it as it was. One test uses it at a time.
pub(crate) fn lock_shared() -> Option<MutexGuard<'static, Shared>> {
    static SHARED: LazyLock<Option<Mutex<Shared>>> = LazyLock::new(|| {
        let cluster = Cluster::start(LocalCluster::builder().agents(2))?;
        let _scheduler = scheduler::start(&cluster);
        Some(Mutex::new(Shared {
            cluster,
            _scheduler,
        }))
    });
    let shared = SHARED.as_ref()?;
    Some(shared.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The shared cluster. Without a real Mesos, the test ends here.
macro_rules! shared {
    () => {
        match $crate::program::lock_shared() {
            Some(shared) => shared,
            None => return,
        }
    };
}
pub(crate) use shared;

/// Snapshots without what differs between two runs. A replacement has the same width, so that the
/// columns stay aligned.
pub(crate) fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    for (pattern, replacement) in [
        (uuid, "00000000-0000-0000-0000-000000000000"),
        (r"127\.0\.0\.1:\d{4,5}", "127.0.0.1:[PORT]"),
        // The agents of one process register in any order.
        (r"slave\(\d\)@", "slave(N)@"),
        (
            r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z",
            "2026-01-01T00:00:00Z",
        ),
        (r" +\d+[sm]\b", " [AGE]"),
        (r"(?m) +AGE( |$)", " AGE$1"),
        ("[0-9a-f]{8}…[0-9a-f]{2}-", "00000000…00-"),
        (r"User:( +).*", "User:$1[USER]"),
    ] {
        settings.add_filter(pattern, replacement);
    }
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings
}

/// Compares a text with the snapshot `name`.
#[track_caller]
pub(crate) fn matches(name: &str, text: &str) {
    settings().bind(|| insta::assert_snapshot!(name, text));
}
