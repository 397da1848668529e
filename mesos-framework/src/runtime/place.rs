//! From waiting jobs and held offers to launches.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use mesos_placement::{Agent, Cluster, Report, Request, RunningTask, Unplaced};
use mesos_proto::v1::FrameworkId;

use super::command::Accept;
use super::{Driver, Effect, Runtime};
use crate::engine::{Launch, Room, WantedUnit};

/// How many jobs and instances are tried in one round, at most.
const WINDOW: usize = 500;

impl Runtime {
    pub(super) fn place(&mut self, driver: &Driver) {
        // A launch that cannot be recorded must wait, and its offers can be used by others.
        if self.writer.is_failing() || self.stopping {
            return;
        }
        let Some(framework) = driver.framework_id() else {
            return;
        };
        if std::mem::take(&mut self.fresh) {
            self.engine.gained();
        }
        // Without offers, a round only finds the reports of what was never tried.
        if self.pool.is_empty() && !self.engine.is_untried() {
            self.engine.unchanged();
        }
        // Otherwise the round would be the same as the round before, again and again.
        if !self.engine.is_changed() {
            return self.set_demand(&framework);
        }
        tracing::trace!("placing");
        let now = self.now();
        let offers = self.pool.take_all();
        let mut room = Room::of(offers.iter().map(|offer| &**offer));
        let wanted = self.engine.wanted(&framework, WINDOW, &mut room, now);
        let (units, cut) = (wanted.units, wanted.cut);
        if units.is_empty() {
            self.engine.unchanged();
            return self.set_demand(&framework);
        }
        let is_social = units.iter().any(|one| one.social);
        let cluster = self.cluster(&framework, &wanted.requests, is_social);
        let round = self.placer.place(offers, &wanted.requests, &cluster);

        let mut placed = HashSet::new();
        let mut launches = Vec::new();
        let mut accepts = Vec::new();
        let mut changes = Vec::new();
        for accept in round.accepts {
            let tasks = accept.tasks();
            changes.extend(tasks.filter_map(|task| self.executors.launched(task)));
            let mut names = Vec::with_capacity(accept.placed.len());
            for one in accept.placed {
                let Some(WantedUnit { name, id, .. }) = units.get(one.request) else {
                    continue;
                };
                placed.insert(one.request);
                self.timeline.launched(name, &one.running.agent.hostname);
                names.push((name.clone(), id.clone()));
                launches.push(Launch {
                    name: name.clone(),
                    id: id.clone(),
                    tasks: one.task_ids,
                    agent: one.running.agent,
                });
            }
            accepts.push((accept.offers, accept.operations, names));
        }
        if !changes.is_empty() {
            // An executor that runs takes nothing from the later offers of its agent.
            self.engine.gained();
        }
        let left = units.into_iter().zip(&wanted.requests).enumerate();
        let left = left.filter(|(at, _)| !placed.contains(at));
        let left = left.map(|(_, (unit, request))| (unit, request.name()));
        self.engine.unplaced(with_reports(left, round.report), cut);
        self.timeline.changed();

        let mut step = self.engine.launch(launches, now);
        step.changes.extend(changes);
        let more = !self.engine.is_idle();
        let accepts = accepts.into_iter().map(|(offers, operations, launches)| {
            Effect::Accept(Box::new(Accept {
                offers,
                operations,
                launches,
                more,
            }))
        });
        let accepts = accepts.collect();
        // Another round finds what was not tried.
        self.store(driver, step, accepts);
    }

    /// What the placer has to know about the tasks that run.
    fn cluster(&self, framework: &FrameworkId, requests: &[Request], is_social: bool) -> Cluster {
        let mut tasks = Vec::new();
        let has_executors = requests.iter().any(|one| one.executor_info().is_some());
        if has_executors {
            // An offer does not have an executor that was launched after it.
            for (agent, id) in self.engine.executors() {
                if let Some(info) = self.executors.get(agent, id) {
                    let mut task = RunningTask::new("", Agent::new(agent, ""));
                    task.executor = Some(info.clone());
                    tasks.push(task);
                }
            }
        }
        if self.engine.is_avoiding() || is_social {
            tasks.extend(self.engine.running(framework));
        }
        let mut cluster = Cluster::from(tasks);
        if has_executors {
            cluster.executors = self.executors.all();
        }
        cluster.draining = self.engine.leaving().cloned().collect();
        cluster
    }

    /// Lets the master offer what waiting jobs and instances need.
    fn set_demand(&mut self, framework: &FrameworkId) {
        if self.engine.take_renewed() {
            self.demand.set_waiting(&self.engine.waiting(framework));
        }
    }
}

/// Adds the reports about the requests to the units.
fn with_reports<'r>(
    units: impl Iterator<Item = (WantedUnit, &'r str)>,
    report: Report,
) -> Vec<(WantedUnit, Vec<Arc<Unplaced>>)> {
    let mut reports: HashMap<String, Vec<Arc<Unplaced>>> = HashMap::new();
    for unplaced in report.unplaced {
        let unplaced = Arc::new(unplaced);
        for name in &unplaced.requests {
            let of_name = reports.entry(name.clone()).or_default();
            of_name.push(Arc::clone(&unplaced));
        }
    }
    let reports = units.map(|(unit, name)| {
        let reports = reports.get(name).cloned().unwrap_or_default();
        (unit, reports)
    });
    reports.collect()
}
