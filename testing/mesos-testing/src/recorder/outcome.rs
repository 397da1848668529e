//! The outcomes of a recorder's handlers, and what both recorders have in common.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mesos_core::HandlerResult;
use tokio::sync::oneshot;

use crate::lock::lock;
use crate::log::{DEFAULT_TIMEOUT, Log};

/// A handler, named like its method in [`Scheduler`](mesos_core::Scheduler) or
/// [`Executor`](mesos_core::Executor).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // they are the names of methods
#[non_exhaustive]
pub enum Handler {
    Subscribed,
    Disconnected,
    Offers,
    Rescind,
    InverseOffers,
    RescindInverseOffer,
    Update,
    OperationUpdate,
    Message,
    Failure,
    Error,
    Unknown,
    Launch,
    LaunchGroup,
    Kill,
    Acknowledged,
    Shutdown,
}

/// How a handler ends after it has recorded the event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Returns `Ok`.
    Succeed,
    /// Returns an error with this text.
    Fail(String),
    /// Panics with this text.
    Panic(String),
    /// Waits for this time, then returns `Ok`.
    Slow(Duration),
    /// Takes the acknowledgement and returns `Ok`. Other handlers than those of status updates and
    /// operation updates just return `Ok`.
    Defer,
}

enum Planned {
    Outcome(Outcome),
    Hold(oneshot::Receiver<()>),
}

/// A handler that waits for its gate. Dropping the gate opens it.
#[derive(Debug)]
pub struct Gate(oneshot::Sender<()>);

impl Gate {
    /// Lets the handler return `Ok`.
    pub fn open(self) {
        let _ = self.0.send(());
    }
}

/// The recorded events and the planned outcomes of a recorder.
pub(crate) struct Recording<T> {
    pub(crate) events: Arc<Log<T>>,
    planned: Mutex<BTreeMap<Handler, VecDeque<Planned>>>,
    always: Mutex<BTreeMap<Handler, Outcome>>,
}

impl<T> Recording<T> {
    pub(crate) fn new() -> Self {
        Self::with_timeout(DEFAULT_TIMEOUT)
    }

    pub(crate) fn with_timeout(timeout: Duration) -> Self {
        Self {
            events: Arc::new(Log::new(timeout)),
            planned: Mutex::default(),
            always: Mutex::default(),
        }
    }

    pub(crate) fn plan(&self, handler: Handler, outcome: Outcome) {
        self.queue(handler, Planned::Outcome(outcome));
    }

    pub(crate) fn hold(&self, handler: Handler) -> Gate {
        let (sender, receiver) = oneshot::channel();
        self.queue(handler, Planned::Hold(receiver));
        Gate(sender)
    }

    fn queue(&self, handler: Handler, planned: Planned) {
        let mut queues = lock(&self.planned);
        queues.entry(handler).or_default().push_back(planned);
    }

    pub(crate) fn always(&self, handler: Handler, outcome: Outcome) {
        let mut always = lock(&self.always);
        always.insert(handler, outcome);
    }

    /// Ends a handler as planned.
    ///
    /// # Panics
    /// If the planned outcome is a panic.
    pub(crate) async fn end(&self, handler: Handler, defer: impl FnOnce()) -> HandlerResult {
        let planned = {
            let mut queues = lock(&self.planned);
            queues.get_mut(&handler).and_then(VecDeque::pop_front)
        };
        let outcome = match planned {
            Some(Planned::Outcome(outcome)) => outcome,
            Some(Planned::Hold(gate)) => {
                let _ = gate.await;
                Outcome::Succeed
            }
            None => {
                let always = lock(&self.always);
                always.get(&handler).cloned().unwrap_or(Outcome::Succeed)
            }
        };
        match outcome {
            Outcome::Succeed => Ok(()),
            Outcome::Fail(text) => Err(text.into()),
            Outcome::Panic(text) => panic!("{text}"),
            Outcome::Slow(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Outcome::Defer => {
                defer();
                Ok(())
            }
        }
    }
}

impl<T> fmt::Debug for Recording<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
