//! A recording of a real Mesos, replayed without Mesos.

use mesos::http::HttpBackend;
use mesos::{SchedulerDriver, StopReason};
use mesos_local::{LocalCluster, testing::require_real};
use mesos_replay::RecordingBackend;

use crate::scheduler::Batch;
use crate::{framework, replay};

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_of_a_real_mesos_is_replayed_without_mesos() {
    let Some(cluster) = require_real(LocalCluster::builder().start().await) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("real.recording");
    let backend = HttpBackend::new(cluster.master_url().parse().unwrap());
    let backend = RecordingBackend::new(backend, &path).unwrap();
    let recording = backend.recording();
    let batch = || Batch::new(4).running("true").with_random_ids();
    let driver = SchedulerDriver::start(batch(), framework(), backend);
    assert_eq!(driver.join().await.unwrap(), StopReason::Stopped);
    recording.flush().await;
    drop(cluster);

    let in_virtual_time = std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let same = replay(&path, batch()).await;
            assert_eq!(same, Ok(()));
            let other = replay(&path, batch().running("false")).await.unwrap_err();
            assert!(other.to_string().contains("ACCEPT is different"), "{other}");
        });
    });
    in_virtual_time.join().unwrap();
}
