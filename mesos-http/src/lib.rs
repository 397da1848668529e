//! Mesos over its v1 HTTP API: the backend for schedulers and executors, and a
//! client for the operator API.
//!
//! # A scheduler
//! [`HttpBackend`] is given to the driver of `mesos-core`, which runs a
//! `Scheduler` over it. What the backend does is one subscription at a time:
//!
//! ```no_run
//! use mesos_core::backend::{Backend, Incoming, SchedulerApi, Subscription};
//! use mesos_http::HttpBackend;
//! use mesos_proto::v1::scheduler::{Call, call};
//!
//! # async fn example(framework: mesos_proto::v1::FrameworkInfo) -> Result<(), mesos_core::Error> {
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
//! # What it promises
//! * Events come in the order in which Mesos wrote them, however the stream was
//!   cut on the way. The stream's end, whatever it looks like, is an error with
//!   a kind; it comes behind the events that came before it.
//! * Silence for some of the master's heartbeat intervals is an end too. A slow
//!   consumer is not taken for silence: it slows the socket.
//! * Calls go on a connection of their own, in the order in which they were
//!   made, each when the one before it was answered, and each at most once.
//!   They carry the stream id of the subscription they were made in, and none
//!   is sent when that is over. A failed call never hurts the subscription.
//! * Memory is bounded: the queues by their lengths, a record by
//!   [`max_record_size`](HttpBackend::max_record_size), and neither by what a peer
//!   merely announces.
//! * Subscribing again, backoff and everything else that lasts longer than a
//!   subscription is left to `mesos-core`.
//!
//! # Where the master is
//! [`Endpoint`] is the address of one; [`Master`] is every form of address that
//! Mesos has, `zk://` included, and [`detect`] says how the leader is found by it.
//!
//! # Security
//! [`Credentials`] go with every request, and `TlsConfig` (feature `tls`) says
//! whom to believe at `https://`. None of what this crate logs, returns as an
//! error or shows as `Debug` output has a secret in it.
//!
//! # Features
//! * `json`: `Codec::Json` beside protobuf.
//! * `tls`: `https://`, by rustls.
//! * `tls-openssl`: the system's OpenSSL as another TLS library to choose.
//!   Needs its development files to build (Debian: `libssl-dev`, `pkg-config`).
//! * `zookeeper`: masters that are found by addresses like `zk://…`. Off by default: it brings some
//!   60 crates, as many as all the rest.
//!
//! # Files
//! [`files`] reads a task's output from its agent, over [`OperatorClient`].

mod auth;
mod backend;
pub mod detect;
pub mod files;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod lock;
mod operator;
mod pipeline;
mod target;
mod transport;
mod wire;

pub use auth::{Credentials, TokenProvider};
pub use backend::HttpBackend;

// The address types are in mesos-core. They are re-exported for crates that use mesos-http directly.
pub use mesos_core::{AddressError, AddressErrorKind, Endpoint, Master, Scheme};
pub use operator::OperatorClient;
#[cfg(feature = "tls")]
pub use transport::tls::TlsConfig;
pub use wire::codec::Codec;
pub use wire::recordio;
