//! Connections that are only held, to notice the end of a peer and of its host.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use mesos_core::{Error, ErrorKind, Result};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::thread::spawn;

/// The time without a packet after which the system sends a probe. It is shorter than the time
/// after which firewalls forget an idle connection.
const IDLE: Duration = Duration::from_secs(15);

/// The time between two probes.
const INTERVAL: Duration = Duration::from_secs(5);

/// The time without an answer to a probe after which the connection is lost. The system counts
/// this time, so a pause of this process does not end the connection.
const LOST: Duration = Duration::from_secs(30);

/// Connects to the first address that accepts a connection. Cancel safe.
///
/// # Errors
/// The error for the last address.
pub(super) async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                keep_alive(&stream)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A host that loses its power, and a firewall that forgets the connection, send neither FIN nor
/// RST.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new().with_time(IDLE).with_interval(INTERVAL);
    socket.set_tcp_keepalive(&probes)?;
    // It takes the place of the number of probes.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(LOST))?;
    Ok(())
}

/// Completes when the connection is closed or lost. The peer sends nothing, because it gets no
/// request. Cancel safe.
///
/// # Errors
/// The connection broke, or the host of the peer no longer responds.
pub(super) async fn closed(stream: &mut TcpStream) -> io::Result<()> {
    let mut ignored = [0; 64];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// The addresses of `host:port`. IPv4 addresses come first, because libmesos does not support
/// IPv6.
///
/// The name is resolved on a thread of this crate: a runtime that cannot start a thread would
/// panic, or wait for one of its threads.
///
/// # Errors
/// [`ErrorKind::Transport`]: the name does not resolve. [`ErrorKind::Backend`]: the system does not
/// start a thread.
pub(super) async fn resolve(address: &str) -> Result<Vec<SocketAddr>> {
    if let Ok(address) = address.parse() {
        return Ok(vec![address]);
    }
    let (sender, found) = oneshot::channel();
    let name = address.to_owned();
    spawn(move || {
        let found = name.to_socket_addrs().map(Vec::from_iter);
        let _ = sender.send(found);
    })?;
    let found = found.await.map_err(io::Error::other).flatten();
    let mut addresses = found.map_err(|cause| {
        let text = format!("cannot resolve {address}");
        Error::new(ErrorKind::Transport, text).with_source(cause)
    })?;
    addresses.sort_by_key(|address| matches!(address.ip(), IpAddr::V6(_)));
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_resolved_with_ipv4_addresses_first() {
        let addresses = resolve("localhost:5050").await.expect("addresses");
        assert_eq!(addresses[0], ([127, 0, 0, 1], 5050).into());
        let address = resolve("[::1]:5050").await.expect("an address");
        assert_eq!(address, ["[::1]:5050".parse().expect("an address")]);
        let error = resolve("no-such-host.invalid:1")
            .await
            .expect_err("no host");
        assert_eq!(error.kind(), ErrorKind::Transport);
        assert!(error.to_string().contains("no-such-host.invalid:1"));
    }
}
