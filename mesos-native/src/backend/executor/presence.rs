//! Whether the agent is there, which libmesos keeps to itself: a connection beside its own.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::backend::presence::tls;

/// Between attempts to reach an agent that libmesos has registered with.
const RETRY: Duration = Duration::from_secs(1);

/// See the module. Dropping it ends the watching.
#[derive(Debug)]
pub(super) struct Presence {
    since: watch::Receiver<Option<Instant>>,
    registered: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Presence {
    pub(super) fn watch(agent: SocketAddrV4) -> Self {
        let (sender, since) = watch::channel(None);
        let registered = Arc::new(Notify::new());
        let notify = Arc::clone(&registered);
        let task = tokio::spawn(async move {
            loop {
                notify.notified().await;
                // An agent with TLS would close a connection that says nothing.
                if tls() {
                    sender.send_replace(Some(Instant::now()));
                    continue;
                }
                let mut connected = connect_at_last(agent).await;
                loop {
                    sender.send_replace(Some(Instant::now()));
                    closed(connected).await;
                    sender.send_replace(None);
                    // An agent that has only closed this connection is reached at once. One
                    // that was started again registers the executor again first.
                    match TcpStream::connect(agent).await {
                        Ok(again) => connected = again,
                        Err(_) => break,
                    }
                }
            }
        });
        Self {
            since,
            registered,
            task,
        }
    }

    /// The agent has registered the executor, again or for the first time, and libmesos has
    /// repeated its updates.
    pub(super) fn registered(&self) {
        self.registered.notify_one();
    }

    /// Since when the agent has been there; none while it is away.
    pub(super) fn since(&mut self) -> Option<Instant> {
        *self.since.borrow_and_update()
    }

    /// Completes when what [`since`](Self::since) says has changed. Cancel safe.
    pub(super) async fn changed(&mut self) {
        if self.since.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect_at_last(agent: SocketAddrV4) -> TcpStream {
    loop {
        match TcpStream::connect(agent).await {
            Ok(stream) => return stream,
            Err(_) => sleep(RETRY).await,
        }
    }
}

/// Completes when the agent has closed the connection. It is asked nothing, so it says
/// nothing.
async fn closed(mut stream: TcpStream) {
    let mut ignored = [0; 64];
    while stream.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
}
