//! A web page that shows what a framework does: its jobs, why a job is not placed, the output of
//! tasks, held offers, and the connection to Mesos. Beside the page: JSON, metrics for Prometheus,
//! and probes.
//!
//! ```no_run
//! use std::time::Duration;
//! use mesos::framework::Runner;
//! use mesos::http::HttpBackend;
//! use mesos::operator::MasterClient;
//! use mesos::status::StatusPage;
//! use mesos::{Framework, Master};
//!
//! # async fn example() -> Result<(), mesos::BoxError> {
//! let master: Master = "http://10.0.0.1:5050".parse()?;
//! let framework = Framework::with_failover_timeout("batch", Duration::from_secs(3600));
//! let runner = Runner::builder(framework).start(HttpBackend::new(master.clone())).await?;
//!
//! // On http://127.0.0.1:8080, with the output of tasks, until `page` is dropped.
//! let page = StatusPage::new(&runner).logs(MasterClient::new(master)).listen(8080).await?;
//! println!("{}", page.url());
//! # Ok(())
//! # }
//! ```
//!
//! # What is served
//! | path | content |
//! |---|---|
//! | `/` | the state of the framework, the number of jobs in each state, services and their instances, jobs that wait and why, the last events |
//! | `/jobs?state=…&contains=…&after=…` | jobs that have not ended, 100 at a time |
//! | `/jobs/NAME` | one job: its state, specification, reports, and the output of its tasks |
//! | `/jobs/NAME/tasks/TASK/stdout`, `…/stderr` | the last 64 KiB of a file of a sandbox, as plain text |
//! | `/ended?state=finished`, `/ended?state=failed`, `/ended` | the last 500 jobs that ended since the start of the program |
//! | `/services/NAME` | one service: its state, instances, specification and reports |
//! | `/services/NAME/instances/NUMBER` | one instance with the output of its tasks |
//! | `/services/NAME/tasks/TASK/stdout`, `…/stderr` | the last 64 KiB of a file of a sandbox, as plain text |
//! | `/offers`, `/events`, `/driver` | held offers; the last 500 events; the connection to Mesos |
//! | `/api/overview`, `/api/jobs`, `/api/jobs/NAME`, `/api/ended`, `/api/services`, `/api/offers`, `/api/events` | the same as JSON |
//! | `/metrics` | metrics as text for Prometheus |
//! | `/healthz` | 200 while the runner works; 503 with the reason after its end |
//! | `/readyz` | 200 while the framework is subscribed and its state can be written; otherwise 503 with the reason |
//!
//! The pages are rendered by the server. A script of 60 lines updates them when something has
//! changed, at most once per second. Without scripts the pages work, and are loaded again every
//! 10 seconds.
//!
//! # Who can see the page
//! The page changes nothing, but shows commands, environments and output of tasks. There is no
//! login. [`StatusPage::listen`] binds to the loopback address, and refuses requests whose `Host`
//! is another name, so that a website in a browser on the machine cannot read the page.
//! [`StatusPage::listen_on`] binds to any address. [`StatusPage::router`] is for a program that has
//! a server with its own access control.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod api;
mod html;
mod live;
mod logs;
mod metrics;
mod page;
mod probe;
mod server;
mod services;

pub use self::page::StatusPage;
pub use self::server::Listening;
