//! Requests to a page without a socket.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use mesos::Framework;
use mesos::framework::Runner;
use mesos::http::HttpBackend;
use mesos_testing::FakeMaster;
use tower::ServiceExt;

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

pub(crate) async fn get(router: &Router, path: &str) -> Answer {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8(bytes.into()).unwrap(),
    }
}

/// A runner of the framework `demo`.
pub(crate) async fn runner(url: &str) -> Runner {
    let framework = Framework::with_failover_timeout("demo", Duration::from_secs(600));
    let backend = HttpBackend::new(url.parse().unwrap());
    Runner::builder(framework).start(backend).await.unwrap()
}

/// Waits until the runner is subscribed to the master.
pub(crate) async fn subscribed(runner: &Runner, master: &FakeMaster) {
    until("a subscription", || async {
        runner.framework_id().is_some() && !master.frameworks().is_empty()
    })
    .await;
}

pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let wait = async {
        while !check().await {
            // sleep: the page has no event for what the tests wait for
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(60), wait).await;
    assert!(done.is_ok(), "timed out waiting for {what}");
}
