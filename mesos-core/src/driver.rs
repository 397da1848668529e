//! What drivers of schedulers and of executors have in common.

use std::fmt;
use std::ops::Deref;

use async_trait::async_trait;
use mesos_proto::v1::FrameworkId;
use tokio::sync::oneshot;

use crate::StopReason;
use crate::capability::Capabilities;
use crate::error::Result;

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

/// A started driver, and the scheduler or executor that it runs.
///
/// Dereferences to the driver `D`. Clone the driver to get more handles. Dropping this value
/// does not end the driver, but a program that returns from `main` ends it: wait for its end
/// with `join`, or with [`into_handler`](Self::into_handler).
#[must_use = "the driver ends with the process; wait for it with `join`"]
pub struct Running<D, H> {
    driver: D,
    handler: oneshot::Receiver<H>,
}

impl<D: Driver, H> Running<D, H> {
    pub(crate) fn new(driver: D, handler: oneshot::Receiver<H>) -> Self {
        Self { driver, handler }
    }

    /// The handle alone. The driver keeps running, and the scheduler or executor is dropped at
    /// its end.
    pub fn detach(self) -> D {
        self.driver
    }

    /// Waits until the driver has ended, and gives the scheduler or executor back with the
    /// reason. The second value is `None` if a handler panicked, or if the tokio runtime was
    /// shut down.
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
    pub async fn into_handler(mut self) -> (Result<StopReason>, Option<H>) {
        let end = self.driver.join().await;
        // The runtime sends the handler before it reports the end.
        (end, self.handler.try_recv().ok())
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
