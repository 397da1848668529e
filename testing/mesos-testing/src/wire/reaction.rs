//! Planned misbehavior: reactions of a fake in place of its normal behavior.

use std::fmt;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use mesos_core::backend::{ExecutorApi, SchedulerApi};
use mesos_proto::v1::{executor, scheduler};
use tokio::sync::oneshot;

use super::api::Wire;
use super::received::Received;

use crate::lock::lock;

/// A reaction to a request in place of executing and answering it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reaction {
    /// Sends this response and does nothing else.
    Respond {
        /// The HTTP status.
        status: u16,
        /// Additional headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// Sends these bytes in place of a response, and closes the connection.
    Garble(Bytes),
    /// Closes the connection without a response; the call has no effect.
    Close,
    /// Executes the call, then closes the connection without a response.
    ExecuteAndClose,
    /// Never responds; the call has no effect.
    Ignore,
    /// Executes the call, but never responds.
    ExecuteAndIgnore,
    /// For SUBSCRIBE: accepts the subscription and opens a [muted](crate::wire::Stream::mute)
    /// stream.
    OpenMuted,
}

impl Reaction {
    /// A response without additional headers.
    pub fn respond(status: u16, body: impl Into<String>) -> Self {
        Self::Respond {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// A redirect to this location; scheme-relative for a master: `//host:port/path`.
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::Respond {
            status: 307,
            headers: vec![("Location".to_owned(), location.into())],
            body: String::new(),
        }
    }
}

type Wanted<A> = dyn Fn(&Received<A>) -> bool + Send;

/// A condition on requests.
pub struct When<A: Wire>(Box<Wanted<A>>);

impl<A: Wire> When<A> {
    /// All requests.
    pub fn any() -> Self {
        Self(Box::new(|_| true))
    }

    /// Calls for which `wanted` returns true.
    pub fn call(wanted: impl Fn(&A::Call) -> bool + Send + 'static) -> Self {
        Self(Box::new(move |received| {
            received.call.as_ref().is_some_and(&wanted)
        }))
    }

    /// Requests, also other requests than calls, for which `wanted` returns true. They have no
    /// response yet.
    pub fn request(wanted: impl Fn(&Received<A>) -> bool + Send + 'static) -> Self {
        Self(Box::new(wanted))
    }

    /// All calls except SUBSCRIBE.
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

/// A held request. [`release`](Self::release) lets the fake handle it; dropping does the same.
#[derive(Debug)]
pub struct Held(oneshot::Sender<Option<Reaction>>);

impl Held {
    /// Executes and answers the request now.
    pub fn release(self) {
        let _ = self.0.send(None);
    }

    /// Reacts to the request like this now.
    pub fn react(self, reaction: Reaction) {
        let _ = self.0.send(Some(reaction));
    }
}

/// The plan for a request.
pub(crate) enum Plan {
    React(Reaction),
    Hold(oneshot::Receiver<Option<Reaction>>),
}

enum Planned<A: Wire> {
    Once(When<A>, Plan),
    Always(When<A>, Reaction),
}

/// The plans of a fake, oldest first.
pub(crate) struct Plans<A: Wire>(Mutex<Vec<Planned<A>>>);

impl<A: Wire> Default for Plans<A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<A: Wire> Plans<A> {
    fn lock(&self) -> MutexGuard<'_, Vec<Planned<A>>> {
        lock(&self.0)
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

    /// Returns the plan for a request. Removes the plan if it is for one request only.
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
