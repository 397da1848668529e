//! The HTTP server: accepts connections, reads requests, and writes responses or the bytes that
//! replace them.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::task::JoinSet;

use super::api::Wire;
use super::codec;
use super::control::Control;
use super::reaction::{Plan, Reaction};
use super::received::Received;
use super::stream::Events;

use crate::lock::lock;

type Reply = hyper::Response<BoxBody<Bytes, io::Error>>;

/// A fake that answers requests.
pub(crate) trait Service: Send + Sync + 'static {
    type Api: Wire + Clone;

    fn control(&self) -> &Control<Self::Api>;

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

/// A listening socket.
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listener {
    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            #[cfg(unix)]
            Self::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

/// A byte stream that carries HTTP.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Accepts connections until the future is dropped, which closes all connections.
pub(crate) async fn serve<P: Service>(peer: Arc<P>, listener: Listener) {
    let connections = AtomicU64::new(0);
    let mut open = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    continue;
                }
            },
            Some(_) = open.join_next() => continue,
        };
        let number = connections.fetch_add(1, Ordering::Relaxed) + 1;
        open.spawn(connection(Arc::clone(&peer), stream, number));
    }
}

async fn connection<P: Service>(peer: Arc<P>, stream: Box<dyn Stream>, number: u64) {
    let instead = Instead::default();
    let socket = Socket {
        stream,
        instead: instead.clone(),
        written: 0,
    };
    let service = service_fn(|request| {
        let (peer, instead) = (Arc::clone(&peer), instead.clone());
        async move { handle(peer.as_ref(), number, &instead, request).await }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(socket), service)
        .await;
    if let Err(error) = served {
        tracing::trace!(%error, connection = number, "connection ended");
    }
}

/// An error closes the connection without a response.
async fn handle<P: Service>(
    peer: &P,
    connection: u64,
    instead: &Instead,
    request: hyper::Request<Incoming>,
) -> io::Result<Reply> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let mut received = Received::<P::Api> {
        connection,
        method: head.method.to_string(),
        path: head
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        headers,
        body,
        call: None,
        status: None,
        answer: String::new(),
    };
    received.call = received
        .header("content-type")
        .and_then(|content_type| codec::decode(content_type, &received.body)?.ok());
    tracing::debug!(%received, "received");

    let mut place = None;
    let reaction = match peer.control().plans.take(&received) {
        None => None,
        Some(Plan::React(reaction)) => Some(reaction),
        Some(Plan::Hold(release)) => {
            place = Some(peer.control().log.push(received.clone()));
            release.await.unwrap_or_default()
        }
    };
    let closed = || io::Error::other("closed by the test");
    let (response, then) = match reaction {
        None => answer(peer.execute(&received, false).await),
        Some(Reaction::OpenMuted) => answer(peer.execute(&received, true).await),
        Some(Reaction::Respond {
            status,
            headers,
            body,
        }) => {
            let response = Response {
                headers,
                ..Response::text(status, body)
            };
            (Some(response), Then::Answer)
        }
        Some(Reaction::Garble(bytes)) => {
            instead.set(bytes);
            (Some(Response::text(200, "")), Then::Answer)
        }
        Some(Reaction::Close) => (None, Then::Close),
        Some(Reaction::Ignore) => (None, Then::Ignore),
        Some(Reaction::ExecuteAndClose) => {
            drop(peer.execute(&received, false).await);
            (None, Then::Close)
        }
        Some(Reaction::ExecuteAndIgnore) => {
            drop(peer.execute(&received, false).await);
            (None, Then::Ignore)
        }
    };
    received.status = response.as_ref().map(|response| response.status);
    received.answer = response
        .as_ref()
        .map(|response| response.text.clone())
        .unwrap_or_default();
    match place {
        Some(place) => peer.control().log.change(place, |entry| *entry = received),
        None => {
            peer.control().log.push(received);
        }
    }
    match (response, then) {
        (Some(response), Then::Answer) => reply(response),
        (_, Then::Ignore) => std::future::pending().await,
        _ => Err(closed()),
    }
}

/// The response of a fake; without one the connection is closed.
fn answer<A: Wire>(response: Option<Response<A>>) -> (Option<Response<A>>, Then) {
    match response {
        Some(response) => (Some(response), Then::Answer),
        None => (None, Then::Close),
    }
}

enum Then {
    Answer,
    Close,
    Ignore,
}

fn reply<A: Wire>(response: Response<A>) -> io::Result<Reply> {
    let mut builder = hyper::Response::builder().status(response.status);
    for (name, value) in response.headers {
        builder = builder.header(name, value);
    }
    let body = match response.events {
        Some(events) => BoxBody::new(events),
        None => {
            let text = Full::new(Bytes::from(response.text));
            BoxBody::new(text.map_err(|never: Infallible| match never {}))
        }
    };
    builder.body(body).map_err(io::Error::other)
}

/// The bytes that replace a response of hyper on a socket.
#[derive(Clone, Default)]
struct Instead(Arc<Mutex<Option<Bytes>>>);

impl Instead {
    fn lock(&self) -> MutexGuard<'_, Option<Bytes>> {
        lock(&self.0)
    }

    fn set(&self, bytes: Bytes) {
        *self.lock() = Some(bytes);
    }
}

/// A socket that can replace written bytes.
struct Socket {
    stream: Box<dyn Stream>,
    instead: Instead,
    /// How many replacement bytes were written.
    written: usize,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let instead = self.instead.lock().clone();
        let Some(instead) = instead else {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        };
        while self.written < instead.len() {
            let rest = instead.slice(self.written..);
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &rest))?;
            self.written += written;
        }
        Poll::Ready(Err(io::Error::other("garbled by the test")))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
