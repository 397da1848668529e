//! The last reports of each request, for a status page.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::{Report, Unplaced};

/// The last reports per request.
///
/// ```
/// use mesos::placement::{Cluster, History, Placer, Request, Strategy, TaskTemplate};
/// use mesos::v1::Offer;
///
/// let request = Request::new(TaskTemplate::new("web", "cpus:1".parse()?));
/// let mut history = History::new(10);
/// let round = Placer::new(Strategy::FirstFit).place::<&Offer>([], &[request], &Cluster::new());
/// history.record(&round.report);
/// let last = history.of("web").next().map(ToString::to_string);
/// assert_eq!(last.as_deref(), Some("web: 1 of 1 instance not placed: no offers"));
/// # Ok::<(), mesos::resources::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct History {
    length: usize,
    requests: BTreeMap<String, VecDeque<Arc<Unplaced>>>,
}

impl History {
    /// Keeps the last `length` reports of each request.
    pub fn new(length: usize) -> History {
        History {
            length,
            requests: BTreeMap::new(),
        }
    }

    /// Adds the report of a round. Requests that are not in the report keep their earlier reports,
    /// until [`forget`](Self::forget).
    pub fn record(&mut self, report: &Report) {
        for unplaced in &report.unplaced {
            let shared = Arc::new(unplaced.clone());
            for request in &unplaced.requests {
                let reports = self.requests.entry(request.clone()).or_default();
                reports.push_back(Arc::clone(&shared));
                while reports.len() > self.length {
                    reports.pop_front();
                }
            }
        }
    }

    /// Removes the reports of a request, for example when its task runs.
    pub fn forget(&mut self, request: &str) {
        self.requests.remove(request);
    }

    /// The reports of a request, the newest first.
    pub fn of(&self, request: &str) -> impl Iterator<Item = &Unplaced> {
        let reports = self.requests.get(request).into_iter().flatten();
        reports.rev().map(|report| &**report)
    }

    /// The names of the requests with reports, in the order of their bytes.
    pub fn requests(&self) -> impl Iterator<Item = &str> {
        self.requests.keys().map(String::as_str)
    }
}
