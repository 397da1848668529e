//! From offers to placed tasks.
//!
//! A [`Placer`] decides which task goes to which offer. It takes the resources of the tasks out of
//! the offers, and reports why something was not placed. The crate only calculates: it does no I/O,
//! has no clock, and needs no runtime.
//!
//! ```
//! use mesos::placement::{Cluster, Constraint, Field, Placer, Request, Strategy, TaskTemplate};
//! use mesos::v1::{Attribute, Offer, Resource};
//!
//! let offer = Offer {
//!     hostname: "agent-7".into(),
//!     attributes: vec![Attribute::text("rack", "r1")],
//!     resources: vec![Resource::scalar("cpus", 2.5), Resource::scalar("mem", 1024.0)],
//!     ..Offer::default()
//! };
//! let web = Request::new(TaskTemplate::new("web", "cpus:1;mem:256".parse()?))
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
//!
//! # A round
//! 1. A [`Request`] states what to place: one or more instances of a [`TaskTemplate`], or of a group of
//!    them, with [`Constraint`]s. [`Request::check`] and [`Placer::fits_never`] find requests that
//!    can never be placed, before offers arrive.
//! 2. [`Placer::place`] returns a [`Round`]: [`Accept`]s with the operations, the offers that are
//!    not used, and a [`Report`].
//! 3. The scheduler sends the accepts, and keeps [`Placed::running`] in [`Cluster::tasks`] for as
//!    long as the task runs. Constraints of later rounds count these tasks.
//!
//! # Reports
//! A report has an entry for all equal requests. It states for each requirement how many offers
//! failed it, and which offer came nearest:
//!
//! ```text
//! web, api: 4 of 4 instances not placed on 15 offers: needs cpus 4: the largest free is 2.5 on agent-13; 12 offers lack attribute rack=r1
//! ```
//!
//! [`History`] keeps the last reports of each request for a status page.
//!
//! # Strategies
//! | strategy | prefers | tasks placed, of the optimum |
//! |---|---|---|
//! | [`Strategy::FirstFit`] | the first offer | 90 % |
//! | [`Strategy::BestFit`] | the offer on which the least stays unused | 96 % |
//! | [`Strategy::Spread`] | the offer on which the most stays unused | 89 % |
//! | [`Strategy::Fitness`] | the largest value of a function | |
//! | [`Strategy::Weighted`] | the largest weighted sum | |
//!
//! The figures are means of 300 random instances with 2 to 4 agents and 4 to 10 tasks, which mostly
//! do not all fit (`tests/it/optimum.rs`).
//!
//! # Equals in other schedulers
//! | here | Marathon | Fenzo | DC/OS SDK |
//! |---|---|---|---|
//! | [`Constraint::Is`] | `IS` (numbers rounded to three places), `CLUSTER` with a value | `HostAttrValueConstraint` | `ExactMatcher` |
//! | [`Constraint::IsNot`] | | | `InvertedExactMatcher` |
//! | [`Constraint::Like`] | `LIKE` | | `RegexMatcher` |
//! | [`Constraint::Unlike`] | `UNLIKE` | | `NotRule` of a `RegexMatcher` |
//! | [`Constraint::In`], [`Constraint::NotIn`] | `LIKE`, `UNLIKE` with alternatives | | `OrRule` of `ExactMatcher`s, `NotRule` |
//! | [`Constraint::Exists`] | `LIKE` with `.*` | | `AnyMatcher` |
//! | [`Field::Attribute`] | a field | an attribute's name | `AttributeRule` |
//! | [`Field::Hostname`] | `@hostname`, `hostname` | `hostname()` | `HostnameRule` |
//! | [`Field::AgentId`] | | | `AgentRule` |
//! | [`Field::Region`], [`Field::Zone`] | `@region`, `@zone` | | `RegionRule`, `ZoneRule`; `IsLocalRegionRule` with the region of the master |
//! | [`Constraint::Unique`] | `UNIQUE` | `UniqueHostAttrConstraint` | `MaxPer…Rule` with 1 |
//! | [`Constraint::MaxPer`] | `MAX_PER` | | `MaxPerAttributeRule`, `MaxPerHostnameRule`, `MaxPerRegionRule`, `MaxPerZoneRule` |
//! | [`Constraint::GroupBy`] | `GROUP_BY` | `BalancedHostAttrConstraint` | `RoundRobinByAttributeRule`, `…Hostname…`, `…Region…`, `…Zone…` |
//! | [`Constraint::Cluster`] | `CLUSTER` without a value | | |
//! | [`Constraint::With`], [`Constraint::Avoid`] | | `ExclusiveHostConstraint`: avoid a label that all tasks have | `TaskTypeRule` |
//! | [`Constraint::KeepGpus`] | `--gpu_scheduling_behavior restricted` | | |
//! | [`Constraint::Available`] | `--maintenance_mode` | disabled hosts | |
//! | [`Constraint::All`], [`Constraint::Any`], [`Constraint::Not`] | a list, for all | | `AndRule`, `OrRule`, `NotRule` |
//! | [`Constraint::All`] of nothing | | | `PassthroughRule` |
//! | [`Strategy::BestFit`] | | `BinPackingFitnessCalculators` | |
//! | [`Strategy::Spread`] | | `SpreadingFitnessCalculators` | |
//! | [`Strategy::Fitness`] | | `VMTaskFitnessCalculator`, `AsSoftConstraint` | |
//! | [`Strategy::Weighted`] | | `WeightedAverageFitnessCalculator` | |
//! | [`Report`] | rejection reasons | assignment failures | offer outcomes |
//!
//! `GROUP_BY` of Marathon knows only values that have tasks, so it can put all tasks on one value
//! unless the number of values is given. [`Constraint::GroupBy`] also knows the values of the
//! offers.
//! The names are those of Marathon (`docs/docs/constraints.md`, `Constraints.scala`), of Fenzo
//! (`com.netflix.fenzo` and its `plugins`) and of the DC/OS SDK (`offer/evaluate/placement`).

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod agent;
mod carve;
mod check;
mod choose;
mod constraint;
mod demand;
mod dimension;
mod executors;
mod explain;
mod fields;
mod held;
mod hints;
mod history;
mod index;
mod launch;
mod lint;
mod masks;
mod near;
mod parts;
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
mod volumes;

pub use self::agent::{Agent, Avoided, Cluster, RunningTask};
pub use self::check::InvalidRequest;
pub use self::constraint::{Constraint, Field, InvalidPattern, Pattern};
pub use self::demand::{Change, Demand, DueCall, Next, Want, fair_shares, role_constraints};
pub use self::held::HeldOffers;
pub use self::history::History;
pub use self::placer::Placer;
pub use self::ports::Ports;
pub use self::report::{Nearest, Reason, Report, Requirement, Unplaced};
pub use self::request::{Request, Revocable, TaskTemplate};
pub use self::round::{Accept, Placed, Round};
pub use self::strategy::{Candidate, Fitness, Strategy};
pub use self::volume::{DiskKind, Reservations, Volume};
