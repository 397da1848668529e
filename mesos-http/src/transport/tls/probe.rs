//! What a handshake shows, for programs that check a connection.

use std::fmt;

use bytes::Bytes;
use mesos_core::{Delivery, Endpoint, Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::TlsConfig;
use super::handshake;
use super::last::Last;

/// A TLS connection that accepted any certificate, in order to show the certificate and the
/// negotiated settings. Dropping the value closes the connection.
pub struct TlsProbe {
    stream: TlsStream<TcpStream>,
    requested: bool,
}

impl TlsConfig {
    /// Connects to `endpoint` and does the handshake by rustls with these settings, except that any
    /// certificate is accepted: an invalid certificate can be shown, too. Send no credentials over
    /// this connection.
    ///
    /// The probe has no time limit. Dropping the future closes the connection.
    ///
    /// # Errors
    /// [`ErrorKind::Transport`] if the endpoint cannot be reached. [`ErrorKind::Config`] if the client
    /// certificate cannot be read. [`ErrorKind::Tls`] if the handshake fails, for example because
    /// the peer has no cipher suite in common. With TLS 1.3, a peer that requires another client
    /// certificate closes the connection only after the handshake.
    pub async fn probe(&self, endpoint: &Endpoint) -> Result<TlsProbe> {
        let stream = TcpStream::connect(endpoint.authority()).await;
        let stream = stream.map_err(|source| {
            Error::new(
                ErrorKind::Transport,
                format!("cannot connect to {endpoint}"),
            )
            .with_delivery(Delivery::NotSent)
            .with_source(source)
        })?;
        let settings = self.clone().danger_accept_any_certificate();
        let (stream, asked) =
            handshake::handshake(&settings, &Last::default(), endpoint, stream).await?;
        Ok(TlsProbe {
            stream,
            requested: asked.is_set(),
        })
    }
}

impl TlsProbe {
    /// The version of TLS, such as `TLSv1_3`.
    pub fn protocol(&self) -> &str {
        let version = self.stream.get_ref().1.protocol_version();
        version.and_then(|version| version.as_str()).unwrap_or("?")
    }

    /// The cipher suite, such as `TLS13_AES_128_GCM_SHA256`.
    pub fn cipher_suite(&self) -> &str {
        let suite = self.stream.get_ref().1.negotiated_cipher_suite();
        suite
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or("?")
    }

    /// The certificate of the peer in DER format. It was not verified.
    pub fn certificate(&self) -> Option<Bytes> {
        let chain = self.stream.get_ref().1.peer_certificates()?;
        Some(Bytes::copy_from_slice(chain.first()?))
    }

    /// Whether the peer requested a client certificate that is not set.
    pub fn lacks_client_certificate(&self) -> bool {
        self.requested
    }

    /// The connection, to exchange data over it.
    pub fn into_stream(self) -> impl AsyncRead + AsyncWrite + Send + Unpin {
        self.stream
    }
}

impl fmt::Debug for TlsProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsProbe")
            .field("protocol", &self.protocol())
            .field("cipher_suite", &self.cipher_suite())
            .finish_non_exhaustive()
    }
}
