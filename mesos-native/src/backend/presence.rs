//! Watches whether the master at a fixed address is still reachable.
//!
//! libmesos learns of a lost master only through ZooKeeper. With a fixed address it stays
//! registered indefinitely (`src/sched/sched.cpp`, `src/master/detector/standalone.cpp`). So this
//! backend holds a second connection to the master. When that connection closes, the subscription
//! ends, and the driver subscribes again.

use std::net::SocketAddr;
use std::time::Duration;

use mesos_core::{Error, ErrorKind, Result};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address::{Address, tls_enabled};
use super::connection::{closed, connect, resolve};

/// The longest time for a master to accept a connection, including the resolution of its name.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that closes when the master ends. `None` if only libmesos can watch the master.
#[derive(Debug)]
pub(super) struct Presence(Option<(String, TcpStream)>);

impl Presence {
    /// Connects to the master, unless it is found in ZooKeeper.
    ///
    /// # Errors
    /// [`ErrorKind::Transport`]: the master does not accept a connection, or its name does not
    /// resolve. [`ErrorKind::Backend`]: the system does not start a thread.
    pub(super) async fn connect(address: &Address) -> Result<Self> {
        // A master with TLS would close a connection that sends nothing.
        let Some(address) = address.fixed().filter(|_| !tls_enabled()) else {
            return Ok(Self(None));
        };
        let failed = |reason: &str| {
            let text = format!("cannot connect to the master at {address}{reason}");
            Error::new(ErrorKind::Transport, text)
        };
        let connecting = async {
            let addresses = resolve(address).await?;
            let connected = connect(&addresses).await;
            connected.map_err(|cause| failed("").with_source(cause))
        };
        match timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(stream) => Ok(Self(Some((address.to_owned(), stream?)))),
            Err(_) => Err(failed(&format!(
                ": no connection within {} s",
                CONNECT_TIMEOUT.as_secs()
            ))),
        }
    }

    /// The address of the master that accepted the connection.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        let (_, stream) = self.0.as_ref()?;
        stream.peer_addr().ok()
    }

    /// Waits until the connection to the master is closed or lost, and returns the error for the
    /// subscription. Cancel safe.
    pub(super) async fn closed(&mut self) -> Error {
        let Some((address, stream)) = &mut self.0 else {
            return std::future::pending().await;
        };
        let lost = |what: &str| {
            let text = format!("the master at {address} {what}");
            Error::new(ErrorKind::Transport, text)
        };
        match closed(stream).await {
            Ok(()) => lost("has closed its connection"),
            Err(cause) if is_silence(&cause) => lost("no longer responds").with_source(cause),
            Err(cause) => lost("has lost its connection").with_source(cause),
        }
    }
}

/// Whether a host sent no answer: the system gave up, or a router reported the host as unreachable.
fn is_silence(cause: &std::io::Error) -> bool {
    use std::io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    matches!(
        cause.kind(),
        TimedOut | HostUnreachable | NetworkUnreachable
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mesos_testing::RemoteHost;
    use socket2::SockRef;
    use tokio::time::timeout;

    use super::*;

    /// Longer than the keepalive takes, and shorter than the retries of TCP without it.
    const NOTICED: Duration = Duration::from_secs(120);

    /// `None`, with a notice, if this process cannot have another host.
    fn remote_host() -> Option<RemoteHost> {
        RemoteHost::start()
            .inspect_err(|error| eprintln!("NOT TESTED: {error}"))
            .ok()
    }

    #[tokio::test]
    async fn a_master_whose_host_vanishes_is_noticed() {
        let Some(host) = remote_host() else { return };
        let master = host.listen().expect("a port");
        let address = master.local_addr().expect("an address").to_string();
        let presence = Presence::connect(&Address::Master(address.clone())).await;
        let mut presence = presence.expect("a connection");
        host.lose_packets().expect("a silent host");
        let error = timeout(NOTICED, presence.closed()).await.expect("noticed");
        assert_eq!(error.kind(), ErrorKind::Transport);
        assert!(error.to_string().contains(&address), "{error}");
        assert!(error.to_string().contains("no longer responds"), "{error}");
    }

    #[tokio::test]
    async fn a_master_that_restarts_while_packets_are_lost_is_noticed() {
        let Some(host) = remote_host() else { return };
        let master = host.listen().expect("a port");
        let address = master.local_addr().expect("an address").to_string();
        let presence = Presence::connect(&Address::Master(address)).await;
        let mut presence = presence.expect("a connection");
        master.set_nonblocking(false).expect("a socket");
        let (accepted, _) = master.accept().expect("the connection");
        host.lose_packets().expect("a silent host");
        // A host that restarts sends nothing about its old connections.
        let linger = SockRef::from(&accepted).set_linger(Some(Duration::ZERO));
        linger.expect("a socket");
        drop(accepted);
        host.pass_packets().expect("a host");
        let error = timeout(NOTICED, presence.closed()).await.expect("noticed");
        assert_eq!(error.kind(), ErrorKind::Transport);
    }
}
