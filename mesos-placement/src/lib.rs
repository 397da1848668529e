//! From offers to placed tasks.
//!
//! A [`Placer`] decides which task goes to which offer. It takes the resources of the tasks out of
//! the offers, and reports why something was not placed. The crate only calculates: it does no I/O,
//! has no clock, and needs no runtime.
//!
//! ```
//! use mesos::placement::{Cluster, Constraint, Field, Placer, Request, Strategy, TaskSpec};
//! use mesos::v1::{Attribute, Offer, Resource};
//!
//! let offer = Offer {
//!     hostname: "agent-7".into(),
//!     attributes: vec![Attribute::text("rack", "r1")],
//!     resources: vec![Resource::scalar("cpus", 2.5), Resource::scalar("mem", 1024.0)],
//!     ..Offer::default()
//! };
//! let web = Request::new(TaskSpec::new("web", "cpus:1;mem:256".parse()?))
//!     .instances(2)
//!     .constraint(Constraint::is(Field::attribute("rack"), "r1"));
//!
//! let round = Placer::new(Strategy::FirstFit).place([&offer], &[web], &Cluster::new());
//!
//! // In a scheduler: driver.accept(accept.offers, accept.operations, None)
//! let accept = &round.accepts[0];
//! assert_eq!(accept.tasks().count(), 2);
//! assert_eq!(accept.left.to_string(), "cpus:0.5; mem:512");
//! assert!(round.report.is_empty());
//! # Ok::<(), mesos::resources::ParseError>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod agent;
mod carve;
mod check;
mod choose;
mod constraint;
mod dimension;
mod executors;
mod explain;
mod fields;
mod history;
mod index;
mod launch;
mod masks;
mod near;
mod placer;
mod pool;
mod ports;
mod report;
mod request;
mod round;
mod run;
mod strategy;
mod tree;
mod volume;

pub use self::agent::{Agent, Cluster, RunningTask};
pub use self::check::InvalidRequest;
pub use self::constraint::{Constraint, Field, InvalidPattern, Pattern};
pub use self::history::History;
pub use self::placer::Placer;
pub use self::ports::Ports;
pub use self::report::{Nearest, Reason, Report, Requirement, Unplaced};
pub use self::request::{Request, Revocable, TaskSpec};
pub use self::round::{Accept, Placed, Round};
pub use self::strategy::{Candidate, Fitness, Strategy};
pub use self::volume::{DiskKind, Reservations, Volume};
