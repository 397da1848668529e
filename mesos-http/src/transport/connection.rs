//! One HTTP/1.1 connection for subscriptions and the operator API: opening it,
//! and one POST after another on it. The calls of a subscription have their own
//! (`pipeline`).
//!
//! Requests are never pipelined here: Mesos answers those of a connection
//! strictly in turn (src/http_proxy.cpp in libprocess), so one behind a SUBSCRIBE
//! would wait for ever. Which requests share a connection is for the callers.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use mesos_core::{Delivery, Error, ErrorKind, Result};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::dial::{dial, expects_tls};
use super::settings::Settings;
use mesos_core::{Endpoint, Scheme};

/// Names the subscription that a call belongs to.
pub(crate) const STREAM_ID: &str = "mesos-stream-id";

/// An open connection. Dropping it closes the socket, whatever is under way.
#[derive(Debug)]
pub(crate) struct Connection {
    endpoint: Endpoint,
    settings: Settings,
    sender: SendRequest<Full<Bytes>>,
    /// Whether HTTP has come over it.
    answered: bool,
    driver: JoinHandle<()>,
}

impl Connection {
    /// Opens a connection to `endpoint`.
    pub(crate) async fn open(endpoint: &Endpoint, settings: &Settings) -> Result<Self> {
        let transport = dial(endpoint, settings).await?;
        // Without requests this only sets up buffers.
        let (sender, connection) =
            http1::handshake(TokioIo::new(transport))
                .await
                .map_err(|source| {
                    let message = format!("cannot speak HTTP to {endpoint}");
                    Error::new(ErrorKind::Transport, message).with_source(source)
                })?;
        let driver = tokio::spawn(async move {
            // Its error reaches whoever waits for a response.
            let _ = connection.await;
        });
        Ok(Self {
            endpoint: endpoint.clone(),
            settings: settings.clone(),
            sender,
            answered: false,
            driver,
        })
    }

    /// Sends `body` to the API at `path` (without prefix) and waits for the
    /// head of the response. `authorization` has to be marked as sensitive.
    ///
    /// An error with [`Delivery::NotSent`] means what it says: not a byte of
    /// the request left. After any error the connection is of no more use.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        authorization: Option<&HeaderValue>,
        body: Bytes,
    ) -> Result<Response<Incoming>> {
        let path = self.endpoint.join(path);
        let codec = self.settings.codec.header();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&path)
            .header(header::HOST, self.endpoint.authority())
            .header(header::ACCEPT, &codec)
            .header(header::CONTENT_TYPE, &codec);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(body)).map_err(|source| {
            let at = &self.endpoint;
            Error::new(ErrorKind::Config, format!("cannot make a request to {at}"))
                .with_source(source)
        })?;

        let limit = self.settings.response_timeout;
        let exchange = async {
            if let Err(source) = self.sender.ready().await {
                return Err((source, Delivery::NotSent));
            }
            self.sender
                .try_send_request(request)
                .await
                .map_err(|mut failure| {
                    // Handed back: it never got to the socket.
                    let delivery = match failure.take_message() {
                        Some(_) => Delivery::NotSent,
                        None => Delivery::Unknown,
                    };
                    (failure.into_error(), delivery)
                })
        };
        match timeout(limit, exchange).await {
            Ok(Ok(response)) => {
                self.answered = true;
                Ok(response)
            }
            Ok(Err((source, delivery))) => {
                let at = &self.endpoint;
                let (kind, message) = if source.is_parse() {
                    (
                        ErrorKind::Protocol,
                        format!(
                            "what answers at {at} does not speak HTTP; is the port right, and is \
                             it one without TLS?"
                        ),
                    )
                } else {
                    let plain = !self.answered && is_plain(at, &self.settings);
                    if plain && expects_tls(at, &self.settings).await {
                        (ErrorKind::Tls, format!("{at} expects TLS; write https://"))
                    } else {
                        let message =
                            format!("the connection to {at} broke before POST {path} was answered");
                        (ErrorKind::Transport, message)
                    }
                };
                Err(Error::new(kind, message)
                    .with_delivery(delivery)
                    .with_source(source))
            }
            Err(_) => Err(Error::new(
                ErrorKind::Timeout,
                format!(
                    "{} did not answer POST {path} within {limit:?}",
                    self.endpoint
                ),
            )),
        }
    }
}

/// Whether the connection does not use TLS, although the port may expect TLS. Mesos with TLS resets
/// a connection that begins without.
fn is_plain(endpoint: &Endpoint, settings: &Settings) -> bool {
    endpoint.scheme() == Scheme::Http && settings.unix_socket.is_none()
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
