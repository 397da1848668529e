//! The rows on a fake master: many tasks, and updates repeated as fast as possible.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mesos_http::Codec;
use mesos_testing::v1::{TaskState, TaskStatus};
use mesos_testing::{Agent, Behavior, FakeMaster, FaultProxy, MasterRole};
use tokio::time::{Instant, sleep};

use crate::fault::{Fault, Peer, inject};
use crate::table::Row;
use crate::worker::{Work, Worker, ended};

/// The states that every task of this cluster reports.
const STATES: [TaskState; 3] = [
    TaskState::TaskStarting,
    TaskState::TaskRunning,
    TaskState::TaskFinished,
];

const AGENT: &str = "a1";

/// The delay before an update is repeated. As on a real agent, it doubles up to 60 times this delay
/// (10 s and 10 min in src/slave/constants.hpp). With a smaller maximum, many tasks repeat their
/// updates faster than a slow machine acknowledges them, and the queue of old repetitions grows.
const UPDATE_RETRY: Duration = Duration::from_millis(200);

/// The time without a new acknowledgement, after the faults have ended, that ends a row. The whole
/// time depends on the machine and on its load.
const STALLED: Duration = Duration::from_secs(60);

struct Fake {
    master: FakeMaster,
    /// Redirects to `master`, which sometimes redirects back.
    other: FakeMaster,
}

impl Peer for Fake {
    async fn suffer(&self, fault: Fault, hold: Duration) {
        match fault {
            Fault::Unavailable => self.master.set_role(MasterRole::Recovering),
            Fault::PingPong => self.master.follow(&self.other),
            _ => {
                self.master.fail_over();
                // sleep: agents take this long to find the new master.
                sleep(hold.min(Duration::from_millis(200))).await;
                return self.master.return_agent(AGENT);
            }
        }
        for stream in self.master.streams() {
            stream.cut();
        }
        // sleep: the fault lasts this long.
        sleep(hold).await;
        self.master.set_role(MasterRole::Leading);
    }
}

pub(crate) async fn row(fault: Fault, codec: Codec, seed: u64, length: Duration) -> Row {
    let started = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&started);
    let master = FakeMaster::builder()
        .agent(Agent::new(AGENT).having("cpus:64;mem:4096"))
        .heartbeat(Duration::from_millis(200))
        .update_retry(UPDATE_RETRY, 60 * UPDATE_RETRY)
        .tasks(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Behavior::finishes()
        });
    let master = master.start().await.unwrap();
    let other = FakeMaster::scripted().await.unwrap();
    other.follow(&master);
    let peer = Fake { master, other };
    let proxy = FaultProxy::with_seed(peer.master.address(), seed)
        .await
        .unwrap();

    let begin = Instant::now();
    let work = Work {
        most: 8,
        cpus: 1.0,
        command: "true".to_owned(),
    };
    let (driver, notes) = Worker::start(&proxy.url(), codec, (fault, seed), work);
    while notes.lock().subscriptions == 0 {
        // sleep: polls the recording of the handlers.
        sleep(Duration::from_millis(5)).await;
    }
    let mut random = fastrand::Rng::with_seed(seed);
    let injected = inject(fault, &proxy, &peer, &mut random, length).await;
    notes.stop_launching(STALLED).await;

    let mut end = Instant::now() + STALLED;
    let mut before = 0;
    // The peer does not send the next update of a task before the acknowledgement of the previous
    // one. An ACCEPT that the network still holds back may start more tasks afterwards, so
    // everything is counted at one moment.
    let (sent, acknowledged) = loop {
        let acknowledged = peer.master.acknowledged_count() as u64;
        let sent = started.load(Ordering::Relaxed) * STATES.len() as u64;
        if acknowledged > before {
            (before, end) = (acknowledged, Instant::now() + STALLED);
        }
        if acknowledged >= sent || Instant::now() >= end {
            break (sent, acknowledged);
        }
        tokio::select! {
            _ = driver.join() => break (sent, acknowledged),
            // sleep: polls the recording of the peer.
            () = sleep(Duration::from_millis(50)) => {}
        }
    };
    let mut acknowledged_updates = peer.master.acknowledged();
    acknowledged_updates.truncate(acknowledged as usize);
    let stopped = ended(&driver).await;
    let time = begin.elapsed();
    driver.abort();
    let notes = notes.lock();
    // An update that was acknowledged but not handled is not repeated.
    let dealt_with = |status: &&TaskStatus| {
        let uuid = status.uuid.as_ref();
        uuid.is_some_and(|uuid| notes.handled.contains_key(uuid))
    };
    let handled = acknowledged_updates.iter().filter(dealt_with).count() as u64;
    let faults = notes.faults;
    Row {
        peer: "fake",
        fault,
        codec,
        injected: injected + faults,
        tasks: sent / STATES.len() as u64,
        sent,
        handled,
        garbled: 0,
        acknowledged,
        repeated: notes.delivered - notes.handled.len() as u64,
        reconnects: notes.subscriptions - 1,
        time,
        end: stopped,
    }
}
