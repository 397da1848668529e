//! What happens to a request: planned reactions, execution, and the log. Independent of the way on
//! which the request arrived.

use bytes::Bytes;

use super::api::Wire;
use super::control::Control;
use super::reaction::{Plan, Reaction};
use super::received::Received;
use super::stream::Events;

/// A fake that answers requests.
pub(crate) trait Service: Send + Sync + 'static {
    type Api: Wire + Clone;

    fn control(&self) -> &Control<Self::Api>;

    /// What disturbs a request for which the test has not planned a reaction.
    fn disturb(&self) -> Option<Reaction> {
        None
    }

    /// Executes a request. `muted` opens a muted stream.
    fn respond(&self, request: &Received<Self::Api>, muted: bool) -> Response<Self::Api>;

    /// Executes a request, or lets another server execute it. `None` if the other server cannot be
    /// reached.
    fn execute(
        &self,
        request: &Received<Self::Api>,
        muted: bool,
    ) -> impl Future<Output = Option<Response<Self::Api>>> + Send {
        let response = self.respond(request, muted);
        async { Some(response) }
    }
}

/// A response.
pub(crate) struct Response<A: Wire> {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
    /// The stream of an accepted SUBSCRIBE.
    pub(crate) events: Option<Events<A>>,
}

impl<A: Wire> Response<A> {
    pub(crate) fn text(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            text: text.into(),
            events: None,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn header_value(&self, name: &str) -> Option<String> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(found, _)| found == name);
        found.map(|(_, value)| value.clone())
    }

    /// The response of libprocess to a path without a route.
    pub(crate) fn not_found() -> Self {
        Self::text(404, "404 Not Found.")
    }

    /// The response of libprocess to any other method than POST.
    pub(crate) fn unless_post(method: &str) -> Option<Self> {
        if method == "POST" {
            return None;
        }
        let text = format!(
            "405 Method Not Allowed. Expecting one of {{ 'POST' }}, but received '{method}'."
        );
        Some(Self::text(405, text).header("Allow", "POST"))
    }
}

/// What the sender of a request gets.
pub(crate) enum Exchange<A: Wire> {
    Answered(Response<A>),
    /// These bytes in place of a response. Then the connection is closed.
    Garbled(Bytes),
    /// The connection is closed without a response.
    Closed,
    /// There is never a response.
    Ignored,
}

/// Handles a request, and logs it.
pub(crate) async fn exchange<P: Service>(
    peer: &P,
    mut received: Received<P::Api>,
) -> Exchange<P::Api> {
    tracing::debug!(%received, "received");
    let mut place = None;
    let reaction = match peer.control().plans.take(&received) {
        None => peer.disturb(),
        Some(Plan::React(reaction)) => Some(reaction),
        Some(Plan::Hold(release)) => {
            place = Some(peer.control().log.push(received.clone()));
            release.await.unwrap_or_default()
        }
    };
    let exchange = match reaction {
        None => answer(peer.execute(&received, false).await),
        Some(Reaction::OpenMuted) => answer(peer.execute(&received, true).await),
        Some(Reaction::Respond {
            status,
            headers,
            body,
        }) => Exchange::Answered(Response {
            headers,
            ..Response::text(status, body)
        }),
        Some(Reaction::Garble(bytes)) => Exchange::Garbled(bytes),
        Some(Reaction::Close) => Exchange::Closed,
        Some(Reaction::Ignore) => Exchange::Ignored,
        Some(Reaction::ExecuteAndClose) => {
            drop(peer.execute(&received, false).await);
            Exchange::Closed
        }
        Some(Reaction::ExecuteAndIgnore) => {
            drop(peer.execute(&received, false).await);
            Exchange::Ignored
        }
    };
    match &exchange {
        Exchange::Answered(response) => {
            received.status = Some(response.status);
            received.answer.clone_from(&response.text);
        }
        Exchange::Garbled(_) => received.status = Some(200),
        Exchange::Closed | Exchange::Ignored => {}
    }
    match place {
        Some(place) => peer.control().log.change(place, |entry| *entry = received),
        None => {
            peer.control().log.push(received);
        }
    }
    exchange
}

/// The response of a fake; without one the connection is closed.
fn answer<A: Wire>(response: Option<Response<A>>) -> Exchange<A> {
    response.map_or(Exchange::Closed, Exchange::Answered)
}
