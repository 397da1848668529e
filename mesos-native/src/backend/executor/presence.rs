//! Watches whether the agent is reachable, which libmesos does not report, by a second
//! connection.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::backend::address::tls_enabled;
use crate::backend::connection::{closed, connect};

/// The delay between two attempts to reach an agent that libmesos has registered with.
const RETRY: Duration = Duration::from_secs(1);

/// The watcher, as described in the module. Dropping it stops watching.
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
                // An agent with TLS would close a connection that sends nothing.
                if tls_enabled() {
                    sender.send_replace(Some(Instant::now()));
                    continue;
                }
                let mut connected = connect_with_retries(agent).await;
                loop {
                    sender.send_replace(Some(Instant::now()));
                    // A host that no longer responds is not reachable either.
                    let _ = closed(&mut connected).await;
                    sender.send_replace(None);
                    // An agent that only closed this connection is reachable at once. An agent
                    // that restarted registers the executor first.
                    match connect(&[agent.into()]).await {
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

    /// Reports that the agent has registered the executor, for the first time or again, and that
    /// libmesos has repeated its updates.
    pub(super) fn registered(&self) {
        self.registered.notify_one();
    }

    /// The time since which the agent has been reachable. `None` while the agent is unreachable.
    pub(super) fn since(&mut self) -> Option<Instant> {
        *self.since.borrow_and_update()
    }

    /// Completes when the result of [`since`](Self::since) has changed. Cancel safe.
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

async fn connect_with_retries(agent: SocketAddrV4) -> TcpStream {
    loop {
        match connect(&[agent.into()]).await {
            Ok(stream) => return stream,
            Err(_) => sleep(RETRY).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use mesos_testing::RemoteHost;
    use tokio::time::timeout;

    use super::*;

    impl Presence {
        /// A watcher whose agent is always reachable.
        pub(in crate::backend::executor) fn reachable() -> Self {
            let (sender, since) = watch::channel(Some(Instant::now()));
            Self {
                since,
                registered: Arc::default(),
                task: tokio::spawn(async move { sender.closed().await }),
            }
        }
    }

    #[tokio::test]
    async fn an_agent_whose_host_vanishes_is_not_reachable() {
        let host = match RemoteHost::start() {
            Ok(host) => host,
            Err(error) => {
                eprintln!("NOT TESTED: {error}");
                return;
            }
        };
        let agent = host.listen().expect("a port");
        let SocketAddr::V4(address) = agent.local_addr().expect("an address") else {
            panic!("{agent:?}");
        };
        let mut presence = Presence::watch(address);
        presence.registered();
        while presence.since().is_none() {
            presence.changed().await;
        }
        host.lose_packets().expect("a silent host");
        let lost = async {
            while presence.since().is_some() {
                presence.changed().await;
            }
        };
        let lost = timeout(Duration::from_secs(120), lost).await;
        lost.expect("noticed");
    }
}
