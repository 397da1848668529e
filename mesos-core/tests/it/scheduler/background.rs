//! A background task of the driver that panics ends the driver with an error, also if the panic
//! comes from the backend.

use mesos_core::backend::{Answer, Backend, Calls, Subscription};

use super::*;
use crate::script::Scripted;

/// A backend with a bug: sending a call of this type panics.
#[derive(Debug)]
struct Buggy(Scripted<SchedulerApi>, CallType);

struct BuggyCalls(Arc<dyn Calls<SchedulerApi>>, CallType);

#[async_trait]
impl Backend<SchedulerApi> for Buggy {
    fn name(&self) -> &'static str {
        "buggy"
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn subscribe(&self, call: Call) -> Result<Subscription<SchedulerApi>, Error> {
        let mut subscription = self.0.subscribe(call).await?;
        subscription.calls = Arc::new(BuggyCalls(subscription.calls, self.1));
        Ok(subscription)
    }
}

#[async_trait]
impl Calls<SchedulerApi> for BuggyCalls {
    async fn send(&self, call: Call) -> Result<Answer, Error> {
        assert_ne!(call.r#type(), self.1, "a bug of the backend");
        self.0.send(call).await
    }
}

/// The end of a driver whose backend panics at this call.
async fn end_with(panics_at: CallType, event: Option<Event>) -> Error {
    let (backend, mut peer) = scripted();
    let framework = Framework::ephemeral("test").reconcile(Default::default());
    let backend = Buggy(backend, panics_at);
    let driver = SchedulerDriver::start(Recording::new(), framework, backend);
    let session = peer.session().await;
    session.send(subscribed("f1")).await;
    if let Some(event) = event {
        session.send(event).await;
    }
    end_of(&driver).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_reconciling_ends_the_driver() {
    let error = end_with(CallType::Reconcile, None).await;
    assert_eq!(error.kind(), ErrorKind::Panicked);
    assert!(
        error.to_string().contains("a bug of the backend"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_declining_ends_the_driver() {
    let error = end_with(CallType::Decline, Some(offers(&[("o1", "a")]))).await;
    assert_eq!(error.kind(), ErrorKind::Panicked);
    assert!(
        error.to_string().contains("a bug of the backend"),
        "{error}"
    );
}
