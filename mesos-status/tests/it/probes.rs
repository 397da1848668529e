//! Probes and metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mesos::framework::store::{Change, MemoryState, StateStore};
use mesos::framework::{Runner, TaskSpec};
use mesos::http::HttpBackend;
use mesos::status::StatusPage;
use mesos::{BoxError, Bytes, Framework};
use mesos_testing::{Agent, Behavior, FakeMaster};

use crate::request::{get, runner, subscribed, until};

#[tokio::test]
async fn the_probes_say_why_the_framework_does_not_work() {
    // The address is free, and nobody listens there.
    let closed = FakeMaster::start().await.unwrap();
    let url = closed.url();
    closed.stop().await;
    let runner = runner(&url).await;
    let router = StatusPage::new(&runner).router();
    until("the first failure", || async {
        get(&router, "/readyz").await.text.contains("refused")
    })
    .await;
    let ready = get(&router, "/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(
        ready.text.starts_with("the framework is not subscribed ("),
        "{}",
        ready.text
    );
    let alive = get(&router, "/healthz").await;
    assert_eq!((alive.status.as_u16(), alive.text.as_str()), (200, "ok\n"));

    runner.detach().await.unwrap();
    let alive = get(&router, "/healthz").await;
    assert_eq!(alive.status, 503);
    assert!(alive.text.contains("(ended)"), "{}", alive.text);
    for path in ["/", "/jobs", "/jobs/any", "/api/overview", "/api/jobs"] {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.text.contains("the runner was stopped"), "{path}");
    }
}

#[derive(Debug, Default)]
struct Fragile {
    state: MemoryState,
    broken: Arc<AtomicBool>,
}

#[mesos::async_trait]
impl StateStore for Fragile {
    async fn load(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BoxError> {
        self.state.load(prefix).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, BoxError> {
        self.state.get(key).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError> {
        match self.broken.load(Ordering::Relaxed) {
            true => Err("no space left on device".into()),
            false => self.state.commit(changes).await,
        }
    }
}

#[tokio::test]
async fn a_framework_is_ready_while_it_is_subscribed_and_its_state_can_be_written() {
    let master = FakeMaster::builder()
        .agent(Agent::new("a1").having("cpus:4;mem:4096;disk:4096"))
        .tasks(|_| Behavior::finishes())
        .start()
        .await
        .unwrap();
    let framework = Framework::with_failover_timeout("demo", Duration::from_secs(600));
    let state = Fragile::default();
    let broken = Arc::clone(&state.broken);
    let backend = HttpBackend::new(master.url().parse().unwrap());
    let builder = Runner::builder(framework).state(state);
    let runner = builder.start(backend).await.unwrap();
    subscribed(&runner, &master).await;
    let router = StatusPage::new(&runner)
        .metrics(|| "other_metric 1\n# EOF\n".to_owned())
        .router();
    until("readiness", || async {
        get(&router, "/readyz").await.status == 200
    })
    .await;
    runner.run(TaskSpec::shell("good", "true")).await.unwrap();
    let metrics = get(&router, "/metrics").await;
    let kind = metrics.headers["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    for line in [
        "mesos_framework_subscribed{framework=\"demo\"} 1",
        "mesos_framework_state_writable{framework=\"demo\"} 1",
        "mesos_framework_jobs{framework=\"demo\",state=\"running\"} 0",
        "mesos_framework_jobs_finished_total{framework=\"demo\"} 1",
        "mesos_framework_jobs_failed_total{framework=\"demo\"} 0",
        "other_metric 1",
    ] {
        let found = metrics.text.lines().any(|one| one == line);
        assert!(found, "{line}\n{}", metrics.text);
    }
    assert!(metrics.text.ends_with("other_metric 1\n# EOF\n"));
    assert_eq!(metrics.text.matches("# EOF").count(), 1);

    broken.store(true, Ordering::Relaxed);
    let waiting = tokio::spawn({
        let runner = runner.clone();
        async move { runner.run(TaskSpec::shell("late", "true")).await }
    });
    until("the failure of the state", || async {
        get(&router, "/readyz").await.status == 503
    })
    .await;
    let ready = get(&router, "/readyz").await;
    assert_eq!(
        ready.text,
        "the state cannot be written: no space left on device\n"
    );
    let page = get(&router, "/").await;
    assert!(page.text.contains("no space left on device"));
    broken.store(false, Ordering::Relaxed);
    assert!(waiting.await.unwrap().unwrap().is_success());
    assert_eq!(get(&router, "/readyz").await.status, 200);
    runner.stop().await.unwrap();
}
