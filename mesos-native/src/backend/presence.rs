//! Watches whether the master at a fixed address is still reachable.
//!
//! libmesos learns of a lost master only through ZooKeeper. With a fixed address it stays
//! registered indefinitely (`src/sched/sched.cpp`, `src/master/detector/standalone.cpp`). So this
//! backend holds a second connection to the master. When that connection closes, the subscription
//! ends, and the driver subscribes again.

use std::time::Duration;

use mesos_core::{Error, ErrorKind, Result};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address::{Address, tls_enabled};

/// The longest time for a master to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that closes when the master ends. `None` if only libmesos can watch the master.
#[derive(Debug)]
pub(super) struct Presence(Option<(String, TcpStream)>);

impl Presence {
    /// Connects to the master, unless it is found in ZooKeeper.
    ///
    /// # Errors
    /// [`ErrorKind::Transport`]: the master does not accept a connection.
    pub(super) async fn connect(address: &Address) -> Result<Self> {
        // A master with TLS would close a connection that sends nothing.
        let Some(address) = address.fixed().filter(|_| !tls_enabled()) else {
            return Ok(Self(None));
        };
        let failed = |reason: &str| {
            let text = format!("cannot connect to the master at {address}{reason}");
            Error::new(ErrorKind::Transport, text)
        };
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => Ok(Self(Some((address.to_owned(), stream)))),
            Ok(Err(cause)) => Err(failed("").with_source(cause)),
            Err(_) => Err(failed(&format!(
                ": no connection within {} s",
                CONNECT_TIMEOUT.as_secs()
            ))),
        }
    }

    /// Waits until the master has closed the connection, and returns the error for the
    /// subscription. Cancel safe.
    pub(super) async fn closed(&mut self) -> Error {
        let Some((address, stream)) = &mut self.0 else {
            return std::future::pending().await;
        };
        read_to_end(stream).await;
        let text = format!("the master at {address} has closed its connection");
        Error::new(ErrorKind::Transport, text)
    }
}

/// Completes when the peer has closed the connection. The peer sends nothing, because it gets no
/// request. Cancel safe.
pub(super) async fn read_to_end(stream: &mut TcpStream) {
    let mut ignored = [0; 64];
    while stream.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
}
