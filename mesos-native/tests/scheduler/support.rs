//! The libmesos of this process, a cluster beside it, and a scheduler on both.

use std::sync::LazyLock;
use std::time::Duration;

use mesos_core::{BackoffPolicy, Framework, SchedulerDriver};
use mesos_local::LocalCluster;
use mesos_local::testing::{require_real, write_stand_ins};
use mesos_native::{Library, NativeBackend};
use mesos_testing::Recorder;
use mesos_testing::v1::{CommandInfo, TaskInfo};
use tempfile::TempDir;

/// The stand-ins for what this machine lacks have to stay as long as the process.
static LIBRARY: LazyLock<Option<(Library, TempDir)>> = LazyLock::new(|| {
    let path = require_real(mesos_local::libmesos_blocking(mesos_local::DEFAULT_VERSION))?;
    let stand_ins = tempfile::tempdir().unwrap();
    write_stand_ins(stand_ins.path()).unwrap();
    let library = Library::open_with(path, stand_ins.path()).unwrap();
    Some((library, stand_ins))
});

pub(crate) async fn library() -> Option<Library> {
    let found =
        tokio::task::spawn_blocking(|| LIBRARY.as_ref().map(|(library, _)| library.clone()));
    found.await.unwrap()
}

/// A cluster and the backend for it.
pub(crate) async fn cluster() -> Option<(LocalCluster, NativeBackend)> {
    let library = library().await?;
    let cluster = require_real(LocalCluster::builder().start().await)?;
    let backend = NativeBackend::new(library, &cluster.master_url()).unwrap();
    Some((cluster, backend))
}

pub(crate) fn framework() -> Framework {
    let backoff = BackoffPolicy::new(Duration::from_millis(10), Duration::from_millis(100));
    Framework::surviving("native", Duration::from_secs(3600)).backoff(backoff)
}

pub(crate) fn start(backend: &NativeBackend) -> (SchedulerDriver, Recorder) {
    let recorder = Recorder::new();
    let driver = SchedulerDriver::start(recorder.clone(), framework(), backend.clone());
    (driver, recorder)
}

pub(crate) fn task(id: &str, command: &str) -> TaskInfo {
    let command = CommandInfo::sh(command);
    TaskInfo::builder(id)
        .id(id)
        .command(command)
        .cpus(0.1)
        .mem(32.0)
        .build()
}
