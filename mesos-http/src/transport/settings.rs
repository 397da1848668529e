//! The settings that all parts of this crate share, and their defaults.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use crate::auth::Credentials;
use crate::transport::resolve::Resolver;
#[cfg(feature = "tls")]
use crate::transport::tls::{LastGood, TlsConfig};
use crate::wire::codec::Codec;
use crate::wire::recordio;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) codec: Codec,
    /// Sent with every request.
    pub(crate) credentials: Option<Credentials>,
    #[cfg(feature = "tls")]
    pub(crate) tls: TlsConfig,
    #[cfg(feature = "tls")]
    pub(crate) tls_last: LastGood,
    /// Used instead of the endpoint's host and port, without TLS whatever the scheme.
    pub(crate) unix_socket: Option<Arc<Path>>,
    pub(crate) resolver: Resolver,
    /// The time limit for resolving the name, the TCP connection, and the handshake together.
    pub(crate) connect_timeout: Duration,
    /// The time limit from a request to the head of its response, and again to the end of a response
    /// that is not a stream.
    pub(crate) response_timeout: Duration,
    /// The limit for a record of a stream, and for a response, in bytes.
    pub(crate) max_record_size: u64,
    /// The number of heartbeat intervals without a byte that end a subscription.
    pub(crate) missed_heartbeats: u32,
    /// The number of events in the queue above which the socket is not read.
    pub(crate) event_queue: usize,
    /// The number of bytes of the events in the queue above which the socket is not read.
    pub(crate) event_queue_bytes: usize,
    /// The number of calls in the queue above which `send` waits.
    pub(crate) call_queue: usize,
    /// The number of calls that may be written and not answered.
    pub(crate) pipeline: usize,
    /// The number of connections, of all subscriptions, that broke with more than one call in flight.
    pub(crate) breaks: Arc<AtomicU32>,
}

#[cfg(feature = "tls")]
impl Settings {
    pub(crate) fn set_tls(&mut self, tls: TlsConfig) {
        self.tls = tls;
        // What worked last belongs to the old settings.
        self.tls_last = LastGood::default();
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            codec: Codec::default(),
            credentials: None,
            #[cfg(feature = "tls")]
            tls: TlsConfig::default(),
            #[cfg(feature = "tls")]
            tls_last: LastGood::default(),
            unix_socket: None,
            resolver: Resolver::default(),
            connect_timeout: Duration::from_secs(10),
            // Five heartbeat intervals; docs/scheduler-http-api.md, "Network Partitions".
            response_timeout: Duration::from_secs(75),
            missed_heartbeats: 5,
            max_record_size: recordio::DEFAULT_LIMIT,
            event_queue: 1024,
            event_queue_bytes: 64 << 20,
            call_queue: 1024,
            // Enough for 800,000 calls per second at a round-trip time of 10 ms.
            pipeline: 8192,
            breaks: Arc::default(),
        }
    }
}
