//! An executor whose process ends, and is restarted with the same journal.

use std::path::Path;

use super::*;

fn environment_with_journal(path: &Path) -> ExecutorEnvironment {
    let mut environment = environment(true);
    environment.journal = Some(path.to_owned());
    environment
}

/// Starts a driver. Retries while an earlier driver still has the journal open.
async fn start_on(path: &Path, recording: &Recording) -> (ExecutorDriver, Peer<ExecutorApi>) {
    loop {
        let (backend, peer) = scripted();
        let driver =
            ExecutorDriver::start(recording.clone(), environment_with_journal(path), backend)
                .detach();
        let ended = tokio::time::timeout(Duration::from_millis(20), driver.join()).await;
        match ended {
            Ok(Err(error)) if error.to_string().contains("in use") => {}
            Ok(end) => panic!("{end:?}"),
            Err(_) => return (driver, peer),
        }
    }
}

#[tokio::test]
async fn unacknowledged_tasks_and_updates_survive_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let (driver, mut peer) = start_on(&path, &Recording::default()).await;
    let session = peer.session().await;
    session.send(subscribed()).await;
    session.send(launch("a")).await;
    let running = status(session.call().await);
    session.send(acknowledged(&running)).await;
    session.send(launch("b")).await;
    let lost = status(session.call().await);
    // Same effect as SIGKILL.
    driver.abort();
    end_of(&driver).await.unwrap();

    let recording = Recording::default();
    let (driver, mut peer) = start_on(&path, &recording).await;
    let attempt = peer.attempt().await;
    let subscribe = attempt.call.subscribe.clone().unwrap();
    assert_eq!(subscribe.unacknowledged_tasks.len(), 1);
    assert_eq!(subscribe.unacknowledged_tasks[0].task_id, "b");
    assert_eq!(subscribe.unacknowledged_updates.len(), 1);
    assert_eq!(subscribe.unacknowledged_updates[0].status, lost);
    let session = attempt.grant();
    session.send(subscribed()).await;
    // The new driver knows the tasks and can end them.
    driver.send_update(finished("a")).await.unwrap();
    assert_eq!(status(session.call().await).task_id, "a");
    assert_eq!(recording.seen(), ["subscribed", "recovered a b"]);
    assert_eq!(driver.live_tasks(), 1);
}

#[tokio::test]
async fn a_journal_that_cannot_be_opened_ends_the_driver_before_it_subscribes() {
    let directory = tempfile::tempdir().unwrap();
    let (backend, _peer) = scripted();
    let environment = environment_with_journal(directory.path());
    let driver = ExecutorDriver::start(Recording::default(), environment, backend);
    let error = end_of(&driver).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(
        error
            .to_string()
            .contains(directory.path().to_str().unwrap()),
        "{error}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_ends_the_tasks_and_then_the_driver_with_the_error() {
    use std::os::fd::AsRawFd;

    use nix::fcntl::{FcntlArg, SealFlag, fcntl};
    use nix::sys::memfd::{MFdFlags, memfd_create};

    // A file whose size can be limited.
    let file = memfd_create("journal", MFdFlags::MFD_ALLOW_SEALING).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    std::os::unix::fs::symlink(format!("/proc/self/fd/{}", file.as_raw_fd()), &path).unwrap();
    let recording = Recording::default();
    let (driver, mut peer) = start_on(&path, &recording).await;
    let session = peer.session().await;
    session.send(subscribed()).await;
    session.send(launch("t")).await;
    let running = status(session.call().await);
    fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_GROW)).unwrap();
    session.send(acknowledged(&running)).await;
    let shut_down = async {
        while recording.seen().last().unwrap() != "shutdown" {
            tokio::task::yield_now().await;
        }
    };
    within("the handler's shutdown", shut_down).await;
    // Updates are still sent to the agent from memory.
    driver.send_update(finished("t")).await.unwrap();
    let done = status(session.call().await);
    session.send(acknowledged(&done)).await;
    let error = end_of(&driver).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(
        error_chain(&error).starts_with("cannot write to "),
        "{}",
        error_chain(&error)
    );
    assert_eq!(driver.unacknowledged(), 0);
}
