//! One pass over the requests: chooses a slot for each instance, and carves its resources.

use std::borrow::Cow;
use std::collections::HashMap;

use fixedbitset::FixedBitSet;
use mesos_core::resources::Resources;
use mesos_proto::v1::{ExecutorId, ExecutorInfo, TaskId};

use crate::carve::{Carved, Free, OnSlot, carve};
use crate::choose::choose;
use crate::dimension::{Demand, Dimension};
use crate::executors::Executors;
use crate::index::Index;
use crate::launch::{Operations, task_infos};
use crate::masks::Masks;
use crate::parts::Lacking;
use crate::round::Placed;
use crate::tree::{Query, Tree};
use crate::volumes::Volumes;
use crate::{Agent, Request, Requirement, RunningTask, Strategy};

/// A request with everything that a round calculates once.
#[derive(Debug)]
pub(crate) struct Plan<'r> {
    /// The index in the list of requests.
    pub(crate) number: usize,
    pub(crate) request: &'r Request,
    pub(crate) demand: Demand,
    pub(crate) class: usize,
    /// The dominant share of the demand.
    pub(crate) size: f64,
}

/// What was placed on a slot. Most slots of a round have nothing.
#[derive(Clone, Debug)]
pub(crate) struct Used {
    pub(crate) agent: Agent,
    pub(crate) offered: Resources,
    pub(crate) free: Free,
    pub(crate) placed: Vec<Placed>,
    pub(crate) operations: Operations,
    /// Instances with a made-up id so far.
    numbered: u32,
}

impl Used {
    pub(crate) fn new(index: &Index<'_>, slot: usize) -> Used {
        let offered = index.resources(slot);
        Used {
            agent: Agent::of(index.slots[slot].first),
            free: offered.clone().into(),
            offered,
            placed: Vec::new(),
            operations: Operations::default(),
            numbered: 0,
        }
    }
}

/// What was not placed of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Left {
    pub(crate) instances: u32,
    /// The requirements that only carving checks, with the numbers of slots that failed them, if
    /// other requests with the same need could be placed there.
    pub(crate) refusals: Vec<(Requirement, usize)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Run<'a, 'r> {
    pub(crate) index: &'r Index<'a>,
    dimensions: &'r [Dimension],
    pub(crate) tree: Tree,
    pub(crate) masks: Masks<'a, 'r>,
    pub(crate) executors: Executors<'a, 'r>,
    pub(crate) volumes: Volumes<'r>,
    pub(crate) lacking: Lacking,
    pub(crate) used: HashMap<usize, Used>,
    /// By the position in the plans.
    pub(crate) left: HashMap<usize, Left>,
}

impl<'a, 'r> Run<'a, 'r> {
    pub(crate) fn new(
        index: &'r Index<'a>,
        dimensions: &'r [Dimension],
        tree: Tree,
        masks: Masks<'a, 'r>,
        executors: Executors<'a, 'r>,
        volumes: Volumes<'r>,
    ) -> Run<'a, 'r> {
        Run {
            index,
            dimensions,
            tree,
            masks,
            executors,
            volumes,
            lacking: Lacking::default(),
            used: HashMap::new(),
            left: HashMap::new(),
        }
    }

    /// Places the plans in this order.
    pub(crate) fn place(&mut self, plans: &[Plan<'_>], order: &[usize], strategy: &Strategy) {
        let nothing = FixedBitSet::with_capacity(self.tree.slots());
        for &at in order {
            self.place_request(at, &plans[at], strategy, &nothing);
        }
    }

    fn place_request(
        &mut self,
        at: usize,
        plan: &Plan<'_>,
        strategy: &Strategy,
        nothing: &FixedBitSet,
    ) {
        let request = plan.request;
        // Slots where the executor or a volume cannot be used, and slots that were tried in vain.
        let mut refused: Option<FixedBitSet> = None;
        for (_, slots) in self.lacking.of(plan, self.volumes.found(request)) {
            refused
                .get_or_insert_with(|| nothing.clone())
                .union_with(slots);
        }
        let mut left = Left::default();
        let mut placed = 0;
        while placed < request.instances {
            let state = self.executors.of(request);
            for (_, slots) in state.iter().flat_map(|state| state.blocks(request)) {
                refused
                    .get_or_insert_with(|| nothing.clone())
                    .union_with(slots);
            }
            for (_, slots) in self.volumes.elsewhere(request, self.index) {
                refused
                    .get_or_insert_with(|| nothing.clone())
                    .union_with(&slots);
            }
            self.masks.draw(plan.class);
            let executor = match (&request.executor, state) {
                (None, _) => None,
                (Some(_), state) => Some((
                    plan.demand.executor.as_slice(),
                    state.map_or(nothing, |state| &state.running),
                )),
            };
            let query = |goal| Query {
                goal,
                demand: &plan.demand.amounts,
                mask: self.masks.mask(plan.class),
                refused: refused.as_ref().unwrap_or(nothing),
                executor,
            };
            let chosen = choose(strategy, &self.tree, query, request, |slot| {
                match self.used.get(&slot) {
                    Some(used) => Cow::Borrowed(used),
                    None => Cow::Owned(Used::new(self.index, slot)),
                }
            });
            let Some(slot) = chosen else { break };
            match self.take(plan, slot) {
                Ok(carved) => {
                    self.put(plan, placed, slot, carved);
                    placed += 1;
                }
                Err(requirement) => {
                    refused.get_or_insert_with(|| nothing.clone()).insert(slot);
                    let found = self.volumes.found(request);
                    if let Some(used) = self.used.get(&slot)
                        && self.lacking.add(plan, found, slot, &used.free)
                    {
                        continue;
                    }
                    match left
                        .refusals
                        .iter_mut()
                        .find(|(known, _)| *known == requirement)
                    {
                        Some((_, slots)) => *slots += 1,
                        None => left.refusals.push((requirement, 1)),
                    }
                }
            }
        }
        left.instances = request.instances - placed;
        if left.instances > 0 {
            self.left.insert(at, left);
        }
    }

    fn take(&mut self, plan: &Plan<'_>, slot: usize) -> Result<Carved, Requirement> {
        let request = plan.request;
        let running = self.executors.info(request, slot, self.index);
        let on_slot = OnSlot {
            start: request.executor.as_ref().filter(|_| running.is_none()),
            running: running.as_deref(),
            volumes: self.volumes.on(request, slot).collect(),
        };
        let used = self
            .used
            .entry(slot)
            .or_insert_with(|| Used::new(self.index, slot));
        carve(&mut used.free, request, &on_slot).map_err(|requirement| {
            // Every part was found alone, or the search had not chosen the slot.
            match requirement {
                Requirement::Resource { .. } if plan.demand.exact => Requirement::Together,
                other => other,
            }
        })
    }

    fn put(&mut self, plan: &Plan<'_>, instance: u32, slot: usize, mut carved: Carved) {
        let request = plan.request;
        let offer = self.index.slots[slot].first;
        let used = self
            .used
            .entry(slot)
            .or_insert_with(|| Used::new(self.index, slot));
        let id = request
            .ids
            .get(instance as usize)
            .cloned()
            .unwrap_or_else(|| {
                used.numbered += 1;
                TaskId::from(format!(
                    "{}.{}.{}",
                    request.name, offer.id.value, used.numbered
                ))
            });
        let started = carved.executor.take().map(|mut executor| {
            if request.grouped {
                let own = format!("{}.{}", executor.executor_id.value, id.value);
                executor.executor_id = ExecutorId::from(own);
            }
            executor
        });
        let executor: Option<ExecutorInfo> = match started {
            Some(started) => {
                if !request.grouped {
                    self.executors.start(&started, slot, self.index);
                }
                Some(started)
            }
            None => {
                let running = self.executors.info(request, slot, self.index);
                running.as_deref().cloned()
            }
        };
        let tasks = task_infos(request, &carved, &id, &offer.agent_id, executor.as_ref());
        let mut running = RunningTask::of(request, used.agent.clone());
        running.executor.clone_from(&executor);
        self.masks.add(&running, slot);
        self.volumes.add(request, slot);
        used.placed.push(Placed {
            request: plan.number,
            task_ids: tasks.iter().map(|task| task.task_id.clone()).collect(),
            ports: carved
                .tasks
                .iter()
                .map(|task| task.ports.concat())
                .collect(),
            running,
        });
        used.operations
            .add(carved, tasks, executor.filter(|_| request.grouped));
        let free: Vec<i64> = self
            .dimensions
            .iter()
            .map(|dimension| {
                used.free
                    .resources
                    .iter()
                    .map(|one| dimension.amount(one))
                    .sum()
            })
            .collect();
        self.tree.set(slot, &free);
    }
}
