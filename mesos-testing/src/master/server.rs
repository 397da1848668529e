//! Sockets: accepting, reading requests, writing answers and what is sent in
//! place of them.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Inner;
use super::codec;
use super::reaction::{Plan, Reaction};
use super::received::Received;
use super::request::Response;

type Reply = hyper::Response<BoxBody<Bytes, io::Error>>;

/// Accepts connections until it is dropped, which closes them all.
pub(crate) async fn serve(master: Arc<Inner>, listener: TcpListener) {
    let connections = AtomicU64::new(0);
    let mut open = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    continue;
                }
            },
            Some(_) = open.join_next() => continue,
        };
        let number = connections.fetch_add(1, Ordering::Relaxed) + 1;
        open.spawn(connection(Arc::clone(&master), stream, number));
    }
}

async fn connection(master: Arc<Inner>, stream: TcpStream, number: u64) {
    let _ = stream.set_nodelay(true);
    let instead = Instead::default();
    let wire = Wire {
        stream,
        instead: instead.clone(),
        written: 0,
    };
    let service = service_fn(|request| {
        let (master, instead) = (Arc::clone(&master), instead.clone());
        async move { handle(&master, number, &instead, request).await }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(wire), service)
        .await;
    if let Err(error) = served {
        tracing::trace!(%error, connection = number, "connection ended");
    }
}

/// An error closes the connection without an answer.
async fn handle(
    master: &Inner,
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
    let mut received = Received {
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
    let reaction = match master.plans.take(&received) {
        None => None,
        Some(Plan::React(reaction)) => Some(reaction),
        Some(Plan::Hold(release)) => {
            place = Some(master.log.push(received.clone()));
            release.await.unwrap_or_default()
        }
    };
    let hang_up = || io::Error::other("the test hangs up");
    let (response, then) = match reaction {
        None => answer(master.obey(&received, false).await),
        Some(Reaction::OpenMuted) => answer(master.obey(&received, true).await),
        Some(Reaction::Answer {
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
        Some(Reaction::HangUp) => (None, Then::HangUp),
        Some(Reaction::Ignore) => (None, Then::Ignore),
        Some(Reaction::ObeyAndHangUp) => {
            drop(master.obey(&received, false).await);
            (None, Then::HangUp)
        }
        Some(Reaction::ObeyAndIgnore) => {
            drop(master.obey(&received, false).await);
            (None, Then::Ignore)
        }
    };
    received.status = response.as_ref().map(|response| response.status);
    received.answer = response
        .as_ref()
        .map(|response| response.text.clone())
        .unwrap_or_default();
    match place {
        Some(place) => master.log.change(place, |entry| *entry = received),
        None => {
            master.log.push(received);
        }
    }
    match (response, then) {
        (Some(response), Then::Answer) => reply(response),
        (_, Then::Ignore) => std::future::pending().await,
        _ => Err(hang_up()),
    }
}

/// The answer of who obeyed; without one the connection is closed.
fn answer(response: Option<Response>) -> (Option<Response>, Then) {
    match response {
        Some(response) => (Some(response), Then::Answer),
        None => (None, Then::HangUp),
    }
}

enum Then {
    Answer,
    HangUp,
    Ignore,
}

fn reply(response: Response) -> io::Result<Reply> {
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

/// What is to be written to a socket in place of what hyper writes.
#[derive(Clone, Default)]
struct Instead(Arc<Mutex<Option<Bytes>>>);

impl Instead {
    fn lock(&self) -> MutexGuard<'_, Option<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, bytes: Bytes) {
        *self.lock() = Some(bytes);
    }
}

/// A socket that can be made to write something else.
struct Wire {
    stream: TcpStream,
    instead: Instead,
    /// How much of that is written.
    written: usize,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
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
