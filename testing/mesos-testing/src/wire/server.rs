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
use super::exchange::{Exchange, Response, Service, exchange};
use super::received::Received;

use crate::lock::lock;

type Reply = hyper::Response<BoxBody<Bytes, io::Error>>;

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

    match exchange(peer, received).await {
        Exchange::Answered(response) => reply(response),
        Exchange::Garbled(bytes) => {
            instead.set(bytes);
            reply(Response::<P::Api>::text(200, ""))
        }
        Exchange::Closed => Err(io::Error::other("closed by the test")),
        Exchange::Ignored => std::future::pending().await,
    }
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
