//! Opens what HTTP runs over: TCP, TLS over TCP, or a unix socket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mesos_core::{Delivery, Error, ErrorKind, Result};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::io::Transport;
use super::patience::timeout;
use super::settings::Settings;
use mesos_core::{Endpoint, Scheme};

/// An open connection.
pub(crate) struct Dialed {
    pub(crate) transport: Box<dyn Transport>,
    /// The peer's address; `None` for a unix socket.
    pub(crate) address: Option<SocketAddr>,
}

/// Connects to `endpoint` as the settings say, within their time limit. With `address`, the host
/// name is not resolved: the connection goes to this address.
pub(crate) async fn dial(
    endpoint: &Endpoint,
    address: Option<SocketAddr>,
    settings: &Settings,
) -> Result<Dialed> {
    let limit = settings.connect_timeout;
    let Ok(opened) = timeout(limit, open(endpoint, address, settings)).await else {
        return Err(Error::new(
            ErrorKind::Timeout,
            format!("connecting to {endpoint} took longer than {limit:?}"),
        )
        .with_delivery(Delivery::NotSent));
    };
    let dialed = opened?;
    tracing::debug!(%endpoint, address = ?dialed.address, "connected");
    Ok(dialed)
}

async fn open(
    endpoint: &Endpoint,
    address: Option<SocketAddr>,
    settings: &Settings,
) -> Result<Dialed> {
    if let Some(path) = &settings.unix_socket {
        return Ok(Dialed {
            transport: unix(path).await?,
            address: None,
        });
    }
    let stream = match address {
        Some(address) => connect(endpoint, [address]).await?,
        None => tcp(endpoint, settings).await?,
    };
    let address = stream.peer_addr().ok();
    let transport = secure(endpoint, stream, settings).await?;
    Ok(Dialed { transport, address })
}

/// Adds TLS if the scheme of the endpoint requires TLS.
async fn secure(
    endpoint: &Endpoint,
    stream: TcpStream,
    #[cfg_attr(not(feature = "tls"), expect(unused_variables))] settings: &Settings,
) -> Result<Box<dyn Transport>> {
    match endpoint.scheme() {
        Scheme::Http => Ok(Box::new(stream)),
        #[cfg(feature = "tls")]
        Scheme::Https => {
            super::tls::connect(&settings.tls, &settings.tls_last, endpoint, stream).await
        }
        #[cfg(not(feature = "tls"))]
        Scheme::Https => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "cannot connect to {endpoint}: TLS is disabled in this program; enable the feature \
                 `tls` of the crate mesos"
            ),
        )),
        scheme => Err(Error::new(
            ErrorKind::Unsupported,
            format!("cannot connect to {endpoint}: this version does not support {scheme:?}"),
        )),
    }
}

async fn tcp(endpoint: &Endpoint, settings: &Settings) -> Result<TcpStream> {
    let resolving = settings.resolver.resolve(endpoint.host(), endpoint.port());
    let addresses = resolving.await.map_err(|source| {
        let message = format!("cannot resolve the host name of {endpoint}");
        Error::new(ErrorKind::Transport, message)
            .with_configuration()
            .with_source(source)
    })?;
    connect(endpoint, addresses).await
}

/// Connects to the first of `addresses` that accepts a connection.
async fn connect(
    endpoint: &Endpoint,
    addresses: impl IntoIterator<Item = SocketAddr>,
) -> Result<TcpStream> {
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                configure(&stream);
                return Ok(stream);
            }
            Err(source) => last = Some(source),
        }
    }
    let error = Error::new(ErrorKind::Transport, unreachable(endpoint));
    Err(match last {
        None => error.with_configuration(),
        Some(source) if source.kind() == io::ErrorKind::ConnectionRefused => {
            error.with_configuration().with_source(source)
        }
        Some(source) => error.with_source(source),
    })
}

/// When the kernel checks an idle connection, and when it gives up: 30 s after the last packet of
/// the peer.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// Sets the options of a connection. A failure is not an error: the connection works without them.
///
/// Without keepalive, a host that lost its power or its network keeps a connection open
/// indefinitely: an executor's events are 30 minutes apart. TCP_USER_TIMEOUT is not set. It would
/// also end a connection to a live peer that is too busy to read, and every request has a time
/// limit of its own.
fn configure(stream: &TcpStream) {
    // Calls are small, and many wait for their answers.
    let _ = stream.set_nodelay(true);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    if let Err(error) = SockRef::from(stream).set_tcp_keepalive(&keepalive) {
        tracing::debug!(%error, "cannot set the keepalive of a connection");
    }
}

/// The time limit for [`expects_tls`], whose result only improves an error.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// A ClientHello of TLS 1.2 (RFC 5246, 7.4.1.2) with three common cipher suites and no extension.
/// The server accepts it or sends an alert; both show that it expects TLS.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x03\
    is a TLS server listening here?!\
    \x00\x00\x06\xc0\x2f\x00\x9c\x00\x2f\x01\x00";

/// Whether a server at `endpoint` answers with TLS, as far as a short attempt shows.
pub(crate) async fn expects_tls(endpoint: &Endpoint, settings: &Settings) -> bool {
    let probe = async {
        let mut stream = tcp(endpoint, settings).await.ok()?;
        stream.write_all(CLIENT_HELLO).await.ok()?;
        let mut head = [0; 2];
        stream.read_exact(&mut head).await.ok()?;
        // A handshake or an alert, of any version since SSL 3.
        Some(matches!(head, [0x15 | 0x16, 0x03]))
    };
    let limit = settings.connect_timeout.min(PROBE_TIMEOUT);
    matches!(timeout(limit, probe).await, Ok(Some(true)))
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> Result<Box<dyn Transport>> {
    match tokio::net::UnixStream::connect(path).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(source) => {
            let message = format!("cannot connect to the unix socket {}", path.display());
            Err(Error::new(ErrorKind::Transport, message).with_source(source))
        }
    }
}

#[cfg(not(unix))]
async fn unix(path: &std::path::Path) -> Result<Box<dyn Transport>> {
    let message = format!(
        "cannot connect to {}: this system does not support unix sockets",
        path.display()
    );
    Err(Error::new(ErrorKind::Unsupported, message))
}

/// The message for a failed connection; the source has the reason.
fn unreachable(endpoint: &Endpoint) -> String {
    if endpoint.port() == endpoint.scheme().default_port() {
        format!("cannot connect to {endpoint}; note that a master usually listens on port 5050")
    } else {
        format!("cannot connect to {endpoint}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lengths_in_the_client_hello_are_right() {
        assert_eq!(CLIENT_HELLO.len(), 5 + 0x31);
        assert_eq!(0x31, 4 + 0x2d);
        assert_eq!(&CLIENT_HELLO[11..43], b"is a TLS server listening here?!");
    }

    #[test]
    fn a_failed_connection_to_the_default_port_of_http_mentions_port_5050() {
        let message = |text: &str| unreachable(&text.parse().expect("an address"));
        assert_eq!(
            message("http://h/master"),
            "cannot connect to http://h:80/master; note that a master usually listens on port 5050"
        );
        assert_eq!(message("h:5051"), "cannot connect to http://h:5051");
    }
}
