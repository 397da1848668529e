//! The placer: settings of all rounds.

use std::ops::Deref;

use mesos_proto::v1::{ExecutorId, ExecutorInfo, Offer, TaskId};

use crate::carve::{Carved, carve};
use crate::holds::Surroundings;
use crate::launch::task_infos;
use crate::report::{Reason, Unplaced};
use crate::round::{Accept, Placed, Round};
use crate::slot::{Slot, slots};
use crate::{Cluster, Constraint, Report, Request, Requirement, RunningTask, Strategy};

/// Places requests on offers.
///
/// A placer keeps no state between rounds. The same input and the same seed give the same result.
#[derive(Clone, Debug)]
pub struct Placer {
    strategy: Strategy,
    constraints: Vec<Constraint>,
}

impl Placer {
    /// A placer with the constraints [`Constraint::KeepGpus`] and [`Constraint::Available`] for
    /// every request.
    pub fn new(strategy: Strategy) -> Placer {
        Placer {
            strategy,
            constraints: vec![Constraint::KeepGpus, Constraint::Available],
        }
    }

    /// Replaces the constraints that hold for every request.
    #[must_use]
    pub fn constraints(mut self, constraints: impl IntoIterator<Item = Constraint>) -> Placer {
        self.constraints = constraints.into_iter().collect();
        self
    }

    /// The strategy.
    pub fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// Places the requests on the offers.
    ///
    /// Offers can be the offers of a driver, or references to messages. The offers of one agent for
    /// one role are merged. Resources of an offer that are not valid are not used.
    pub fn place<O: Deref<Target = Offer>>(
        &self,
        offers: impl IntoIterator<Item = O>,
        requests: &[Request],
        cluster: &Cluster,
    ) -> Round<O> {
        let mut offers: Vec<Option<O>> = offers.into_iter().map(Some).collect();
        let mut slots = slots(offers.iter().flatten().map(|offer| &**offer));
        let mut report = Report::default();
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(requests[i].priority));
        for i in order {
            self.place_one(i, &requests[i], &mut slots, &offers, cluster, &mut report);
        }
        let mut accepts = Vec::new();
        for slot in slots.into_iter().filter(|slot| !slot.placed.is_empty()) {
            accepts.push(Accept {
                offers: slot
                    .offers
                    .iter()
                    .filter_map(|&i| offers[i].take())
                    .collect(),
                operations: slot.operations.into_messages(),
                placed: slot.placed,
                left: slot.free,
            });
        }
        Round {
            accepts,
            unused: offers.into_iter().flatten().collect(),
            report,
        }
    }

    fn place_one<O: Deref<Target = Offer>>(
        &self,
        index: usize,
        request: &Request,
        slots: &mut [Slot],
        offers: &[Option<O>],
        cluster: &Cluster,
        report: &mut Report,
    ) {
        let mut missing = u64::from(request.instances);
        let mut reasons = Vec::new();
        if let Err(invalid) = request.check() {
            reasons.push((Requirement::Valid(invalid), slots.len()));
        } else {
            for instance in 0..request.instances {
                reasons = self.place_instance(index, instance, request, slots, offers, cluster);
                if !reasons.is_empty() {
                    break;
                }
                missing -= 1;
            }
        }
        if missing > 0 {
            let reason = |(requirement, failed)| Reason {
                requirement,
                failed,
                only_this: 0,
                nearest: None,
                hint: None,
            };
            report.unplaced.push(Unplaced {
                requests: vec![request.name.clone()],
                missing,
                requested: u64::from(request.instances),
                offers: slots.len(),
                reasons: reasons.into_iter().map(reason).collect(),
            });
        }
    }

    /// Places an instance, or returns the failed requirements.
    fn place_instance<O: Deref<Target = Offer>>(
        &self,
        index: usize,
        instance: u32,
        request: &Request,
        slots: &mut [Slot],
        offers: &[Option<O>],
        cluster: &Cluster,
    ) -> Vec<(Requirement, usize)> {
        let mut reasons: Vec<(Requirement, usize)> = Vec::new();
        if slots.is_empty() {
            return vec![(Requirement::Offer, 0)];
        }
        for i in 0..slots.len() {
            let failed = match self.fits(request, slots, i, cluster) {
                Ok(launch) => {
                    let carved = carve(&mut slots[i].free, request, launch.as_ref());
                    match carved {
                        Ok(carved) => {
                            put(
                                index,
                                instance,
                                request,
                                &mut slots[i],
                                offers,
                                cluster,
                                carved,
                            );
                            return Vec::new();
                        }
                        Err(failed) => failed,
                    }
                }
                Err(failed) => failed,
            };
            match reasons.iter_mut().find(|(reason, _)| *reason == failed) {
                Some((_, count)) => *count += 1,
                None => reasons.push((failed, 1)),
            }
        }
        reasons
    }

    /// Whether the constraints hold; the executor to start, if any.
    fn fits(
        &self,
        request: &Request,
        slots: &[Slot],
        i: usize,
        cluster: &Cluster,
    ) -> Result<Option<ExecutorInfo>, Requirement> {
        let slot = &slots[i];
        if let Some(role) = &request.role
            && slot.role.as_ref() != Some(role)
        {
            return Err(Requirement::Role(role.clone()));
        }
        let surroundings = Surroundings { slots, cluster };
        for constraint in request.constraints.iter().chain(&self.constraints) {
            if !surroundings.holds(constraint, request, slot) {
                return Err(Requirement::Constraint(constraint.clone()));
            }
        }
        let Some(executor) = request.executor.as_ref().filter(|_| !request.grouped) else {
            return Ok(request.executor.clone());
        };
        let id = executor.executor_id.value.as_str();
        match running_executor(slots, cluster, &slot.agent.id, id) {
            Some(_) => Ok(None),
            None if slot.executor_ids.iter().any(|running| running == id) => {
                Err(Requirement::Executor(id.to_owned()))
            }
            None => Ok(Some(executor.clone())),
        }
    }
}

/// The executor with this id that runs on the agent, or is started in this round.
fn running_executor<'a>(
    slots: &'a [Slot],
    cluster: &'a Cluster,
    agent: &str,
    id: &str,
) -> Option<&'a ExecutorInfo> {
    let placed = slots
        .iter()
        .flat_map(|slot| &slot.placed)
        .map(|placed| &placed.running);
    let tasks = cluster.tasks.iter().chain(placed);
    tasks
        .filter(|task| task.agent.id == agent)
        .filter_map(|task| task.executor.as_ref())
        .find(|executor| executor.executor_id.value == id)
}

fn put<O: Deref<Target = Offer>>(
    index: usize,
    instance: u32,
    request: &Request,
    slot: &mut Slot,
    offers: &[Option<O>],
    cluster: &Cluster,
    mut carved: Carved,
) {
    let id = request.ids.get(instance as usize).cloned();
    let id = id.unwrap_or_else(|| {
        slot.numbered += 1;
        let offer = offers[slot.offers[0]].as_ref();
        let offer = offer.map_or("", |offer| offer.id.value.as_str());
        TaskId::from(format!("{}.{offer}.{}", request.name, slot.numbered))
    });
    let started = carved.executor.take().map(|mut executor| {
        if request.grouped {
            let own = format!("{}.{}", executor.executor_id.value, id.value);
            executor.executor_id = ExecutorId::from(own);
        }
        executor
    });
    let executor = started.or_else(|| {
        let wanted = request.executor.as_ref()?;
        let slots = std::slice::from_ref(slot);
        let id = &wanted.executor_id.value;
        running_executor(slots, cluster, &slot.agent.id, id).cloned()
    });
    let tasks = task_infos(request, &carved, &id, &slot.agent_id, executor.as_ref());
    let mut running = RunningTask::new(&request.name, slot.agent.clone());
    for task in &request.tasks {
        running
            .labels
            .extend(crate::agent::label_map(task.template.labels.as_ref()));
    }
    running.executor.clone_from(&executor);
    let ports = carved
        .tasks
        .iter()
        .map(|task| task.ports.concat())
        .collect();
    slot.placed.push(Placed {
        request: index,
        task_ids: tasks.iter().map(|task| task.task_id.clone()).collect(),
        ports,
        running,
    });
    let group = executor.filter(|_| request.grouped);
    slot.operations.add(carved, tasks, group);
}
