//! An HTTP/1.1 connection for the operator API: opening it, and one POST after another. Subscriptions
//! (`exchange`) and their calls (`pipeline`) use other connections.
//!
//! Requests are never pipelined here: Mesos answers the requests of a connection in order
//! (src/http_proxy.cpp in libprocess), so a request after a SUBSCRIBE would wait indefinitely. The
//! callers decide which requests share a connection.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use mesos_core::{Delivery, Endpoint, Error, ErrorKind, Result};
use tokio::task::JoinHandle;

use super::dial::{Dialed, dial};
use super::patience::timeout;
use super::settings::Settings;
use super::unanswered::{Cause, late, unanswered};
use crate::wire::codec::Codec;

/// An open connection. Dropping it closes the socket, also during a request.
#[derive(Debug)]
pub(crate) struct Connection {
    endpoint: Endpoint,
    settings: Settings,
    sender: SendRequest<Full<Bytes>>,
    /// Whether the peer has sent a response.
    answered: bool,
    driver: JoinHandle<()>,
}

impl Connection {
    /// Opens a connection to `endpoint`.
    pub(crate) async fn open(endpoint: &Endpoint, settings: &Settings) -> Result<Self> {
        let Dialed { transport, .. } = dial(endpoint, None, settings).await?;
        // Before the first request this only sets up buffers.
        let (sender, connection) =
            http1::handshake(TokioIo::new(transport))
                .await
                .map_err(|source| {
                    let message = format!("cannot set up HTTP with {endpoint}");
                    Error::new(ErrorKind::Transport, message).with_source(source)
                })?;
        let driver = tokio::spawn(async move {
            // The caller that waits for a response receives the error.
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

    /// Sends `body` to the API at `path` (without prefix) and waits for the head of the response.
    /// `authorization` has to be marked as sensitive.
    ///
    /// [`Delivery::NotSent`] is exact: no byte of the request was sent. After any error the connection
    /// cannot be used any more.
    #[cfg(feature = "operator")]
    pub(crate) async fn post(
        &mut self,
        path: &str,
        authorization: Option<&HeaderValue>,
        body: Bytes,
    ) -> Result<Response<Incoming>> {
        let codec = self.settings.codec;
        self.post_as(path, authorization, body, codec).await
    }

    /// As `post`, for a body in another encoding than that of the settings. The response has the same
    /// encoding.
    pub(crate) async fn post_as(
        &mut self,
        path: &str,
        authorization: Option<&HeaderValue>,
        body: Bytes,
        codec: Codec,
    ) -> Result<Response<Incoming>> {
        let path = self.endpoint.join(path);
        let codec = codec.header();
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
            Error::new(ErrorKind::Config, format!("cannot build a request to {at}"))
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
                    // hyper returns a request that it did not write.
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
                let cause = Cause {
                    garbage: source.is_parse(),
                    fresh: !self.answered,
                    source: source.into(),
                    delivery,
                };
                Err(unanswered(&self.endpoint, &self.settings, &path, cause).await)
            }
            Err(_) => Err(late(&self.endpoint, &path, limit)),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
