//! The runtime of a framework, on the drivers of `mesos-core` and the calculations of
//! `mesos-placement`.
//!
//! * [`TaskSpec`], [`PodSpec`], [`JobSpec`] and [`ServiceSpec`] describe what runs. [`Manifest`] reads
//!   jobs and services from files.
//! * [`store`] has the stores for the state of a framework.
//! * [`OfferPool`] holds offers until a task needs them, and declines them in time.
//! * [`DemandController`] suppresses and revives the roles of the framework, and keeps the offer
//!   constraints of the master true.
//!
//! The last two are values that can be cloned and shared. The scheduler reports its events to them, and
//! each has a future that makes the calls.
//!
//! ```
//! use std::time::Duration;
//! use mesos::framework::{DemandController, OfferPool, PoolPolicy};
//! use mesos::scheduler::Subscribed;
//! use mesos::v1::OfferId;
//! use mesos::{HandlerResult, Offer, Scheduler, SchedulerDriver};
//!
//! struct Web {
//!     pool: OfferPool,
//!     demand: DemandController,
//! }
//!
//! #[mesos::async_trait]
//! impl Scheduler for Web {
//!     async fn subscribed(&mut self, _: &SchedulerDriver, _: Subscribed) -> HandlerResult {
//!         self.pool.subscribed();
//!         self.demand.subscribed();
//!         Ok(())
//!     }
//!
//!     async fn offers(&mut self, _: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
//!         self.pool.add(offers);
//!         Ok(())
//!     }
//!
//!     async fn rescind(&mut self, _: &SchedulerDriver, offer_id: OfferId) -> HandlerResult {
//!         self.pool.rescind(&offer_id);
//!         Ok(())
//!     }
//! }
//! # let _ = |driver: SchedulerDriver, pool: OfferPool, demand: DemandController| async move {
//! // Beside the scheduler, until the driver ends:
//! tokio::join!(pool.decline_expired(&driver), demand.run(&driver));
//! # };
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod demand;
mod pool;
mod spec;
pub mod store;

pub use self::demand::DemandController;
pub use self::pool::{OfferPool, PoolPolicy, TakenOffer};
pub use self::spec::{
    CheckSpec, Command, Containerizer, DockerVolume, ExecutorSpec, FileSpec, Format, HttpCheck,
    ImageSpec, InvalidSpec, JobSpec, Manifest, OnFailure, PodSpec, PortRef, PortSpec, ReadError,
    RestartPolicy, RetryPolicy, ServiceSpec, TaskSpec, UpdatePolicy, UpdateStrategy, UriSpec,
    VolumeSpec, Workload,
};
