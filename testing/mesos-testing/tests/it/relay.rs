//! A fake master as a proxy: what it forwards, and how a test can interfere.

use mesos_core::{Framework, SchedulerDriver};
use mesos_http::HttpBackend;
use mesos_testing::v1::TaskState;
use mesos_testing::v1::scheduler::call::Type;
use mesos_testing::{Agent, FakeMaster, MasterRole, Recorder};

struct Relayed {
    behind: FakeMaster,
    front: FakeMaster,
    recorder: Recorder,
    driver: SchedulerDriver,
}

async fn relayed() -> Relayed {
    let behind = FakeMaster::builder().agent(Agent::new("a")).start();
    let behind = behind.await.unwrap();
    let front = FakeMaster::builder().in_front_of(behind.address()).start();
    let front = front.await.unwrap();
    let recorder = Recorder::new();
    let framework = Framework::with_failover_timeout("relayed", std::time::Duration::from_secs(60));
    let backend = HttpBackend::new(front.url().parse().unwrap());
    let driver = SchedulerDriver::start(recorder.clone(), framework, backend).detach();
    recorder.subscribed().await;
    Relayed {
        behind,
        front,
        recorder,
        driver,
    }
}

/// Makes the master send some events.
async fn ask(driver: &SchedulerDriver, count: usize) {
    let tasks = (0..count).map(|number| (format!("t{number}").into(), None));
    driver.reconcile(tasks).await.unwrap();
}

#[tokio::test]
async fn calls_and_events_are_forwarded_and_recorded() {
    let Relayed {
        behind,
        front,
        recorder,
        driver,
    } = relayed().await;
    assert_eq!(recorder.offers().await.len(), 1);
    ask(&driver, 1).await;
    recorder.update(TaskState::TaskUnknown).await;
    // Refusals are forwarded with their reason.
    let nonsense = mesos_testing::v1::scheduler::Call {
        r#type: Some(Type::Kill as i32),
        ..Default::default()
    };
    let error = driver.call(nonsense).await.unwrap_err();
    assert_eq!(error.status(), Some(400));
    assert!(error.to_string().contains("Expecting 'kill'"), "{error}");
    assert_eq!(front.calls(), behind.calls());
    let [ours, theirs] = [front.stream(), behind.stream()];
    assert_eq!(ours.id(), theirs.id());
    assert_eq!(ours.framework_id(), theirs.framework_id());
    let ids = |master: &FakeMaster| {
        let received = master.received().into_iter();
        let ids = received.map(|received| received.stream_id().map(str::to_owned));
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids(&front), ids(&behind));
}

#[tokio::test]
async fn the_end_of_a_stream_is_forwarded_in_both_directions() {
    let Relayed {
        behind,
        front,
        recorder,
        ..
    } = relayed().await;
    let (ours, theirs) = (front.stream(), behind.stream());
    ours.cut();
    theirs.closed().await;
    recorder.disconnected().await;
    recorder.subscribed().await;
    let (ours, theirs) = (front.stream(), behind.stream());
    theirs.end();
    ours.closed().await;
    recorder.subscribed().await;
    // The other master is gone.
    behind.stop().await;
    recorder.disconnected().await;
    recorder.disconnected().await;
}

#[tokio::test]
async fn events_can_be_held_joined_and_split() {
    let Relayed {
        behind: _behind,
        front,
        recorder,
        driver,
    } = relayed().await;
    let stream = front.stream();
    stream.cork();
    ask(&driver, 3).await;
    driver.revive().await.unwrap();
    assert_eq!(recorder.states(), []);
    stream.uncork();
    stream.limit_chunks(1);
    ask(&driver, 3).await;
    for _ in 0..6 {
        recorder.update(TaskState::TaskUnknown).await;
    }
    assert_eq!(front.streams().len(), 1);
}

#[tokio::test]
async fn an_orphaned_stream_ends_for_the_master_only() {
    let Relayed {
        behind,
        front,
        driver,
        ..
    } = relayed().await;
    let theirs = behind.stream();
    front.stream().orphan();
    theirs.closed().await;
    assert!(front.stream().is_open());
    // The stream is closed before the other master has noticed.
    let error = loop {
        if let Err(error) = driver.revive().await {
            break error;
        }
    };
    assert_eq!(error.status(), Some(403));
}

#[tokio::test]
async fn a_proxy_that_does_not_lead_forwards_nothing() {
    let Relayed {
        behind,
        front,
        recorder,
        driver,
    } = relayed().await;
    let before = behind.received().len();
    front.set_role(MasterRole::NoLeader);
    let error = driver.revive().await.unwrap_err();
    assert_eq!(error.status(), Some(503));
    assert_eq!(behind.received().len(), before);
    drop(recorder);
}
