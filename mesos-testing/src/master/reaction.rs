//! Misbehaving on purpose: what a master does instead of what it should.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::Type;
use tokio::sync::oneshot;

use super::received::Received;

/// What to do with a request instead of obeying and answering it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reaction {
    /// Answers with this, and does nothing else.
    Answer {
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
    HangUp,
    /// Closes the connection without an answer; the call has its effect.
    ObeyAndHangUp,
    /// Never answers; the call has no effect.
    Ignore,
    /// Never answers; the call has its effect.
    ObeyAndIgnore,
    /// For SUBSCRIBE: grants it and opens a stream that is
    /// [muted](crate::Stream::mute).
    OpenMuted,
}

impl Reaction {
    /// An answer without further headers.
    pub fn answer(status: u16, body: impl Into<String>) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// A redirect to this location: scheme-relative for a master,
    /// `//host:port/path`.
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::Answer {
            status: 307,
            headers: vec![("Location".to_owned(), location.into())],
            body: String::new(),
        }
    }
}

/// Which requests are meant.
pub struct When(Box<dyn Fn(&Received) -> bool + Send>);

impl When {
    /// All of them.
    pub fn any() -> Self {
        Self(Box::new(|_| true))
    }

    /// Calls that `wanted` likes.
    pub fn call(wanted: impl Fn(&Call) -> bool + Send + 'static) -> Self {
        Self(Box::new(move |received| {
            received.call.as_ref().is_some_and(&wanted)
        }))
    }

    /// Requests that `wanted` likes, calls or not. They have no answer yet.
    pub fn request(wanted: impl Fn(&Received) -> bool + Send + 'static) -> Self {
        Self(Box::new(wanted))
    }

    /// Calls that are no SUBSCRIBE.
    pub fn not_subscribe() -> Self {
        Self::call(|call| call.r#type() != Type::Subscribe)
    }
}

/// Calls of this type.
impl From<Type> for When {
    fn from(call_type: Type) -> Self {
        Self::call(move |call| call.r#type() == call_type)
    }
}

impl fmt::Debug for When {
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

enum Planned {
    Once(When, Plan),
    Always(When, Reaction),
}

/// The plans of a master, the oldest first.
#[derive(Default)]
pub(crate) struct Plans(Mutex<Vec<Planned>>);

impl Plans {
    fn lock(&self) -> MutexGuard<'_, Vec<Planned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn once(&self, when: When, reaction: Reaction) {
        self.lock().push(Planned::Once(when, Plan::React(reaction)));
    }

    pub(crate) fn always(&self, when: When, reaction: Reaction) {
        self.lock().push(Planned::Always(when, reaction));
    }

    pub(crate) fn hold(&self, when: When) -> Held {
        let (sender, receiver) = oneshot::channel();
        self.lock().push(Planned::Once(when, Plan::Hold(receiver)));
        Held(sender)
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The plan for a request; one that was meant for one request is used up.
    pub(crate) fn take(&self, received: &Received) -> Option<Plan> {
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
