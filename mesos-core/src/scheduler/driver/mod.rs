//! The handle through which a scheduler talks to Mesos: its beginning, its end,
//! and how a call is made. The calls themselves are in `offers` and `calls`.

mod calls;
mod offers;
mod reconcile;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::{AgentId, FrameworkId};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::Instrument as _;

use super::runtime::Runtime;
use super::shared::Shared;
use super::wishes::Wishes;
use super::{Framework, Health, Scheduler, validate};
use crate::End;
use crate::backend::{Backend, Calls, SchedulerApi};
use crate::capability::Capabilities;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::runtime::{Stop, in_handler};
use reconcile::Accepting;

/// How long a call may still be answered after its subscription was lost.
/// Longer than backends take to say themselves what became of it.
const GRACE: Duration = Duration::from_secs(5);

/// A handle on a running scheduler driver: all calls of the scheduler API
/// under Mesos' own names. Cheap to clone; usable from any task, inside and
/// outside of handlers.
///
/// # Calls
/// A call resolves when Mesos has answered it. That means *queued* there, not
/// *done*: what came of it arrives as events, or not at all. Calls reach Mesos
/// in the order in which they were made. An error says whether Mesos may have
/// acted ([`Error::delivery`]) and whether trying again makes sense
/// ([`Error::is_retryable`]). Dropping a call's future once it was polled does
/// not take the call back.
///
/// Without a subscription a call fails at once with
/// [`ErrorKind::NotSubscribed`]; the calls of a handle from
/// [`waiting_up_to`](Self::waiting_up_to) wait for one instead. A call that is
/// under way when the subscription is lost fails with [`Delivery::Unknown`]
/// unless its answer is still to be had; nothing is sent twice.
///
/// What Mesos would ignore without a word is refused before it is sent, with
/// [`ErrorKind::Config`]: roles that the framework is not subscribed to,
/// ids that cannot exist, two tasks with one id, a `refuse_seconds` that is
/// negative or no number.
///
/// # End
/// The driver runs until it is stopped or aborted, or until Mesos ends it; not
/// until its handles are dropped.
#[derive(Clone)]
pub struct SchedulerDriver {
    shared: Arc<Shared>,
    /// How long a call waits for a subscription.
    patience: Option<Duration>,
}

/// Where a call goes.
type Route = Arc<dyn Calls<SchedulerApi>>;

impl SchedulerDriver {
    /// Starts `scheduler` as a task of the current tokio runtime and returns
    /// at once.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start<S, B>(scheduler: S, framework: Framework, backend: B) -> Self
    where
        S: Scheduler + 'static,
        B: Backend<SchedulerApi> + 'static,
    {
        let driver = Self {
            shared: Arc::new(Shared::new(&framework, &backend)),
            patience: None,
        };
        let runtime = Runtime::new(scheduler, framework, backend, driver.clone());
        tokio::spawn(runtime.run());
        driver
    }

    /// [`start`](Self::start), then [`join`](Self::join).
    pub async fn run<S, B>(scheduler: S, framework: Framework, backend: B) -> Result<End>
    where
        S: Scheduler + 'static,
        B: Backend<SchedulerApi> + 'static,
    {
        Self::start(scheduler, framework, backend).join().await
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Ends the driver in order, after the running handler has returned and
    /// its acknowledgement is on its way. Returns at once; wait with
    /// [`join`](Self::join).
    ///
    /// `failover` false tears the framework down: Mesos kills its tasks and
    /// forgets it, and its [store](Framework::store) is cleared. True only
    /// leaves, once the acknowledgements under way are answered (within 10 s),
    /// and the framework stays registered for its failover timeout.
    pub fn stop(&self, failover: bool) {
        self.shared.link.request_stop(Stop::Stop { failover });
    }

    /// Ends the driver at once: a running handler is dropped at its next
    /// await, and nothing more is sent. Returns at once.
    pub fn abort(&self) {
        self.shared.link.request_stop(Stop::Abort);
    }

    /// Waits for the driver's end and says what ended it. Any number of
    /// callers may wait. Cancel safe.
    ///
    /// # Errors
    /// What ended the driver, if it was not asked to end; among others
    /// [`ErrorKind::FrameworkRemoved`], [`ErrorKind::FailoverTimeout`],
    /// [`ErrorKind::TakenOver`], [`ErrorKind::Unauthorized`],
    /// [`ErrorKind::Rejected`], [`ErrorKind::Store`], [`ErrorKind::Panicked`],
    /// and [`ErrorKind::Protocol`] if what is at the address is no Mesos.
    pub async fn join(&self) -> Result<End> {
        self.shared.link.join().await
    }

    /// What the backend can do.
    pub fn capabilities(&self) -> Capabilities {
        self.shared.capabilities
    }

    /// The framework's id, once Mesos assigned it.
    pub fn framework_id(&self) -> Option<FrameworkId> {
        self.shared.framework_id()
    }

    /// How the driver is doing, now and before. Cheap.
    ///
    /// A status page, in a thread of its own, so that it answers also when the
    /// program's tasks do not:
    ///
    /// ```no_run
    /// use std::fmt::Write as _;
    /// use std::io::Write as _;
    /// use std::net::TcpListener;
    ///
    /// use mesos_core::{SchedulerDriver, chain};
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
    ///         "{}; last event {:?} ago, {} waiting, one in work for {:?}; {:?}\n",
    ///         health.state, health.last_event, health.queued, health.handling, health.updates,
    ///     );
    ///     for change in health.transitions.iter().rev() {
    ///         let why = change.reason.as_ref().map(|error| chain(error)).unwrap_or_default();
    ///         let _ = writeln!(page, "{:?} ago: {} {why}", change.ago, change.state);
    ///     }
    ///     page
    /// }
    /// ```
    pub fn health(&self) -> Health {
        self.shared.monitor.snapshot()
    }

    /// A handle on the same driver whose calls wait for a subscription, up to
    /// `wait` each, where there is none. They keep their order. A wait that
    /// was in vain is an [`ErrorKind::NotSubscribed`] with
    /// [`Delivery::NotSent`].
    ///
    /// Two kinds of calls never wait. Those that name offers, because offers
    /// do not outlive their subscription. And those made in a handler, because
    /// the driver subscribes again only after the handler has returned.
    #[must_use]
    pub fn waiting_up_to(&self, wait: Duration) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            patience: Some(wait),
        }
    }

    /// Waits for a subscription. Returns at once if there is one. Cancel safe.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] if the driver ends first; in a handler, where the
    /// wait would be in vain, [`ErrorKind::NotSubscribed`] at once.
    pub async fn when_subscribed(&self) -> Result<()> {
        let link = &self.shared.link;
        if in_handler(link) {
            return link.calls().map(drop);
        }
        link.connected().await.map(drop)
    }

    /// Makes any call. The framework's id is filled in.
    ///
    /// # Errors
    /// See the type's documentation.
    pub async fn call(&self, call: Call) -> Result<()> {
        validate::call(&call, || self.shared.wishes().roles())?;
        match self.patience {
            Some(wait) if !names_offers(&call) && !in_handler(&self.shared.link) => {
                self.call_patiently(call, wait).await
            }
            _ => self.make(&self.route()?, call, None).await,
        }
    }

    /// Where a call would go now.
    fn route(&self) -> Result<Route> {
        self.shared.link.calls()
    }

    async fn call_patiently(&self, call: Call, wait: Duration) -> Result<()> {
        let link = &self.shared.link;
        let until = Instant::now() + wait;
        let in_vain = |_| {
            let text = format!("no subscription within {wait:?}");
            Error::new(ErrorKind::NotSubscribed, text).with_delivery(Delivery::NotSent)
        };
        // Fair, so that waiting calls are made in their order.
        let turn = timeout_at(until, self.shared.turn.lock()).await;
        let _turn = turn.map_err(in_vain)?;
        loop {
            timeout_at(until, link.connected())
                .await
                .map_err(in_vain)??;
            let Ok(route) = self.route() else { continue };
            match self.make(&route, call.clone(), None).await {
                // The connection broke, and the driver has not noticed yet.
                Err(error)
                    if error.kind() == ErrorKind::NotSubscribed
                        && error.delivery() == Delivery::NotSent =>
                {
                    timeout_at(until, link.left(&route))
                        .await
                        .map_err(in_vain)?;
                }
                result => return result,
            }
        }
    }

    /// Makes a call that was found valid. `agent` is that of its offers, where
    /// that is known.
    async fn make(&self, route: &Route, mut call: Call, agent: Option<AgentId>) -> Result<()> {
        if call.framework_id.is_none() {
            call.framework_id = self.framework_id();
        }
        let wish = Wishes::concerns(&call).then(|| call.clone());
        let accepting = Accepting::start(&self.shared, &call, agent.as_ref());
        let Some(accepting) = accepting else {
            return self.send(route, call, wish).await;
        };
        let span = accepting.span(&call);
        let result = self.send(route, call, wish).instrument(span).await;
        accepting.finish(&result);
        result
    }

    async fn send(&self, calls: &Route, call: Call, wish: Option<Call>) -> Result<()> {
        let answer = self.shared.put(calls.as_ref(), call).await?;
        let Some(undo) = wish.and_then(|call| self.shared.wishes().note(&call)) else {
            return self.answered(calls, answer).await;
        };
        // In a task of its own: what was refused must not be wished for again
        // with the next SUBSCRIBE, also where nobody waits for the answer.
        let (driver, calls) = (self.clone(), Arc::clone(calls));
        let settled = tokio::spawn(async move {
            let result = driver.answered(&calls, answer).await;
            if let Err(error) = &result
                && error.delivery() != Delivery::Unknown
            {
                driver.shared.wishes().undo(undo);
            }
            result
        });
        settled.await.unwrap_or_else(|end| {
            let text = "the runtime that the call was made in is gone";
            Err(Error::new(ErrorKind::Closed, text)
                .with_delivery(Delivery::Unknown)
                .with_source(end))
        })
    }

    /// The answer to a call on `calls`, or that none is to be had.
    async fn answered(
        &self,
        calls: &Route,
        answer: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let lost = async {
            self.shared.link.left(calls).await;
            sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            result = answer => result,
            () = lost => {
                let text = "the subscription was lost before the call was answered";
                Err(Error::new(ErrorKind::NotSubscribed, text).with_delivery(Delivery::Unknown))
            }
        }
    }
}

/// Whether `call` is about offers, which do not outlive their subscription.
fn names_offers(call: &Call) -> bool {
    call.accept.is_some()
        || call.decline.is_some()
        || call.accept_inverse_offers.is_some()
        || call.decline_inverse_offers.is_some()
}

impl fmt::Debug for SchedulerDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerDriver")
            .field("backend", &self.shared.backend)
            .field("framework_id", &self.framework_id())
            .field("link", &self.shared.link)
            .finish()
    }
}
