//! Misbehaving on purpose: what a fake does instead of what it should.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mesos_core::backend::{ExecutorApi, SchedulerApi};
use mesos_proto::v1::{executor, scheduler};
use tokio::sync::oneshot;

use super::api::Wire;
use super::received::Received;

/// What to do with a request instead of obeying and answering it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reaction {
    /// Answers with this, and does nothing else.
    Respond {
        /// The HTTP status.
        status: u16,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// The text of the answer.
        body: String,
    },
    /// Sends these bytes where a response should be, and closes the connection.
    Garble(Bytes),
    /// Closes the connection without an answer; the call has no effect.
    Close,
    /// Closes the connection without an answer; the call has its effect.
    ExecuteAndClose,
    /// Never answers; the call has no effect.
    Ignore,
    /// Never answers; the call has its effect.
    ExecuteAndIgnore,
    /// For SUBSCRIBE: grants it and opens a stream that is
    /// [muted](crate::wire::Stream::mute).
    OpenMuted,
}

impl Reaction {
    /// An answer without further headers.
    pub fn respond(status: u16, body: impl Into<String>) -> Self {
        Self::Respond {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// A redirect to this location: scheme-relative for a master,
    /// `//host:port/path`.
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::Respond {
            status: 307,
            headers: vec![("Location".to_owned(), location.into())],
            body: String::new(),
        }
    }
}

type Wanted<A> = dyn Fn(&Received<A>) -> bool + Send;

/// Which requests are meant.
pub struct When<A: Wire>(Box<Wanted<A>>);

impl<A: Wire> When<A> {
    /// All of them.
    pub fn any() -> Self {
        Self(Box::new(|_| true))
    }

    /// Calls that `wanted` likes.
    pub fn call(wanted: impl Fn(&A::Call) -> bool + Send + 'static) -> Self {
        Self(Box::new(move |received| {
            received.call.as_ref().is_some_and(&wanted)
        }))
    }

    /// Requests that `wanted` likes, calls or not. They have no answer yet.
    pub fn request(wanted: impl Fn(&Received<A>) -> bool + Send + 'static) -> Self {
        Self(Box::new(wanted))
    }

    /// Calls that are no SUBSCRIBE.
    pub fn not_subscribe() -> Self {
        Self::call(|call| A::call_type(call) != A::SUBSCRIBE)
    }
}

/// Calls of this type.
impl From<scheduler::call::Type> for When<SchedulerApi> {
    fn from(call_type: scheduler::call::Type) -> Self {
        Self::call(move |call| call.r#type() == call_type)
    }
}

/// Calls of this type.
impl From<executor::call::Type> for When<ExecutorApi> {
    fn from(call_type: executor::call::Type) -> Self {
        Self::call(move |call| call.r#type() == call_type)
    }
}

impl<A: Wire> fmt::Debug for When<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("When")
    }
}

/// A request that is not looked at yet. [`release`](Self::release) it, or let
/// it be dropped, which is the same.
#[derive(Debug)]
pub struct Held(oneshot::Sender<Option<Reaction>>);

impl Held {
    /// It is obeyed and answered now.
    pub fn release(self) {
        let _ = self.0.send(None);
    }

    /// This is done with it now.
    pub fn react(self, reaction: Reaction) {
        let _ = self.0.send(Some(reaction));
    }
}

/// What is to be done with a request.
pub(crate) enum Plan {
    React(Reaction),
    Hold(oneshot::Receiver<Option<Reaction>>),
}

enum Planned<A: Wire> {
    Once(When<A>, Plan),
    Always(When<A>, Reaction),
}

/// The plans of a fake, the oldest first.
pub(crate) struct Plans<A: Wire>(Mutex<Vec<Planned<A>>>);

impl<A: Wire> Default for Plans<A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<A: Wire> Plans<A> {
    fn lock(&self) -> MutexGuard<'_, Vec<Planned<A>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn once(&self, when: When<A>, reaction: Reaction) {
        self.lock().push(Planned::Once(when, Plan::React(reaction)));
    }

    pub(crate) fn always(&self, when: When<A>, reaction: Reaction) {
        self.lock().push(Planned::Always(when, reaction));
    }

    pub(crate) fn hold(&self, when: When<A>) -> Held {
        let (sender, receiver) = oneshot::channel();
        self.lock().push(Planned::Once(when, Plan::Hold(receiver)));
        Held(sender)
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The plan for a request; one that was meant for one request is used up.
    pub(crate) fn take(&self, received: &Received<A>) -> Option<Plan> {
        let mut plans = self.lock();
        let place = plans.iter().position(|planned| {
            let (Planned::Once(when, _) | Planned::Always(when, _)) = planned;
            when.0(received)
        })?;
        if let Planned::Always(_, reaction) = &plans[place] {
            return Some(Plan::React(reaction.clone()));
        }
        match plans.remove(place) {
            Planned::Once(_, plan) => Some(plan),
            Planned::Always(_, reaction) => Some(Plan::React(reaction)),
        }
    }
}
