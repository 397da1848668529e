//! What drivers of schedulers and of executors have in common.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mesos_proto::v1::FrameworkId;
use tokio::sync::oneshot;

use crate::StopReason;
use crate::capability::Capabilities;
use crate::error::{ErrorKind, Result};
use crate::lock;

/// What [`SchedulerDriver`](crate::SchedulerDriver) and
/// [`ExecutorDriver`](crate::ExecutorDriver) have in common, for code that works with either:
/// signal handlers, supervisors, health checks.
///
/// Both drivers have these methods themselves, so a program that uses one driver does not need
/// to import the trait. The trait is object safe.
///
/// ```
/// use mesos::Driver;
///
/// /// Stops the driver at Ctrl-C, and aborts it at the second one.
/// async fn stop_on_ctrl_c(driver: &dyn Driver) -> std::io::Result<()> {
///     tokio::signal::ctrl_c().await?;
///     driver.stop();
///     tokio::signal::ctrl_c().await?;
///     driver.abort();
///     Ok(())
/// }
/// ```
#[async_trait]
pub trait Driver: fmt::Debug + Send + Sync {
    /// Ends the driver in order. Returns at once; wait with [`join`](Self::join).
    ///
    /// A scheduler's framework is torn down: Mesos kills its tasks. An executor's driver first
    /// waits until the agent has stored every update.
    fn stop(&self);

    /// Ends the driver at once, and sends nothing more. Returns at once.
    fn abort(&self);

    /// Waits until the driver has ended and returns the reason. Any number of callers may
    /// wait. Cancel safe.
    ///
    /// # Errors
    /// The failure that ended the driver; in a handler of the same driver
    /// [`ErrorKind::Config`](crate::ErrorKind::Config).
    async fn join(&self) -> Result<StopReason>;

    /// The features of the backend.
    fn capabilities(&self) -> Capabilities;

    /// The framework's id, once it is known.
    fn framework_id(&self) -> Option<FrameworkId>;

    /// Whether the driver is subscribed now.
    fn is_subscribed(&self) -> bool;

    /// Waits until the driver is subscribed. Cancel safe.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the driver ends first; in a handler
    /// of the same driver [`ErrorKind::NotSubscribed`](crate::ErrorKind::NotSubscribed) while
    /// there is no subscription.
    async fn when_subscribed(&self) -> Result<()>;
}

/// A started driver, and a claim to the scheduler or executor that it runs.
///
/// Dereferences to the driver `D`. Clone the driver to get more handles. Dropping this value
/// does not end the driver, but a program that returns from `main` ends it: wait for its end
/// with `join`, or with [`into_handler`](Self::into_handler).
#[must_use = "the driver ends with the process; wait for it with `join`"]
pub struct Running<D, H> {
    driver: D,
    claim: Claim<H>,
}

/// Where the event loop finds whether the program wants its scheduler or executor back.
pub(crate) struct Claim<H>(Arc<Mutex<Option<oneshot::Sender<H>>>>);

impl<H> Claim<H> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// The driver has ended: gives `handler` to the program if the program claimed it and no
    /// handler panicked, and drops it otherwise.
    pub(crate) fn settle(self, end: &Result<StopReason>, handler: H) {
        if matches!(end, Err(error) if error.kind() == ErrorKind::Panicked) {
            return;
        }
        let claimed = lock(&self.0).take();
        if let Some(program) = claimed {
            // The program may have dropped its future.
            let _ = program.send(handler);
        }
    }
}

impl<H> Clone for Claim<H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: Driver, H> Running<D, H> {
    pub(crate) fn new(driver: D, claim: Claim<H>) -> Self {
        Self { driver, claim }
    }

    /// The handle alone. The driver keeps running.
    pub fn detach(self) -> D {
        self.driver
    }

    /// Waits until the driver has ended, and gives the scheduler or executor back with the
    /// reason. The second value is `None` if the driver had already ended before this call, if a
    /// handler panicked, or if the tokio runtime was shut down.
    ///
    /// Without this call the scheduler or executor is dropped at the end of the driver, which
    /// closes the channels that it holds. So call this method before the driver ends; the
    /// returned future need not be polled for that.
    ///
    /// ```no_run
    /// # use mesos::{Framework, Scheduler, SchedulerDriver, http::HttpBackend};
    /// # struct Batch { failed: usize }
    /// # impl Scheduler for Batch {}
    /// # async fn example(backend: HttpBackend) -> Result<(), mesos::Error> {
    /// let framework = Framework::ephemeral("batch");
    /// let running = SchedulerDriver::start(Batch { failed: 0 }, framework, backend);
    /// let (end, batch) = running.into_handler().await;
    /// println!("{:?}, {:?} failed", end?, batch.map(|batch| batch.failed));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "futures do nothing unless they are awaited"]
    pub fn into_handler(self) -> impl Future<Output = (Result<StopReason>, Option<H>)> {
        let (sender, mut handler) = oneshot::channel();
        *lock(&self.claim.0) = Some(sender);
        async move {
            let end = self.driver.join().await;
            // The event loop settles the claim before it reports the end.
            (end, handler.try_recv().ok())
        }
    }
}

impl<D, H> Deref for Running<D, H> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.driver
    }
}

impl<D: fmt::Debug, H> fmt::Debug for Running<D, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.driver).finish()
    }
}
