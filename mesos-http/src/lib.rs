//! The backend over Mesos' v1 HTTP API for schedulers and executors, and a client for the operator
//! API.
//!
//! # A scheduler
//! Pass an [`HttpBackend`] to a driver. The backend itself handles one subscription at a time:
//!
//! ```no_run
//! use mesos::backend::{Backend, Incoming, SchedulerApi, Subscription};
//! use mesos::http::HttpBackend;
//! use mesos::v1::scheduler::{Call, call};
//!
//! # async fn example(framework: mesos::v1::FrameworkInfo) -> Result<(), mesos::Error> {
//! let backend = HttpBackend::new("http://10.0.0.1:5050".parse()?);
//! let mut subscription: Subscription<SchedulerApi> = backend
//!     .subscribe(Call {
//!         r#type: Some(call::Type::Subscribe.into()),
//!         subscribe: Some(call::Subscribe {
//!             framework_info: framework,
//!             ..Default::default()
//!         }),
//!         ..Default::default()
//!     })
//!     .await?;
//! while let Incoming::Event(event, _) = subscription.events.next().await? {
//!     println!("{:?}", event.r#type());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//! * Events arrive in the order in which Mesos sent them, however the stream is split on the way.
//!   The end of the stream is always an error with a kind, after the events that arrived before it.
//! * A subscription also ends after a number of the master's heartbeat intervals without a byte. A
//!   slow consumer is not mistaken for a silent master: it slows the socket.
//! * Calls use their own connection, and are sent in the order in which they were made, each at most
//!   once. They are pipelined: up to [`pipeline`](HttpBackend::pipeline) calls are sent before the
//!   first of them is answered. So a failed call does not stop the calls that were sent after it. They carry the stream id of their subscription, and no call is sent
//!   after the subscription has ended.
//! * The calls go to the address that accepted the subscription, whatever other addresses the host
//!   name has.
//! * A refused call does not affect the subscription. For schedulers there are these exceptions, which
//!   end the subscription: the master does not know the subscription of the call, or redirects the
//!   call to another master (307, 308).
//! * A scheduler's call of unknown fate also ends the subscription: the call is not answered in time,
//!   or its connection breaks. No later call is sent, because it could overtake the unknown call.
//! * Time limits count only the time in which this process runs: after a pause (SIGSTOP, a paused
//!   virtual machine, a blocked runtime) they start again, at most eight times without a byte.
//! * Every TCP connection has keepalive: a peer whose host or network vanished is noticed within 30 s.
//! * Memory is bounded: the queues by their capacities (events also by
//!   [their bytes](HttpBackend::event_queue_bytes)), and a record by
//!   [`max_record_size`](HttpBackend::max_record_size). A length that a peer only announces does not
//!   allocate memory.
//! * Resubscribing, backoff and everything else that outlasts a subscription is up to the driver.
//!
//! # Addresses
//! [`Master`] accepts every form of a master's address, including `zk://`; [`detect`] describes how
//! the leader is found. [`Endpoint`] is the address of one master or agent. IPv6 addresses work in
//! every form, in brackets: `[fd00::1]:5050`, `https://[fd00::1]:5050`, `zk://[fd00::1]:2181/mesos`. A
//! certificate for such a host needs the address as an alternative name of the type IP. Masters and
//! agents up to Mesos 1.11 listen on IPv4 only (3rdparty/libprocess/src/process.cpp), so the IPv6
//! address is that of a proxy in front of them. If the API does not exist
//! at the prefix of the address (404), a scheduler's backend also tries the prefix with or without
//! `/master`.
//!
//! # Wrong settings
//! [`Error::is_configuration`](mesos_core::Error::is_configuration) is true for failures that a
//! wrong setting usually causes: a refused connection, an unknown host name, a missing API (404), a
//! peer that is not Mesos, a refused certificate, HTTP to a port with TLS and the reverse.
//!
//! # Security
//! [`Credentials`] are sent with every request. `TlsConfig` (feature `tls`) has the trusted CAs for
//! `https://`. Logs, errors and `Debug` output of this crate never contain a secret.
//!
//! # Features
//! * `json`: `Codec::Json` in addition to protobuf.
//! * `operator`: a method for each call of the operator API: [`operator`].
//! * `tls`: `https://`, by rustls.
//! * `tls-openssl`: the system's OpenSSL as another TLS library. Building it requires OpenSSL's
//!   development files (Debian: `libssl-dev`, `pkg-config`).
//! * `zookeeper`: masters with addresses like `zk://…`. Disabled by default, because it adds about 60
//!   crates, as many as all the rest.
//!
//! # Files
//! [`files`] reads a task's output from its agent, through an [`OperatorClient`].

mod auth;
mod backend;
pub mod detect;
pub mod files;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod lock;
pub mod operator;
mod pipeline;
mod target;
mod transport;
mod wire;
mod work;

pub use auth::{Credentials, TokenProvider};
pub use backend::HttpBackend;

// The address types, for crates that use mesos-http directly.
pub use mesos_core::{AddressError, AddressErrorKind, Endpoint, Master, Scheme};
pub use operator::OperatorClient;
#[cfg(feature = "tls")]
pub use transport::tls::{TlsConfig, TlsProbe};
pub use wire::codec::Codec;
pub use wire::recordio;
