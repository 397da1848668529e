//! The handle through which a scheduler talks to Mesos: how it starts and ends. The calls are
//! in `offers`, `calls` and `reconcile`, inputs in `inputs`.

mod calls;
mod inputs;
mod offers;
mod reconcile;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use mesos_proto::v1::FrameworkId;
use mesos_proto::v1::scheduler::Call;
use tokio::sync::mpsc;

#[cfg(doc)]
use super::Offer;
use super::handle::Handle;
use super::runtime::Runtime;
use super::shared::Shared;
use super::{Framework, Health, Scheduler};
use crate::StopReason;
use crate::backend::{Backend, SchedulerApi};
use crate::capability::Capabilities;
use crate::driver::{Claim, Driver, Running};
use crate::error::Result;
use crate::runtime::{Stop, in_handler, spawn};
pub use calls::KillOptions;

/// A handle on a running scheduler driver: all calls of the scheduler API under their names in
/// Mesos. Cheap to clone; usable from any task, inside and outside of handlers.
///
/// `M` is the type of the program's own messages to its scheduler, see [`send`](Self::send).
/// Schedulers without such messages use `SchedulerDriver`, which means `SchedulerDriver<()>`.
///
/// # Calls
/// A call resolves once Mesos has answered it. The answer means that the call is *queued*
/// there, not that it is *done*: results arrive as events, or not at all. Calls reach Mesos in
/// the order in which they were made. An error states whether Mesos may have acted
/// ([`Error::delivery`](crate::Error::delivery)) and whether a retry can succeed
/// ([`Error::is_retryable`](crate::Error::is_retryable)). Dropping the future of a call that
/// was polled once does not cancel the call.
///
/// Without a subscription a call fails at once with
/// [`ErrorKind::NotSubscribed`](crate::ErrorKind::NotSubscribed). A handle made by
/// [`wait_for_subscription`](Self::wait_for_subscription) waits for a subscription instead.
/// If the subscription is lost while a call is under way, the call fails with
/// [`Delivery::Unknown`](crate::Delivery::Unknown), unless its answer still arrives. The driver
/// never sends a call twice.
///
/// Calls that Mesos would ignore silently are refused before they are sent, with
/// [`ErrorKind::Config`](crate::ErrorKind::Config): roles that the framework is not subscribed
/// to, ids that cannot exist, two tasks with the same id, `refuse_seconds` that is negative or
/// not a number, tasks with gpus in a framework without the capability GPU_RESOURCES.
///
/// # End
/// The driver runs until it is stopped or aborted, or until Mesos ends it. Dropping its handles
/// does not end the driver.
pub struct SchedulerDriver<M = ()> {
    handle: Handle,
    inputs: mpsc::UnboundedSender<M>,
}

impl<M: Send + 'static> SchedulerDriver<M> {
    /// Starts `scheduler` as a task of the current tokio runtime and returns at once. The
    /// result dereferences to a `SchedulerDriver`; clone it to get more handles.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn start<S, B>(scheduler: S, mut framework: Framework, backend: B) -> Running<Self, S>
    where
        S: Scheduler<M> + 'static,
        B: Backend<SchedulerApi> + 'static,
    {
        let (inputs, queue) = mpsc::unbounded_channel();
        let checked = framework.authenticated_as(backend.principal());
        let driver = Self {
            handle: Handle::new(Shared::new(&framework, &backend)),
            inputs,
        };
        let claim = Claim::new();
        let runtime = Runtime::new(scheduler, framework, backend, driver.clone(), queue);
        spawn(
            "SchedulerDriver::start",
            runtime.run(checked, claim.clone()),
        );
        Running::new(driver, claim)
    }

    /// [`start`](Self::start), then [`join`](Self::join).
    ///
    /// # Errors
    /// Those of [`join`](Self::join).
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn run<S, B>(scheduler: S, framework: Framework, backend: B) -> Result<StopReason>
    where
        S: Scheduler<M> + 'static,
        B: Backend<SchedulerApi> + 'static,
    {
        Self::start(scheduler, framework, backend).join().await
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    fn shared(&self) -> &Shared {
        self.handle.shared()
    }

    /// Tears the framework down and ends the driver: Mesos kills all tasks of the framework
    /// and removes the framework, and the [store](Framework::store) is cleared.
    ///
    /// Returns at once; wait with [`join`](Self::join). The running handler returns first. Its
    /// acknowledgement and all calls that were made before are sent before the TEARDOWN; the driver
    /// waits up to 10 s for their answers. If the TEARDOWN is not answered within
    /// 10 s, the driver subscribes again for up to 10 s, to find out whether the TEARDOWN took
    /// effect and otherwise to repeat it.
    /// [`stop_for_failover`](Self::stop_for_failover) keeps the tasks.
    pub fn stop(&self) {
        let stop = Stop::Stop { failover: false };
        self.shared().link.request_stop(stop);
    }

    /// Ends the driver and leaves the framework registered: its tasks keep running for its
    /// failover timeout, so that another scheduler with the same framework id takes over.
    ///
    /// Returns at once; wait with [`join`](Self::join). The running handler returns first. The
    /// driver then waits up to 10 s for the answers to its acknowledgements and to all calls that
    /// were made before, also to those that wait for space in the queue and those whose future was
    /// dropped. A call without an answer by then fails with
    /// [`Delivery::Unknown`](crate::Delivery::Unknown).
    #[doc(alias = "failover")]
    pub fn stop_for_failover(&self) {
        let stop = Stop::Stop { failover: true };
        self.shared().link.request_stop(stop);
    }

    /// Ends the driver at once: a running handler is dropped at its next await, and nothing
    /// more is sent. Returns at once. To Mesos this looks like a crash of the process.
    pub fn abort(&self) {
        self.shared().link.request_stop(Stop::Abort);
    }

    /// Ends the present subscription and subscribes again: for a program that knows that the
    /// connection is useless, or that the master should be looked up again. Returns at once.
    ///
    /// The running handler returns first. The scheduler then receives `disconnected` with
    /// [`ErrorKind::NotSubscribed`](crate::ErrorKind::NotSubscribed), and after the first wait of
    /// [`Framework::backoff`] the driver subscribes. All offers end. Calls that were not answered
    /// yet fail or have an unknown result, and Mesos repeats updates whose acknowledgement was
    /// among these calls. While the driver waits before its next attempt, the wait is shortened
    /// as by a leader change. During an attempt, and after the end of the driver, this does
    /// nothing.
    pub fn reconnect(&self) {
        self.shared().reconnect.notify_waiters();
    }

    /// Waits until the driver has ended and returns the reason. Any number of callers may
    /// wait. Cancel safe.
    ///
    /// # Errors
    /// The failure that ended the driver. Among others
    /// [`ErrorKind::FrameworkRemoved`](crate::ErrorKind::FrameworkRemoved),
    /// [`FailoverTimeout`](crate::ErrorKind::FailoverTimeout),
    /// [`TakenOver`](crate::ErrorKind::TakenOver),
    /// [`Unauthorized`](crate::ErrorKind::Unauthorized),
    /// [`Rejected`](crate::ErrorKind::Rejected),
    /// [`Config`](crate::ErrorKind::Config) if the principal of the framework is not that of the
    /// credentials, [`Unsupported`](crate::ErrorKind::Unsupported) if the master is older than
    /// [`Framework::require_mesos`] allows, [`Store`](crate::ErrorKind::Store),
    /// [`Panicked`](crate::ErrorKind::Panicked), and
    /// [`Protocol`](crate::ErrorKind::Protocol) or [`Tls`](crate::ErrorKind::Tls) if the driver was
    /// never subscribed and the address is not a Mesos master, or its certificate or cipher suites
    /// are not acceptable. If the
    /// first subscription did not succeed in time
    /// ([`Framework::subscribe_timeout`]), the error of the last attempt.
    ///
    /// In a handler of the same driver, [`ErrorKind::Config`](crate::ErrorKind::Config) at
    /// once: the driver cannot end before the handler has returned.
    pub async fn join(&self) -> Result<StopReason> {
        self.shared().link.join().await
    }

    /// The features of the backend.
    pub fn capabilities(&self) -> Capabilities {
        self.shared().capabilities
    }

    /// The framework's id, once Mesos has assigned it.
    pub fn framework_id(&self) -> Option<FrameworkId> {
        self.handle.framework_id()
    }

    /// Whether the driver is subscribed now.
    pub fn is_subscribed(&self) -> bool {
        self.shared().link.is_connected()
    }

    /// The present and recent state of the driver, for a status page. Cheap.
    ///
    /// This example serves the state from a separate thread, so that the page also answers
    /// while the program's tasks do not run:
    ///
    /// ```no_run
    /// use std::fmt::Write as _;
    /// use std::io::Write as _;
    /// use std::net::TcpListener;
    ///
    /// use mesos::SchedulerDriver;
    ///
    /// fn serve(driver: SchedulerDriver) -> std::io::Result<()> {
    ///     let listener = TcpListener::bind("127.0.0.1:8080")?;
    ///     std::thread::spawn(move || {
    ///         for mut stream in listener.incoming().flatten() {
    ///             let page = page(&driver);
    ///             let length = page.len();
    ///             let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n");
    ///             let _ = stream.write_all((head + &page).as_bytes());
    ///         }
    ///     });
    ///     Ok(())
    /// }
    ///
    /// fn page(driver: &SchedulerDriver) -> String {
    ///     let health = driver.health();
    ///     let mut page = format!(
    ///         "{}; last event {:?} ago, {} queued, handler running for {:?}; {:?}\n",
    ///         health.state, health.last_event, health.queued, health.handling, health.updates,
    ///     );
    ///     for change in health.transitions.iter().rev() {
    ///         let reason = change.reason.as_ref().map(|error| format!("{error:#}"));
    ///         let reason = reason.unwrap_or_default();
    ///         let _ = writeln!(page, "{:?} ago: {} {reason}", change.ago, change.state);
    ///     }
    ///     page
    /// }
    /// ```
    pub fn health(&self) -> Health {
        let mut health = self.shared().monitor.snapshot();
        health.offers_held = self.shared().ledger.outstanding();
        health.acknowledgements_failing = self.shared().ack_watch.failures();
        health
    }

    /// A handle on the same driver whose calls wait for a subscription while there is no
    /// subscription. A call that has waited for `timeout` in total without a subscription fails
    /// with [`ErrorKind::NotSubscribed`](crate::ErrorKind::NotSubscribed) and
    /// [`Delivery::NotSent`](crate::Delivery::NotSent). The time that a call waits for space in
    /// the queue of a subscription, or for its answer, does not count.
    ///
    /// Waiting calls are queued in their order. A queued call that the lost subscription did not
    /// send waits again, behind the calls that wait then.
    ///
    /// Two kinds of calls never wait. Calls that name offers do not, because offers do not
    /// outlive their subscription. Calls made in a handler do not, because the driver
    /// subscribes again only after the handler has returned.
    #[must_use]
    pub fn wait_for_subscription(&self, timeout: Duration) -> Self {
        Self {
            handle: self.handle.waiting(timeout),
            inputs: self.inputs.clone(),
        }
    }

    /// Waits until the driver is subscribed. Returns at once if it is. Cancel safe.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the driver ends first. In a handler,
    /// which a new subscription would have to wait for,
    /// [`ErrorKind::NotSubscribed`](crate::ErrorKind::NotSubscribed) at once.
    pub async fn when_subscribed(&self) -> Result<()> {
        let link = &self.shared().link;
        if in_handler(link) {
            return link.calls().map(drop);
        }
        link.connected().await.map(drop)
    }

    /// Makes any call. The framework's id is filled in.
    ///
    /// An ACCEPT or DECLINE uses the offers that it names, as [`accept`](Self::accept) and
    /// [`decline`](Self::decline) do. If the call was refused or not sent, an [`Offer`] that the
    /// program still has can be used again. If the result is unknown, the driver declines the
    /// offer.
    ///
    /// # Errors
    /// See the documentation of the type. [`ErrorKind::OfferGone`](crate::ErrorKind::OfferGone) if
    /// the call names an offer that is void.
    pub async fn call(&self, call: Call) -> Result<()> {
        self.handle.call(call).await
    }
}

#[async_trait]
impl<M: Send + 'static> Driver for SchedulerDriver<M> {
    fn stop(&self) {
        self.stop();
    }

    fn abort(&self) {
        self.abort();
    }

    async fn join(&self) -> Result<StopReason> {
        self.join().await
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities()
    }

    fn framework_id(&self) -> Option<FrameworkId> {
        self.framework_id()
    }

    fn is_subscribed(&self) -> bool {
        self.is_subscribed()
    }

    async fn when_subscribed(&self) -> Result<()> {
        self.when_subscribed().await
    }
}

impl<M> Clone for SchedulerDriver<M> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            inputs: self.inputs.clone(),
        }
    }
}

impl<M> fmt::Debug for SchedulerDriver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.handle.shared();
        f.debug_struct("SchedulerDriver")
            .field("backend", &shared.backend)
            .field("framework_id", &self.handle.framework_id())
            .field("link", &shared.link)
            .finish()
    }
}
