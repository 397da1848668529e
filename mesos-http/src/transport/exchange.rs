//! The request and the response of a subscription: one POST, and a body that is read directly from
//! the connection.
//!
//! A master sends each event as a chunk of its own. An HTTP client would pass each chunk on
//! separately, often to another task. Here one read returns all events that have arrived.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::body::Frame;
use mesos_core::{Delivery, Endpoint, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::dial::{Dialed, dial};
use super::io::Transport;
use super::patience::timeout;
use super::settings::Settings;
use super::unanswered::{Cause, late, unanswered};
use crate::wire::framing::{self, Garbage, Rest};
use crate::wire::request;

/// The room for a read, in bytes. It doubles with each read that fills it, up to the second number.
const READ: usize = 16 << 10;
const READ_MAX: usize = 256 << 10;

/// A read may use the rest of a buffer if the rest has at least this many bytes.
const READ_MIN: usize = 4 << 10;

/// The response to a request, and the address of the peer unless it is a unix socket.
pub(crate) type Exchange = (Response<Body>, Option<SocketAddr>);

/// Opens a connection to `endpoint`, sends `body` to the API at `path` (without prefix), and waits
/// for the head of the response.
///
/// [`Delivery::NotSent`] is exact: no byte of the request was sent. Dropping the future closes the
/// connection.
pub(crate) async fn post(
    endpoint: &Endpoint,
    settings: &Settings,
    path: &str,
    authorization: Option<&HeaderValue>,
    body: &[u8],
) -> Result<Exchange> {
    let Dialed { transport, address } = dial(endpoint, None, settings).await?;
    let mut request = request::head(endpoint, path, settings.codec, authorization, None);
    request.extend_from_slice(format!("{}\r\n\r\n", body.len()).as_bytes());
    request.extend_from_slice(body);
    let mut body = Body {
        transport,
        input: BytesMut::new(),
        room: READ,
        rest: Rest::Bytes(0),
    };
    let limit = settings.response_timeout;
    let path = endpoint.join(path);
    match timeout(limit, body.exchange(&request)).await {
        Ok(Ok(head)) => {
            let response = Response::new(body);
            let (mut parts, body) = response.into_parts();
            (parts.status, parts.headers) = head;
            Ok((Response::from_parts(parts, body), address))
        }
        Ok(Err(Failure { source, delivery })) => {
            let cause = Cause {
                garbage: source
                    .get_ref()
                    .is_some_and(|source| source.is::<Garbage>()),
                fresh: true,
                source: source.into(),
                delivery,
            };
            Err(unanswered(endpoint, settings, &path, cause).await)
        }
        Err(_) => Err(late(endpoint, &path, limit)),
    }
}

/// Why a request has no response.
struct Failure {
    source: io::Error,
    delivery: Delivery,
}

/// The body of a response. Dropping it closes the connection.
pub(crate) struct Body {
    transport: Box<dyn Transport>,
    /// Bytes of the connection that were not parsed yet.
    input: BytesMut,
    /// The room for the next read.
    room: usize,
    rest: Rest,
}

type Head = (StatusCode, HeaderMap);

impl Body {
    /// Writes a request and reads the head of the response.
    async fn exchange(&mut self, request: &[u8]) -> Result<Head, Failure> {
        let mut rest = request;
        let mut written = Ok(());
        while !rest.is_empty() && written.is_ok() {
            match self.transport.write(rest).await {
                Ok(0) => written = Err(io::ErrorKind::WriteZero.into()),
                Ok(size) => rest = &rest[size..],
                Err(error) => written = Err(error),
            }
        }
        let unsent = rest.len() == request.len();
        if written.is_ok() {
            written = self.transport.flush().await;
        }
        let delivery = match written {
            Err(_) if unsent => Delivery::NotSent,
            _ => Delivery::Unknown,
        };
        // A peer may answer before it has read everything, and close the connection.
        self.head().await.map_err(|source| Failure {
            source: written.err().unwrap_or(source),
            delivery,
        })
    }

    async fn head(&mut self) -> io::Result<Head> {
        loop {
            if let Some((head, rest)) = parse(&mut self.input).map_err(invalid)? {
                self.rest = rest;
                return Ok(head);
            }
            std::future::poll_fn(|context| self.poll_fill(context)).await?;
        }
    }

    /// Reads some bytes into the buffer. The end of the connection is an error.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.input.capacity() - self.input.len() < READ_MIN {
            self.input.reserve(self.room);
        }
        let room = self.input.capacity() - self.input.len();
        let read = pin!(self.transport.read_buf(&mut self.input)).poll(context);
        match ready!(read)? {
            0 => {
                let text = "the peer closed the connection";
                Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, text)))
            }
            size => {
                if size == room {
                    self.room = (2 * self.room).min(READ_MAX);
                }
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Passes the data that have arrived to `take`, piece by piece, and waits if there are not any.
    /// Returns false at the end of the body. If only a part of a piece has arrived, nothing may be
    /// passed.
    pub(crate) fn poll_data(
        &mut self,
        context: &mut Context<'_>,
        mut take: impl FnMut(Bytes),
    ) -> Poll<io::Result<bool>> {
        let mut filled = false;
        loop {
            let mut taken = false;
            let over = framing::read(&mut self.rest, &mut self.input, |input, size, left| {
                if continues(input, left) {
                    return false;
                }
                taken = true;
                take(input.split_to(size).freeze());
                true
            });
            let over = over.map_err(invalid)?;
            if over {
                self.rest = Rest::Bytes(0);
            }
            if taken || over {
                return Poll::Ready(Ok(taken));
            }
            if filled {
                // The peer is not silent.
                return Poll::Ready(Ok(true));
            }
            match ready!(self.poll_fill(context)) {
                Ok(()) => filled = true,
                Err(error)
                    if error.kind() == io::ErrorKind::UnexpectedEof
                        && self.rest == Rest::UntilClosed =>
                {
                    return Poll::Ready(Ok(false));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// Whether a piece with `left` bytes does not fit into the buffer, but into the next one. Its start is
/// then copied to the next buffer, because two pieces of a record would both be copied.
fn continues(input: &BytesMut, left: u64) -> bool {
    left > input.capacity() as u64 && left <= READ_MAX as u64
}

fn invalid(garbage: Garbage) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, garbage)
}

/// For answers that are not a stream.
impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut data = BytesMut::new();
        let read = ready!(self.poll_data(context, |piece| data.extend_from_slice(&piece)));
        Poll::Ready(match read {
            Ok(true) => Some(Ok(Frame::data(data.freeze()))),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body")
            .field("rest", &self.rest)
            .finish_non_exhaustive()
    }
}

/// Removes a complete head.
fn parse(input: &mut BytesMut) -> Result<Option<(Head, Rest)>, Garbage> {
    framing::head(input, |status, response, _| {
        let (rest, _) = framing::length(status, response)?;
        let headers = framing::headers(response);
        Ok(((status, headers), rest))
    })
}
