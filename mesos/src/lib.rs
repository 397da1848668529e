//! Apache Mesos frameworks in Rust: a scheduler and its executors, written
//! once, run over the v1 HTTP API or over libmesos.
//!
//! # What Mesos asks of a framework
//! A *scheduler* subscribes to the master and is offered resources of agents.
//! It accepts an offer by launching tasks on it, and gives back what it does
//! not need. An *executor* runs the tasks on an agent: Mesos' own runs a
//! command, and a framework can bring another. Each change of a task's state
//! comes to the scheduler as a status update, again and again until it is
//! acknowledged.
//!
//! # A whole framework
//! ```no_run
#![doc = include_str!("../../examples/hello_scheduler.rs")]
//! ```
//!
//! What the driver does about it, unasked: an [`Offer`] that is not used is
//! declined when it is dropped; a status update is acknowledged after
//! [`Scheduler::update`] returned `Ok`, and comes again if it did not; a lost
//! connection is noticed and replaced.
//!
//! # The pieces
//! | you write | with | run by | over |
//! |---|---|---|---|
//! | [`Scheduler`] | [`Framework`], [`Offer`], [`StatusUpdate`] | [`SchedulerDriver`] | a backend for schedulers |
//! | [`Executor`] | [`executor::ExecutorEnvironment`] | [`ExecutorDriver`] | a backend for executors |
//!
//! The messages are in [`v1`], by their names in Mesos; what can be calculated
//! with resources is in [`resources`].
//!
//! # Choosing a backend
#![cfg_attr(
    feature = "http",
    doc = "[`http::HttpBackend`] needs nothing but this crate, and can do everything that \
           Mesos' v1 API can. It is the default."
)]
//!
#![cfg_attr(
    feature = "native",
    doc = "\n[`native::NativeBackend`] runs the same scheduler over libmesos, for clusters \
           that only take its protocol or its authentication, and \
           [`for_executor`](native::NativeBackend::for_executor) makes the backend for the same \
           executor. A call that libmesos cannot express fails with \
           [`ErrorKind::Unsupported`], and [`SchedulerDriver::capabilities`] does not include it."
)]
//!
//! A `Box<dyn Backend<SchedulerApi>>` is a backend too, for a choice at run time.
//!
//! # When something goes wrong
//! An [`Error`] answers three questions: what happened ([`Error::kind`]), may
//! Mesos have acted on the call ([`Error::delivery`]), and can the same call
//! succeed later ([`Error::is_retryable`]). [`chain`] prints it with its causes.
//! [`SchedulerDriver::join`] says what ended a driver.
//!
//! # Watching a scheduler
//! [`SchedulerDriver::health`] is a snapshot for a status page; [`metrics`] lists
//! what is measured, with the feature of that name; the spans of `tracing`
//! (`accept`, `update`, `acknowledge`) follow a task by its `task_id`.
//!
//! # Features
//! | feature | default | what |
//! |---|---|---|
//! | `http` | yes | the backend over the v1 HTTP API, `mesos::http` |
//! | `json` | no | Mesos' JSON mapping: serde on all messages, and the JSON codec of `http` |
//! | `metrics` | no | what drivers measure, by the facade of that name: [`metrics`] |
//! | `native` | no | schedulers and executors over libmesos, loaded at run time: `mesos::native` |
//! | `tls` | no | `https://` for `http`, by rustls |
//! | `tls-openssl` | no | the system's OpenSSL as another TLS library to choose, for a Mesos whose cipher suites rustls refuses; needs its development files to build (Debian: `libssl-dev`, `pkg-config`) |
//! | `zookeeper` | no | masters that are found by `zk://…`, over either backend, and `store::ZooKeeperStore`; brings some 60 crates |

#![forbid(unsafe_code)]

pub use async_trait::async_trait;
pub use mesos_core::{
    AddressError, AddressErrorKind, BackoffPolicy, BoxError, Capabilities, Capability, Delivery,
    Disconnected, Driver, Endpoint, Error, ErrorKind, Executor, ExecutorDriver, Framework,
    HandlerResult, Master, Offer, Result, Running, Scheduler, SchedulerDriver, Scheme,
    StatusUpdate, StopReason, Timer, UnknownEvent, address, backend, error_chain, executor,
    metrics, resources, scheduler,
};
#[cfg(feature = "http")]
pub use mesos_http as http;
#[cfg(feature = "native")]
pub use mesos_native as native;
pub use mesos_proto::{Bytes, v1};

/// Where a framework's id outlives its scheduler's process: in memory, in a
/// file, in a ZooKeeper (feature `zookeeper`), or where [`Store`](store::Store)
/// is implemented for.
pub mod store {
    pub use mesos_core::store::*;
    #[cfg(feature = "zookeeper")]
    pub use mesos_zookeeper::{ZooKeeperStore, ZooKeeperStoreError};
}
