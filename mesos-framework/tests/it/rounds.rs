//! How often a runner places what waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mesos::Framework;
use mesos::framework::{Runner, TaskSpec};
use mesos::http::HttpBackend;
use tracing::{Event, Id, Metadata, Subscriber, span};

use crate::cluster::{cluster, until};

/// Counts the rounds.
#[derive(Clone, Default)]
struct Rounds(Arc<AtomicUsize>);

impl Subscriber for Rounds {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mesos_framework::runtime::place"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_job_that_waits_is_not_placed_again_before_something_changes() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let rounds = Rounds::default();
    let _guard = tracing::subscriber::set_default(rounds.clone());
    let framework = Framework::with_failover_timeout("rounds", Duration::from_secs(3600));
    let backend = HttpBackend::new(cluster.master_url().parse().unwrap());
    let runner = Runner::builder(framework).start(backend).await.unwrap();
    let large = TaskSpec::shell("large", "true").cpus(1000.0);
    runner.submit(large).await.unwrap();
    until("a report", || async {
        !runner.reports("large").await.unwrap().is_empty()
    })
    .await;
    let before = rounds.0.load(Ordering::Relaxed);
    assert!(before > 0);
    // sleep: the test counts what happens while nothing happens
    tokio::time::sleep(Duration::from_secs(1)).await;
    let more = rounds.0.load(Ordering::Relaxed) - before;
    assert!(more <= 30, "{more} rounds in a second");
    runner.stop().await.unwrap();
}
