//! One pass over the requests: chooses a slot for each instance, and carves its resources.

use std::collections::HashMap;

use fixedbitset::FixedBitSet;
use mesos_core::resources::Resources;
use mesos_proto::v1::{ExecutorId, ExecutorInfo, TaskId};

use crate::agent::label_map;
use crate::carve::{Carved, carve};
use crate::choose::choose;
use crate::dimension::{Demand, Dimension};
use crate::executors::Executors;
use crate::index::Index;
use crate::launch::{Operations, task_infos};
use crate::masks::{Class, Tasks};
use crate::round::Placed;
use crate::tree::{Query, Tree};
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
    pub(crate) free: Resources,
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
            free: offered.clone(),
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
    /// The requirements that only carving checks, with the numbers of slots that failed them.
    pub(crate) refusals: Vec<(Requirement, usize)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Run<'a, 'r> {
    pub(crate) index: &'r Index<'a>,
    dimensions: &'r [Dimension],
    pub(crate) tree: Tree,
    pub(crate) classes: Vec<Class<'a>>,
    /// The classes whose masks depend on these tasks.
    depending: HashMap<Tasks, Vec<usize>>,
    pub(crate) executors: Executors<'a, 'r>,
    pub(crate) used: HashMap<usize, Used>,
    /// By the position in the plans.
    pub(crate) left: HashMap<usize, Left>,
}

impl<'a, 'r> Run<'a, 'r> {
    pub(crate) fn new(
        index: &'r Index<'a>,
        dimensions: &'r [Dimension],
        tree: Tree,
        classes: Vec<Class<'a>>,
        executors: Executors<'a, 'r>,
    ) -> Run<'a, 'r> {
        let mut depending: HashMap<Tasks, Vec<usize>> = HashMap::new();
        for (i, class) in classes.iter().enumerate() {
            for tasks in class.depends_on() {
                let classes = depending.entry(tasks.clone()).or_default();
                if classes.last() != Some(&i) {
                    classes.push(i);
                }
            }
        }
        Run {
            index,
            dimensions,
            tree,
            classes,
            depending,
            executors,
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
        // Slots where the executor cannot be used, and slots that were tried in vain.
        let mut refused: Option<FixedBitSet> = None;
        let mut left = Left::default();
        let mut placed = 0;
        while placed < request.instances {
            let state = self.executors.of(request);
            if refused.is_none() && state.is_some_and(|state| !state.blocked.is_clear()) {
                refused = Some(nothing.clone());
            }
            if let (Some(refused), Some(state)) = (&mut refused, state) {
                refused.union_with(&state.blocked);
            }
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
                mask: &self.classes[plan.class].mask,
                refused: refused.as_ref().unwrap_or(nothing),
                executor,
            };
            let chosen = choose(strategy, &self.tree, query, |slot| {
                (
                    request,
                    self.used
                        .get(&slot)
                        .cloned()
                        .unwrap_or_else(|| Used::new(self.index, slot)),
                )
            });
            let Some(slot) = chosen else { break };
            match self.take(plan, slot) {
                Ok(carved) => {
                    self.put(plan, placed, slot, carved);
                    placed += 1;
                }
                Err(requirement) => {
                    refused.get_or_insert_with(|| nothing.clone()).insert(slot);
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
        let running = self.executors.is_running(request, slot);
        let start = request.executor.as_ref().filter(|_| !running);
        let used = self
            .used
            .entry(slot)
            .or_insert_with(|| Used::new(self.index, slot));
        carve(&mut used.free, request, start).map_err(|requirement| {
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
            None => self.executors.info(request, slot, self.index).cloned(),
        };
        let tasks = task_infos(request, &carved, &id, &offer.agent_id, executor.as_ref());
        let mut running = RunningTask::new(&request.name, used.agent.clone());
        for task in &request.tasks {
            running
                .labels
                .extend(label_map(task.template.labels.as_ref()));
        }
        running.executor.clone_from(&executor);
        let named = Tasks::Named(running.request.clone());
        let labels = running.labels.iter();
        let labeled = labels.map(|(key, value)| Tasks::Labeled(key.clone(), value.clone()));
        for tasks in std::iter::once(named).chain(labeled) {
            for &class in self.depending.get(&tasks).into_iter().flatten() {
                self.classes[class].add(&tasks, slot);
            }
        }
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
            .map(|dimension| used.free.iter().map(|one| dimension.amount(one)).sum())
            .collect();
        self.tree.set(slot, &free);
    }
}
