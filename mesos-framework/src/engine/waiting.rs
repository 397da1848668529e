//! What waits for offers: what is tried, and why it has no place.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use mesos_placement::{Constraint, Field, Request, Requirement, RunningTask, Unplaced};
use mesos_proto::v1::{FrameworkId, TaskId};

use super::queue::Place;
use super::room::Amounts;
use super::unit::{Phase, Unit};
use super::{Engine, Name, Now, Room, Timer, need};

/// How long a job waits for another agent than those of its failed attempts.
const AVOID: Duration = Duration::from_secs(3);

/// How many requests of a role stand for what waits. Offer constraints have at most 32 alternatives.
const HEADS: usize = 40;

/// A unit that can be launched now.
#[derive(Clone, Debug)]
pub(crate) struct WantedUnit {
    pub(crate) name: Name,
    /// The id of the next launch.
    pub(crate) id: String,
    /// Where the unit waits.
    pub(crate) place: Place,
    /// Whether the place depends on the tasks that run.
    pub(crate) social: bool,
}

/// What is placed in one round.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) units: Vec<WantedUnit>,
    /// The requests of the units.
    pub(crate) requests: Vec<Request>,
    /// Whether there were too many units.
    pub(crate) cut: bool,
}

impl Engine {
    /// What can be launched now, at most `most`, the most urgent first. Of units that need the same,
    /// there is at most one that has no place in `room`, or in the offers for another reason. It
    /// stands for the others.
    pub(crate) fn wanted(
        &mut self,
        framework: &FrameworkId,
        most: usize,
        room: &mut Room,
        now: Now,
    ) -> Wanted {
        let mut candidates = self.queue.candidates(most, room.is_empty());
        let mut amounts: HashMap<u64, Amounts> = HashMap::new();
        let mut rooms: HashMap<u64, Room> = HashMap::new();
        let mut later = Vec::new();
        let mut wanted = Wanted::default();
        while let Some((lane, name)) = candidates.next() {
            let Some(unit) = self.units.get(name) else {
                continue;
            };
            let Phase::Ready { since, place } = unit.phase else {
                continue;
            };
            let id = unit.next_id(name, &self.suffix);
            let Some(mut request) = unit.request(framework, id.as_str().into()) else {
                continue;
            };
            let amounts = amounts.entry(lane);
            let amounts = amounts.or_insert_with(|| Amounts::of(&request));
            // What had no place before will probably have none now. It takes nothing from others.
            let fits = match self.queue.is_failing(lane) {
                true => rooms
                    .entry(lane)
                    .or_insert_with(|| room.clone())
                    .take(amounts),
                false => room.take(amounts),
            };
            if !fits {
                candidates.end(lane);
            }
            let avoid = &unit.runs().avoid;
            if !avoid.is_empty() && unit.avoids_failed_agents() {
                let until = since.saturating_add(AVOID);
                if now.at < until {
                    let values: BTreeSet<String> = avoid.iter().cloned().collect();
                    request = request.constraint(Constraint::NotIn {
                        field: Field::AgentId,
                        values,
                    });
                    later.push(until);
                }
            }
            wanted.units.push(WantedUnit {
                name: name.clone(),
                id,
                place,
                social: unit.is_social(),
            });
            wanted.requests.push(request);
        }
        wanted.cut = candidates.is_cut();
        for at in later {
            if !self
                .timers
                .range((at, 0)..=(at, u64::MAX))
                .any(|(_, t)| matches!(t, Timer::Place))
            {
                self.timer(at, Timer::Place);
            }
        }
        wanted
    }

    /// Requests that stand for everything that waits, also if it is not tried now. So the master
    /// continues to offer. The number of instances is the number of different needs.
    pub(crate) fn waiting(&self, framework: &FrameworkId) -> Vec<Request> {
        let mut heads: BTreeMap<Option<&str>, Vec<&Name>> = BTreeMap::new();
        for (name, role) in self.queue.heads() {
            heads.entry(role).or_default().push(name);
        }
        let of_role = |names: Vec<&Name>| {
            let more = names.len().saturating_sub(HEADS);
            let requests = names.into_iter().take(HEADS).filter_map(|name| {
                let unit = self.units.get(name)?;
                unit.request(framework, TaskId::from(name.as_ref()))
            });
            let mut requests: Vec<Request> = requests.collect();
            if more > 0
                && let Some(last) = requests.pop()
            {
                let more = u32::try_from(more).unwrap_or(u32::MAX);
                requests.push(last.instances(more.saturating_add(1)));
            }
            requests
        };
        heads.into_values().flat_map(of_role).collect()
    }

    /// Units without a place. `why` has the reports of each unit. With `behind`, units that were not
    /// tried come before them.
    pub(crate) fn unplaced(
        &mut self,
        units: impl IntoIterator<Item = (WantedUnit, Vec<Arc<Unplaced>>)>,
        behind: bool,
    ) {
        let mut lanes: BTreeMap<u64, Vec<Arc<Unplaced>>> = BTreeMap::new();
        for (wanted, reports) in units {
            let lane = match reports.iter().any(|report| is_invalid(report)) {
                // Others of the lane can be valid.
                true => self.sort_alone(&wanted.name),
                false => Some(wanted.place.lane),
            };
            let Some(lane) = lane else {
                continue;
            };
            let known = lanes.entry(lane).or_default();
            for report in reports {
                if !known.iter().any(|one| Arc::ptr_eq(one, &report)) {
                    known.push(report);
                }
            }
        }
        self.queue.close(lanes.keys().copied(), behind);
        for (lane, reports) in lanes {
            for report in reports {
                self.queue.report(lane, report);
            }
        }
    }

    /// Puts a unit that waits into the lane of those that need the same.
    pub(super) fn sort(&mut self, name: &Name) {
        let (labels, separate) = (self.avoiding, self.separate);
        if let Some(unit) = self.units.get_mut(name)
            && let Phase::Ready { since, place } = unit.phase
        {
            let place = self.queue.change(name, place, need(unit, labels, separate));
            unit.phase = Phase::Ready { since, place };
        }
    }

    fn sort_alone(&mut self, name: &Name) -> Option<u64> {
        let unit = self.units.get_mut(name)?;
        let Phase::Ready { since, place } = unit.phase else {
            return None;
        };
        let place = self.queue.change(name, place, unit.own_need(self.avoiding));
        unit.phase = Phase::Ready { since, place };
        Some(place.lane)
    }

    pub(super) fn sort_again(&mut self) {
        let names: Vec<Name> = self.units.keys().cloned().collect();
        for name in names {
            self.sort(&name);
        }
    }

    /// Units that need the same can have different places from now on.
    pub(crate) fn separate(&mut self) {
        self.separate = true;
        self.sort_again();
    }

    /// There can be other places than before.
    pub(crate) fn gained(&mut self) {
        self.queue.gained();
    }

    /// Whether a round of placement can have another result than the round before.
    pub(crate) fn is_changed(&self) -> bool {
        self.queue.is_changed()
    }

    /// Everything that waits was tried.
    pub(crate) fn unchanged(&mut self) {
        self.queue.unchanged();
    }

    /// Whether [`waiting`](Self::waiting) is different from the last call.
    pub(crate) fn take_renewed(&mut self) -> bool {
        self.queue.take_renewed()
    }

    /// Whether there is something to do for the placement.
    pub(crate) fn is_unplaced(&self) -> bool {
        self.queue.is_changed() || self.queue.is_renewed()
    }

    /// Whether some waiting units have no report.
    pub(crate) fn is_untried(&self) -> bool {
        self.queue.is_untried()
    }

    /// Why a job waits, the newest report first. Jobs that need the same share their reports.
    pub(crate) fn reports(&self, job: &str) -> Vec<Unplaced> {
        let Some(unit) = self.job(job) else {
            return Vec::new();
        };
        let Phase::Ready { place, .. } = unit.phase else {
            return Vec::new();
        };
        let reports = self.queue.reports(place);
        let of_job = |report: &Arc<Unplaced>| {
            let mut report = (**report).clone();
            report.requests = vec![unit.request_name().to_owned()];
            (report.missing, report.requested) = (1, 1);
            report
        };
        reports.map(of_job).collect()
    }

    /// Why instances of a service wait, the newest report first.
    pub(crate) fn service_reports(&self, service: &str) -> Vec<Unplaced> {
        let Some(service) = self.services.get(service) else {
            return Vec::new();
        };
        let mut places: BTreeMap<u64, (Place, u64)> = BTreeMap::new();
        for unit in service.instances.values() {
            if let Some(unit) = self.units.get(unit)
                && let Phase::Ready { place, .. } = unit.phase
            {
                places.entry(place.lane).or_insert((place, 0)).1 += 1;
            }
        }
        let of_lane = |(place, waiting): (Place, u64)| {
            let reports = self.queue.reports(place);
            reports.map(move |report| {
                let mut report = (**report).clone();
                (report.missing, report.requested) = (waiting, waiting);
                report
            })
        };
        places.into_values().flat_map(of_lane).collect()
    }

    /// The custom executors with tasks: the agent, and the id.
    pub(crate) fn executors(&self) -> impl Iterator<Item = (&str, &str)> {
        let keys = self.executors.keys();
        keys.map(|(agent, id)| (agent.as_str(), id.as_str()))
    }

    pub(super) fn executor_used(&mut self, name: &Name) {
        let key = self.units.get(name).and_then(Unit::executor_key);
        if let Some(key) = key {
            *self.executors.entry(key).or_default() += 1;
        }
    }

    /// Whether a unit may keep other tasks away, although these have no constraint.
    pub(crate) fn is_avoiding(&self) -> bool {
        self.avoiding
    }

    /// The tasks that may run, as constraints of other tasks see them.
    pub(crate) fn running(&self, framework: &FrameworkId) -> Vec<RunningTask> {
        let names: BTreeSet<&Name> = self.tasks.values().collect();
        let running = |name: &Name| {
            let unit = self.units.get(name)?;
            let attempt = unit.attempt()?;
            let request = unit.request(framework, TaskId::from(attempt.id.as_str()))?;
            Some(RunningTask::of(&request, attempt.agent.clone()))
        };
        names.into_iter().filter_map(running).collect()
    }
}

/// Whether the request itself is the reason.
fn is_invalid(report: &Unplaced) -> bool {
    let mut reasons = report.reasons.iter();
    reasons.any(|reason| matches!(reason.requirement, Requirement::Valid(_)))
}
