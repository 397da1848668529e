//! The knobs that every part of this crate shares, and their defaults.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::Credentials;
#[cfg(feature = "tls")]
use crate::transport::tls::TlsConfig;
use crate::wire::codec::Codec;
use crate::wire::recordio;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) codec: Codec,
    /// Who we are, in every request.
    pub(crate) credentials: Option<Credentials>,
    #[cfg(feature = "tls")]
    pub(crate) tls: TlsConfig,
    /// To be connected to in place of the endpoint's host and port, without
    /// TLS whatever its scheme.
    pub(crate) unix_socket: Option<Arc<Path>>,
    /// For resolving the name, the TCP connection, and the handshake together.
    pub(crate) connect_timeout: Duration,
    /// From a request to the head of its response, and from there to the end
    /// of a response that is no stream.
    pub(crate) response_timeout: Duration,
    /// The longest record of a stream, and the longest response, in bytes.
    pub(crate) max_record_size: u64,
    /// So many heartbeat intervals without a byte end a subscription.
    pub(crate) missed_heartbeats: u32,
    /// Events that wait for the consumer before the socket is no longer read.
    pub(crate) event_queue: usize,
    /// Calls that wait for their turn before `send` waits.
    pub(crate) call_queue: usize,
    /// Calls that are written and not answered yet.
    pub(crate) pipeline: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            codec: Codec::default(),
            credentials: None,
            #[cfg(feature = "tls")]
            tls: TlsConfig::default(),
            unix_socket: None,
            connect_timeout: Duration::from_secs(10),
            // Five intervals, and for responses as long as for these five:
            // docs/scheduler-http-api.md, "Network Partitions".
            response_timeout: Duration::from_secs(75),
            missed_heartbeats: 5,
            max_record_size: recordio::DEFAULT_LIMIT,
            event_queue: 64,
            call_queue: 128,
            // At a round trip of 10 ms this is 100,000 calls a second.
            pipeline: 8192,
        }
    }
}
