//! Recordings and their replay.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod real;
mod scheduler;

use std::path::{Path, PathBuf};
use std::time::Duration;

use mesos::{Framework, SchedulerDriver, StopReason};
use mesos_replay::{Difference, RecordingBackend, ReplayBackend};
use mesos_testing::{Agent, Behavior, Chaos, FakeMaster};

use scheduler::Batch;

const HOUR: Duration = Duration::from_secs(3600);

fn framework() -> Framework {
    Framework::with_failover_timeout("recorded", 24 * HOUR)
        .reconcile(mesos::scheduler::ReconcilePolicy::default())
}

/// Records a batch that runs through the faults of a seed.
async fn record(seed: u64, batch: Batch, folder: &Path) -> PathBuf {
    let path = folder.join(format!("{seed}.recording"));
    let master = FakeMaster::builder()
        .agent(Agent::new("a1"))
        .agent(Agent::new("a2"))
        .tasks(|_| Behavior::finishes().after(Duration::from_secs(60)))
        .chaos(Chaos::all().lasting(HOUR / 2))
        .simulate(seed);
    let backend = RecordingBackend::new(master.backend(), &path).unwrap();
    let recording = backend.recording();
    let end = SchedulerDriver::start(batch, framework(), backend)
        .join()
        .await;
    assert_eq!(end.unwrap(), StopReason::Stopped);
    recording.flush().await;
    path
}

async fn replay(path: &Path, batch: Batch) -> Result<(), Difference> {
    let replay = ReplayBackend::open(path).unwrap();
    assert_eq!(replay.truncated(), None);
    let driver = SchedulerDriver::start(batch, framework(), replay.clone());
    let end = replay.finish().await;
    driver.abort();
    end
}

#[tokio::test(start_paused = true)]
async fn a_deterministic_scheduler_makes_the_same_calls_in_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..100 {
        let path = record(seed, Batch::new(8), folder.path()).await;
        let end = replay(&path, Batch::new(8)).await;
        assert_eq!(end, Ok(()), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn random_ids_may_differ() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(1, Batch::new(8).with_random_ids(), folder.path()).await;
    for _ in 0..3 {
        let end = replay(&path, Batch::new(8).with_random_ids()).await;
        assert_eq!(end, Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_difference_has_its_line_and_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(1, Batch::new(8), folder.path()).await;
    let other = Batch::new(8).running("something else");
    let difference = replay(&path, other).await.unwrap_err();
    let text = difference.to_string();
    assert!(text.contains("ACCEPT is different"), "{text}");
    assert!(
        text.contains("command.value: recorded \"work\", now"),
        "{text}"
    );
    let line = difference.line().unwrap();
    let recording = std::fs::read_to_string(&path).unwrap();
    let recorded = recording.lines().nth(line - 1).unwrap();
    assert!(recorded.contains("\"ACCEPT\""), "{recorded}");

    let fewer = replay(&path, Batch::new(0)).await.unwrap_err();
    let text = fewer.to_string();
    assert!(
        text.contains("no further DECLINE") || text.contains("ACCEPT"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_recording_is_private_and_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(1, Batch::new(1), folder.path()).await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let master = FakeMaster::builder().simulate(1);
    let again = RecordingBackend::new(master.backend(), &path).unwrap_err();
    assert_eq!(again.kind(), mesos::ErrorKind::Store);
    assert!(again.to_string().contains("use a new name"), "{again}");
}
