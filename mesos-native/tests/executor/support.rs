//! The stand-in as the libmesos of this process, a listener in place of an agent, and an executor that
//! uses both.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use mesos_core::ExecutorDriver;
use mesos_core::executor::ExecutorEnvironment;
use mesos_local::testing::{require_real, write_stand_ins};
use mesos_native::{Library, NativeBackend, NativeExecutorBackend};
use mesos_testing::ExecutorRecorder;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// All tests share the library. Its directory exists as long as the process.
static LIBRARY: LazyLock<Option<(Library, TempDir)>> = LazyLock::new(|| {
    let real = require_real(mesos_local::libmesos_blocking(mesos_local::DEFAULT_VERSION))?;
    let scratch = tempfile::tempdir().unwrap();
    let path = build(&real, scratch.path().join("libmesos-standin.so"));
    let dependencies = scratch.path().join("dependencies");
    std::fs::create_dir(&dependencies).unwrap();
    write_stand_ins(&dependencies).unwrap();
    let library = Library::open_with(path, dependencies).unwrap();
    Some((library, scratch))
});

/// Compiles the stand-in, with the flags in `CXXFLAGS` too, and links it to `libmesos`.
fn build(libmesos: &std::path::Path, output: PathBuf) -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/executor/standin.cpp");
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let flags = std::env::var("CXXFLAGS").unwrap_or_default();
    let built = Command::new(compiler)
        .args(["-std=c++14", "-O1", "-g", "-Wall", "-Wextra", "-Werror"])
        .args(["-shared", "-fPIC", "-pthread"])
        .args(flags.split_whitespace())
        .arg(source)
        .arg(libmesos)
        // The libraries that libmesos needs are supplied when it is loaded.
        .arg("-Wl,--allow-shlib-undefined")
        .arg("-o")
        .arg(&output)
        .status();
    assert!(built.unwrap().success(), "{source} does not compile");
    output
}

pub(crate) async fn library() -> Option<Library> {
    let library = || LIBRARY.as_ref().map(|(library, _)| library.clone());
    tokio::task::spawn_blocking(library).await.unwrap()
}

/// Accepts connections and sends nothing. Dropping it closes the connections.
pub(crate) struct Agent {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Agent {
    pub(crate) async fn start(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            let mut streams = Vec::new();
            loop {
                streams.push(listener.accept().await.unwrap());
            }
        });
        Self { port, task }
    }

    pub(crate) async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The environment for the stand-in's driver, with the scenario that it plays.
pub(crate) fn environment(scenario: &str, agent: &Agent) -> ExecutorEnvironment {
    let variables = [
        ("MESOS_FRAMEWORK_ID", "framework".to_owned()),
        ("MESOS_EXECUTOR_ID", scenario.to_owned()),
        ("MESOS_SLAVE_ID", "agent".to_owned()),
        (
            "MESOS_SLAVE_PID",
            format!("slave(1)@127.0.0.1:{}", agent.port),
        ),
        ("MESOS_SANDBOX", "/sandbox".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    let mut environment = ExecutorEnvironment::parse(variables).unwrap();
    environment.flush_timeout = Duration::from_secs(20);
    environment.shutdown_grace_period = Duration::from_secs(20);
    environment
}

/// An executor in a scenario.
pub(crate) struct Scene {
    pub(crate) driver: ExecutorDriver,
    pub(crate) recorder: ExecutorRecorder,
    pub(crate) agent: Agent,
}

/// `None` if a real libmesos, which the stand-in is linked to, is not available.
pub(crate) async fn scene(scenario: &str) -> Option<Scene> {
    scene_with(scenario, |_| {}, |backend| backend).await
}

pub(crate) async fn scene_with(
    scenario: &str,
    settings: impl FnOnce(&mut ExecutorEnvironment),
    change: impl FnOnce(NativeExecutorBackend) -> NativeExecutorBackend,
) -> Option<Scene> {
    let library = library().await?;
    let agent = Agent::start(0).await;
    let mut environment = environment(scenario, &agent);
    settings(&mut environment);
    let backend = change(NativeBackend::for_executor(library, &environment).unwrap());
    let recorder = ExecutorRecorder::new();
    let driver = ExecutorDriver::start(recorder.clone(), environment, backend).detach();
    Some(Scene {
        driver,
        recorder,
        agent,
    })
}
