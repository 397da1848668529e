//! The libmesos of this process, a cluster in another process, and a scheduler.

use std::time::Duration;

use mesos_core::{BackoffPolicy, Framework, SchedulerDriver};
use mesos_local::testing::require_real;
use mesos_local::{LocalCluster, load_libmesos};
use mesos_native::{Library, NativeBackend};
use mesos_testing::Recorder;
use mesos_testing::v1::{CommandInfo, TaskInfo};

pub(crate) async fn library() -> Option<Library> {
    require_real(load_libmesos(mesos_local::DEFAULT_VERSION).await)
}

/// A cluster and a backend for it.
pub(crate) async fn cluster() -> Option<(LocalCluster, NativeBackend)> {
    let library = library().await?;
    let cluster = require_real(LocalCluster::builder().start().await)?;
    let backend = NativeBackend::new(library, cluster.master_url().parse().unwrap()).unwrap();
    Some((cluster, backend))
}

pub(crate) fn framework() -> Framework {
    let backoff = BackoffPolicy::new(Duration::from_millis(10), Duration::from_millis(100));
    Framework::with_failover_timeout("native", Duration::from_secs(3600)).backoff(backoff)
}

pub(crate) fn start(backend: &NativeBackend) -> (SchedulerDriver, Recorder) {
    let recorder = Recorder::new();
    let driver = SchedulerDriver::start(recorder.clone(), framework(), backend.clone()).detach();
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
