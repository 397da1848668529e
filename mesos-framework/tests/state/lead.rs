//! A runner whose process loses the lead.

use std::sync::Arc;
use std::time::Duration;

use mesos::framework::store::{Change, MemoryState, StateStore};
use mesos::framework::{Runner, TaskSpec};
use mesos::http::HttpBackend;
use mesos::{BoxError, Bytes, ErrorKind, Framework};
use tokio::sync::watch;

#[derive(Clone, Debug, Default)]
struct Elected {
    state: MemoryState,
    lost: Arc<watch::Sender<bool>>,
}

#[mesos::async_trait]
impl StateStore for Elected {
    async fn load(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BoxError> {
        self.state.load(prefix).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, BoxError> {
        self.state.get(key).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), BoxError> {
        let lost = *self.lost.borrow();
        match lost {
            true => Err("another process leads".into()),
            false => self.state.commit(changes).await,
        }
    }

    async fn lost_lead(&self) -> BoxError {
        let mut lost = self.lost.subscribe();
        lost.wait_for(|lost| *lost).await.unwrap();
        "another process leads".into()
    }

    async fn confirm_lead(&self) -> Result<bool, BoxError> {
        Ok(!*self.lost.borrow())
    }
}

#[tokio::test]
async fn a_runner_that_loses_the_lead_ends_with_an_error_that_says_so() {
    let state = Elected::default();
    let framework = Framework::with_failover_timeout("lead", Duration::from_secs(3600));
    let framework = framework.subscribe_timeout(Duration::MAX);
    // Nothing listens at this port.
    let backend = HttpBackend::new("http://127.0.0.1:1".parse().unwrap());
    let builder = Runner::builder(framework).state(state.clone());
    let runner = builder.start(backend).await.unwrap();
    let job = runner.submit(TaskSpec::shell("job", "true")).await.unwrap();
    state.lost.send_replace(true);
    for error in [
        runner.join().await.unwrap_err(),
        job.outcome().await.unwrap_err(),
        runner
            .submit(TaskSpec::shell("b", "true"))
            .await
            .unwrap_err(),
        runner.stop().await.unwrap_err(),
        runner.detach().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::TakenOver);
        assert_eq!(
            error.to_string(),
            "this process does not lead any more: another process leads; start it again, so that \
             it waits and takes over when the leader ends"
        );
    }
    assert_eq!(state.count("live/job/").await.unwrap(), 1);
}
