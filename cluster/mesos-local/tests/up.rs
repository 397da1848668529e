//! The program `mesos-local` as a user runs it.

mod common;

use std::io::BufReader;
use std::process::{Child, ChildStdout, Command, Stdio};

use common::{active_agents, get, line_after};
use mesos_local::testing::require_real;
use mesos_local::{DEFAULT_VERSION, LocalCluster};
use mesos_native::Library;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mesos-local");

/// A running `mesos-local up`.
struct Up {
    program: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
    port: u16,
}

impl Up {
    /// Waits until the cluster is up.
    fn start(change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["up", "--port", "0"]).stdout(Stdio::piped());
        change(&mut command);
        let mut program = command.spawn().expect("mesos-local");
        let mut stdout = BufReader::new(program.stdout.take().expect("a pipe"));
        let url = line_after(&mut stdout, "    http").replacen("", "http", 1);
        let port = url
            .strip_suffix("/master")
            .and_then(|url| url.rsplit(':').next());
        let port = port.and_then(|port| port.parse().ok()).expect("a port");
        Self {
            program,
            stdout,
            url,
            port,
        }
    }

    fn stop(mut self) {
        kill(
            Pid::from_raw(self.program.id().cast_signed()),
            Signal::SIGTERM,
        )
        .expect("it runs");
        assert!(self.program.wait().expect("its end").success());
        get(self.port, "/master/health").expect_err("no master listens any more");
    }
}

/// Whether this machine can have a cluster.
async fn available() -> bool {
    require_real(LocalCluster::builder().agents(0).start().await).is_some()
}

#[tokio::test]
async fn up_runs_in_the_foreground_until_sigterm_and_leaves_nothing() {
    if !available().await {
        return;
    }
    let up = Up::start(|command| {
        command.args(["--agents", "2"]);
    });
    assert_eq!(active_agents(up.port), 2);
    up.stop();
}

#[tokio::test]
async fn the_path_that_fetch_prints_can_be_loaded_and_runs_a_cluster() {
    if !available().await {
        return;
    }
    let output = Command::new(PROGRAM).arg("fetch").output();
    let output = output.expect("mesos-local");
    assert!(output.status.success(), "{output:?}");
    let path = String::from_utf8(output.stdout).expect("UTF-8");
    let path = path.trim_end();
    let library = Library::open(path).expect("a libmesos");
    assert_eq!(library.version(), Some(DEFAULT_VERSION));
    let up = Up::start(|command| {
        command.env("MESOS_NATIVE_LIBRARY", path);
    });
    assert_eq!(active_agents(up.port), 1);
    up.stop();
}
