//! What a test observes of a fake, and how it makes the fake misbehave: the part that
//! [`FakeMaster`](crate::FakeMaster) and [`FakeAgent`](crate::FakeAgent) have in common.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::api::Wire;
use super::reaction::{Held, Plans, Reaction, When};
use super::received::Received;
use super::stream::Stream;
use crate::log::{Log, Transcript};

/// The requests that a fake received, the streams that it opened, and the reactions that a test
/// planned. [`FakeMaster`](crate::FakeMaster) and [`FakeAgent`](crate::FakeAgent) dereference
/// to it.
///
/// The `expect` methods wait for something that no earlier call has returned. They panic if it
/// does not come within the timeout of the fake's builder; the message lists everything that
/// came instead.
pub struct Control<A: Wire> {
    pub(crate) plans: Plans<A>,
    pub(crate) log: Arc<Log<Received<A>>>,
    pub(crate) streams: Log<Stream<A>>,
}

impl<A: Wire + Clone> Control<A> {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            plans: Plans::default(),
            log: Arc::new(Log::new(timeout)),
            streams: Log::new(timeout),
        }
    }

    /// All requests so far, in the order in which the fake answered them.
    pub fn received(&self) -> Vec<Received<A>> {
        self.log.all()
    }

    /// All calls so far, including refused ones.
    pub fn calls(&self) -> Vec<A::Call> {
        let received = self.received().into_iter();
        received.filter_map(|received| received.call).collect()
    }

    /// All calls of one type so far, including refused ones.
    pub fn calls_of(&self, call_type: A::CallType) -> Vec<A::Call> {
        let mut calls = self.calls();
        calls.retain(|call| A::call_type(call) == call_type);
        calls
    }

    /// Waits for the next call of this type.
    ///
    /// # Panics
    /// If no such call comes within the timeout.
    #[track_caller]
    pub fn expect(&self, call_type: A::CallType) -> impl Future<Output = Received<A>> + Send + '_ {
        let at = Location::caller();
        let wanted = move |received: &Received<A>| received.call_type() == Some(call_type);
        async move { self.log.expect(A::type_name(call_type), at, wanted).await }
    }

    /// Waits for the next call for which `wanted` returns true.
    ///
    /// # Panics
    /// If no such call comes within the timeout.
    #[track_caller]
    pub fn expect_call<'a>(
        &'a self,
        mut wanted: impl FnMut(&A::Call) -> bool + Send + 'a,
    ) -> impl Future<Output = Received<A>> + Send + 'a {
        self.expect_request(move |received| received.call.as_ref().is_some_and(&mut wanted))
    }

    /// Waits for the next request, also one that is not a call, for which `wanted` returns true.
    ///
    /// # Panics
    /// If no such request comes within the timeout.
    #[track_caller]
    pub fn expect_request<'a>(
        &'a self,
        wanted: impl FnMut(&Received<A>) -> bool + Send + 'a,
    ) -> impl Future<Output = Received<A>> + Send + 'a {
        let at = Location::caller();
        async move { self.log.expect("a request", at, wanted).await }
    }

    /// Waits for the next request of any kind.
    ///
    /// # Panics
    /// If no request comes within the timeout.
    #[track_caller]
    pub fn expect_next(&self) -> impl Future<Output = Received<A>> + Send + '_ {
        self.expect_any("a request", Location::caller())
    }

    pub(crate) fn expect_any<'a>(
        &'a self,
        what: &'a str,
        at: &'static Location<'static>,
    ) -> impl Future<Output = Received<A>> + Send + 'a {
        self.log.expect_any(what, at)
    }

    /// All requests so far and from now on, as text.
    pub fn transcript(&self) -> Transcript {
        Transcript::new(&self.log)
    }

    /// Waits for the next SUBSCRIBE that the fake answered with a stream, and returns the stream.
    ///
    /// # Panics
    /// If there is no subscription within the timeout.
    #[track_caller]
    pub fn expect_stream(&self) -> impl Future<Output = Stream<A>> + Send + '_ {
        let at = Location::caller();
        async move { self.streams.expect_any("a subscription", at).await }
    }

    /// All streams so far, including closed ones.
    pub fn streams(&self) -> Vec<Stream<A>> {
        self.streams.all()
    }

    /// The newest stream.
    ///
    /// # Panics
    /// If there was no subscription yet.
    #[track_caller]
    pub fn stream(&self) -> Stream<A> {
        match self.streams().pop() {
            Some(stream) => stream,
            None => panic!("there was no subscription yet; wait for it with expect_stream()"),
        }
    }

    /// Sends an event on the newest stream.
    ///
    /// # Panics
    /// If there was no subscription yet.
    #[track_caller]
    pub fn send(&self, event: A::Event) {
        self.stream().send(event);
    }

    /// Reacts like this to the next matching request.
    pub fn react(&self, when: impl Into<When<A>>, reaction: Reaction) {
        self.plans.once(when.into(), reaction);
    }

    /// Reacts like this to every matching request, until [`clear_reactions`](Self::clear_reactions).
    pub fn react_always(&self, when: impl Into<When<A>>, reaction: Reaction) {
        self.plans.always(when.into(), reaction);
    }

    /// Holds the next matching request: the request is logged, but not executed or answered
    /// until it is released.
    #[must_use = "dropping the result releases the request"]
    pub fn hold(&self, when: impl Into<When<A>>) -> Held {
        self.plans.hold(when.into())
    }

    /// Removes all planned reactions and releases the held requests.
    pub fn clear_reactions(&self) {
        self.plans.clear();
    }
}

impl<A: Wire> fmt::Debug for Control<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("received", &self.log)
            .field("streams", &self.streams)
            .finish_non_exhaustive()
    }
}
