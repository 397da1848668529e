//! Apache Mesos frameworks in Rust: write a scheduler and its executors once, and run them over
//! the v1 HTTP API or over libmesos.
//!
//! # What a framework does
//! A *scheduler* subscribes to the master and receives offers: resources of agents. It launches
//! tasks on the offers that it can use, and declines the others. An *executor* runs tasks on an
//! agent. Mesos has an executor for commands; a framework can bring its own. Each change of a
//! task's state arrives at the scheduler as a status update. Mesos repeats the update until the
//! scheduler acknowledges it.
//!
//! # A complete framework
//! ```no_run
#![doc = include_str!("../hello_scheduler.rs")]
//! ```
//!
//! The driver does the following by itself:
//! * It declines an [`Offer`] that is dropped.
//! * It acknowledges a status update after [`Scheduler::update`] returned `Ok`. If the handler
//!   failed, Mesos sends the update again.
//! * It detects a lost connection and subscribes again.
//!
//! # The parts
//! | you write | with | run by | over |
//! |---|---|---|---|
//! | [`Scheduler`] | [`Framework`], [`Offer`], [`StatusUpdate`] | [`SchedulerDriver`] | a backend for schedulers |
//! | [`Executor`] | [`executor::ExecutorEnvironment`] | [`ExecutorDriver`] | a backend for executors |
//!
//! * [`v1`] has the messages, under their names in Mesos, with builders.
//! * [`resources`] calculates with resources: takes a task's resources out of an offer, for
//!   example.
//! * [`lint`] finds mistakes in the descriptions of frameworks, executors and tasks, before Mesos
//!   refuses them or does something unexpected.
//! * [`scheduler`] and [`executor`] have the other types of the handlers' signatures.
//! * [`store`] keeps the framework's id across restarts.
//! * [`SchedulerDriver::send`] sends messages of your program to your scheduler, between the
//!   events.
//! * [`Driver`] is what both drivers share.
//! * [`middleware`] is code of your program between a driver and its backend, and repeats calls.
//!
//! A complete executor:
//!
//! ```no_run
#![doc = include_str!("../hello_executor.rs")]
//! ```
//!
//! # Choosing a backend
#![cfg_attr(
    feature = "http",
    doc = "[`http::HttpBackend`] is the default. It needs no other library, and supports the \
           complete v1 API."
)]
#![cfg_attr(
    not(feature = "http"),
    doc = "`http::HttpBackend` (feature `http`) needs no other library, and supports the complete \
           v1 API."
)]
//!
#![cfg_attr(
    feature = "native",
    doc = "[`native::NativeBackend`] runs the same scheduler or executor over libmesos, for \
           clusters that require its protocol or its authentication."
)]
#![cfg_attr(
    not(feature = "native"),
    doc = "`native::NativeBackend` (feature `native`) runs the same scheduler or executor over \
           libmesos, for clusters that require its protocol or its authentication."
)]
//! Calls that libmesos does not support fail with [`ErrorKind::Unsupported`], and are missing in
//! [`SchedulerDriver::capabilities`].
//!
//! `Box<dyn Backend<SchedulerApi>>` is also a [`backend::Backend`], for a choice at run time.
//!
//! # Errors
//! An [`Error`] answers three questions: what happened ([`Error::kind`]), whether Mesos may have
//! acted on the call ([`Error::delivery`]), and whether the same call can succeed later
//! ([`Error::is_retryable`]). `{error:#}` prints the error with its causes, as [`error_chain`]
//! does for any error. [`SchedulerDriver::join`] returns the reason of a driver's end.
//!
//! # Watching a scheduler
//! The drivers log through `tracing`: install a subscriber, for example
//! `tracing_subscriber::fmt::init()`. Spans (`accept`, `update`, `acknowledge`) follow a task by
//! its `task_id`. [`SchedulerDriver::health`] is a snapshot for a status page. [`metrics`] lists
//! the metrics of the feature `metrics`.
//!
//! # Testing a framework
//! These crates of the same repository are dev-dependencies of a framework:
//! * `mesos-testing`: a fake master and a fake agent, whose tasks behave as the test decides,
//!   simulations in virtual time with faults that a seed repeats, a proxy that injects network
//!   faults, and recorders. `examples/unit_test_your_scheduler.rs` shows a scheduler with its tests.
//! * The feature `replay` of this crate records a scheduler in production, and replays it in a test.
//! * `mesos-local`: a real Mesos on this machine, as a library (`LocalCluster`) and as a program.
//!
//! Executors that start programs use the crate `mesos-process`: child processes that end with
//! all their descendants, and a set of running tasks.
//!
//! # Features
//! | feature | default | what |
//! |---|---|---|
//! | `framework` | no | jobs that run until they have ended, services that always run, and their state (`Runner`); held offers, and the demand of roles: `mesos::framework`; includes `placement` |
//! | `http` | yes | the backend over the v1 HTTP API, `mesos::http` |
//! | `json` | no | Mesos's JSON mapping: serde on all messages, and the JSON codec of `http` |
//! | `metrics` | no | metrics of the drivers, through the crate `metrics`: [`metrics`] |
//! | `native` | no | schedulers and executors over libmesos, loaded at run time: `mesos::native` |
//! | `operator` | yes | a method for each call of the operator API, and events of the cluster: `mesos::operator` |
//! | `placement` | no | from offers to placed tasks, with a report of what was not placed: `mesos::placement` |
//! | `replay` | no | records what a scheduler and its master said, and replays it without Mesos: `mesos::replay`; includes `json` |
//! | `status` | no | a web page about the jobs of a framework, with JSON, metrics and probes: `mesos::status`; includes `framework` |
//! | `tls` | no | `https://` for `http`, with rustls |
//! | `tls-openssl` | no | the OpenSSL of the system as a second TLS library, for a Mesos whose cipher suites rustls refuses; needs its development files to build (Debian: `libssl-dev`, `pkg-config`) |
//! | `zookeeper` | no | masters found through `zk://…`, over either backend, and `store::ZooKeeperStore`; adds about 60 crates |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub use async_trait::async_trait;
pub use mesos_core::{
    AddressError, AddressErrorKind, BackoffPolicy, BoxError, Capabilities, Capability, Delivery,
    Disconnected, Driver, Endpoint, Error, ErrorKind, Executor, ExecutorDriver, Framework,
    HandlerResult, Master, MesosVersion, Offer, Result, Running, Scheduler, SchedulerDriver,
    Scheme, StatusUpdate, StopReason, Timer, UnknownEvent, address, backend, error_chain, executor,
    lint, metrics, middleware, resources, scheduler,
};
/// The backend over the v1 HTTP API, the operator API, and the files of agents.
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub mod http {
    #[doc(inline)]
    pub use mesos_http::*;
}
#[cfg(feature = "operator")]
#[cfg_attr(docsrs, doc(cfg(feature = "operator")))]
#[doc(inline)]
pub use mesos_http::operator;
/// The backend over libmesos, which is loaded at run time.
#[cfg(feature = "native")]
#[cfg_attr(docsrs, doc(cfg(feature = "native")))]
pub mod native {
    #[doc(inline)]
    pub use mesos_native::*;
}
/// The runtime of a framework: specifications of jobs and services, the state, held offers, and the
/// demand of its roles.
#[cfg(feature = "framework")]
#[cfg_attr(docsrs, doc(cfg(feature = "framework")))]
pub mod framework {
    #[doc(inline)]
    pub use mesos_framework::*;
}
/// Records what a scheduler and its master said, and replays it without Mesos.
#[cfg(feature = "replay")]
#[cfg_attr(docsrs, doc(cfg(feature = "replay")))]
pub mod replay {
    #[doc(inline)]
    pub use mesos_replay::*;
}
/// A web page about the jobs of a framework, with JSON, metrics and probes.
#[cfg(feature = "status")]
#[cfg_attr(docsrs, doc(cfg(feature = "status")))]
pub mod status {
    #[doc(inline)]
    pub use mesos_status::*;
}
/// From offers to placed tasks.
#[cfg(feature = "placement")]
#[cfg_attr(docsrs, doc(cfg(feature = "placement")))]
pub mod placement {
    #[doc(inline)]
    pub use mesos_placement::*;
}
pub use mesos_proto::{
    Bytes, ExecutorInfoBuilder, OpenEnum, TaskFate, TaskInfoBuilder, UnknownEnum, encoded, known,
    v1,
};

/// Stores that keep a framework's id when its scheduler's process ends: in memory, in a file, in
/// ZooKeeper (feature `zookeeper`), or through a custom [`Store`](store::Store). Also stores that keep
/// the whole state of a framework: [`StateStore`](store::StateStore).
pub mod store {
    pub use mesos_core::store::*;
    #[cfg(feature = "zookeeper")]
    pub use mesos_zookeeper::{
        ZooKeeperState, ZooKeeperStateError, ZooKeeperStore, ZooKeeperStoreError,
    };
}
