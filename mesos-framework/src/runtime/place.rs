//! From waiting jobs and held offers to launches.

use std::collections::BTreeSet;

use mesos_placement::{Cluster, Request};

use super::command::Accept;
use super::{Driver, Effect, Runtime};
use crate::engine::{Launch, Wanted};

/// How many jobs and instances are placed in one round, at most.
const WINDOW: usize = 500;

/// How many of them are tried for each offer, and at least. A round makes the request of each one, so
/// a round of 500 for an offer with room for one task would be a waste.
const PER_OFFER: usize = 16;
const LEAST: usize = 32;

impl Runtime {
    pub(super) fn place(&mut self, driver: &Driver) {
        // A launch that cannot be recorded must wait, and its offers can be used by others.
        if self.writer.is_failing() || self.stopping {
            return;
        }
        let Some(framework) = driver.framework_id() else {
            return;
        };
        // Otherwise the round would be the same as the round before, again and again.
        let changed = self.engine.take_changed();
        if std::mem::take(&mut self.fresh) || changed {
            self.untried = self.engine.waiting();
        }
        if self.untried == 0 {
            return;
        }
        tracing::trace!("placing");
        let now = self.now();
        let window = (self.pool.len() * PER_OFFER).clamp(LEAST, WINDOW);
        let wanted = self.engine.wanted(&framework, window, now);
        // At most half of the window are instances.
        let is_window = wanted.len() >= window / 2;
        self.untried = match is_window {
            true => self.untried.saturating_sub(wanted.len()),
            false => 0,
        };
        if wanted.is_empty() {
            self.demand
                .set_waiting(&self.engine.first_waiting(&framework));
            return;
        }
        let requests: Vec<Request> = wanted.iter().map(|one| one.request.clone()).collect();
        let social = self.engine.is_avoiding() || wanted.iter().any(|one| one.social);
        let mut cluster = match social {
            true => Cluster::from(self.engine.running(&framework)),
            false => Cluster::new(),
        };
        cluster.executors = self.executors.all();
        cluster.draining = self.engine.leaving().cloned().collect();
        let round = self.placer.place(self.pool.take_all(), &requests, &cluster);
        self.history.record(&round.report);
        self.timeline.changed();

        let mut placed = BTreeSet::new();
        let mut launches = Vec::new();
        let mut accepts = Vec::new();
        let mut changes = Vec::new();
        for accept in round.accepts {
            let tasks = accept.tasks();
            changes.extend(tasks.filter_map(|task| self.executors.launched(task)));
            let mut names = Vec::with_capacity(accept.placed.len());
            for one in accept.placed {
                let Some(Wanted { name, id, .. }) = wanted.get(one.request) else {
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
        let any = !launches.is_empty();
        let left = wanted
            .iter()
            .enumerate()
            .filter(|(at, _)| !placed.contains(at));
        let left: Vec<&Wanted> = left.map(|(_, one)| one).collect();
        let waiting: BTreeSet<&str> = left.iter().map(|one| one.report.as_str()).collect();
        for report in placed.iter().filter_map(|at| wanted.get(*at)) {
            // Other instances of a service may still wait.
            if !waiting.contains(report.report.as_str()) {
                self.history.forget(&report.report);
            }
        }
        if is_window {
            self.engine.rotate(left.iter().map(|one| one.name.clone()));
            self.engine.take_changed();
        }
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
        // After a launch, another round finds what waits then.
        self.fresh = any;
        if !any {
            let waiting = left.iter().map(|one| &one.request);
            self.demand.set_waiting(waiting);
        } else if !more {
            self.demand.set_waiting([]);
        }
        self.store(driver, step, accepts);
    }
}
