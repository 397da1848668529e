//! Whether the master at a fixed address is still there.
//!
//! libmesos hears of a lost master from ZooKeeper only: with a fixed address it goes on as
//! if it were registered, for ever (`src/sched/sched.cpp`, `src/master/detector/
//! standalone.cpp`). So a connection is held to the master beside libmesos' own; when it
//! ends, so does the subscription, and the driver above subscribes again.

use std::time::Duration;

use mesos_core::{Error, ErrorKind, Result};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a master may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that ends when the master does.
#[derive(Debug)]
pub(super) struct Presence {
    address: String,
    /// `None` where only libmesos can watch.
    stream: Option<TcpStream>,
}

impl Presence {
    /// Connects to the master, if `address` is a fixed one.
    ///
    /// # Errors
    /// [`ErrorKind::Transport`]: it is not there.
    pub(super) async fn of(address: &str) -> Result<Self> {
        let mut presence = Self {
            address: address.to_owned(),
            stream: None,
        };
        // A master with TLS would close a connection that says nothing.
        if address.contains("://") || tls() {
            return Ok(presence);
        }
        let connecting = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
        let connected = match connecting {
            Ok(connected) => connected.map_err(|cause| {
                Error::new(ErrorKind::Transport, format!("no master at {address}"))
                    .with_source(cause)
            }),
            Err(_) => Err(Error::new(
                ErrorKind::Transport,
                format!(
                    "no master at {address}: it did not accept a connection within {} s",
                    CONNECT_TIMEOUT.as_secs()
                ),
            )),
        };
        presence.stream = Some(connected?);
        Ok(presence)
    }

    /// Completes when the master has gone. Cancel safe.
    pub(super) async fn lost(&mut self) -> Error {
        let Some(stream) = &mut self.stream else {
            return std::future::pending().await;
        };
        let mut ignored = [0; 64];
        // It is asked nothing, so it says nothing.
        while stream.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
        let text = format!("the master at {} has closed its connection", self.address);
        Error::new(ErrorKind::Transport, text)
    }
}

pub(super) fn tls() -> bool {
    ["LIBPROCESS_SSL_ENABLED", "SSL_ENABLED"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .any(|value| value == "1" || value == "true")
}
