//! The executors that run, or are started in a round. Mesos charges the resources of an executor
//! once per agent.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use fixedbitset::FixedBitSet;
use mesos_proto::v1::ExecutorInfo;

use crate::index::Index;
use crate::request::{Request, Revocable};
use crate::{Cluster, Requirement};

/// By the id of the executor.
#[derive(Clone, Debug)]
pub(crate) struct Executors<'a, 'r> {
    states: HashMap<&'r str, State<'a>>,
}

/// Where an executor runs. The sets are as long as their last slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct State<'a> {
    /// The slots whose tasks can use the running executor.
    pub(crate) running: FixedBitSet,
    /// The slots whose tasks can neither use the running executor nor start another one.
    blocked: FixedBitSet,
    /// The slots where the running executor has a resource with this name, revocable or not.
    kinds: BTreeMap<(String, bool), FixedBitSet>,
    infos: HashMap<&'a str, Rc<ExecutorInfo>>,
}

impl<'a, 'r> Executors<'a, 'r> {
    /// Prepares the executors of the requests.
    pub(crate) fn new(
        index: &Index<'a>,
        cluster: &'r Cluster,
        requests: &[&'r Request],
    ) -> Executors<'a, 'r> {
        let mut states: HashMap<&str, State<'a>> = HashMap::new();
        for request in requests.iter().filter(|request| !request.grouped) {
            if let Some(executor) = &request.executor {
                states.entry(&executor.executor_id.value).or_default();
            }
        }
        if states.is_empty() {
            return Executors { states };
        }
        for task in &cluster.tasks {
            if let Some(info) = &task.executor
                && let Some(state) = states.get_mut(info.executor_id.value.as_str())
            {
                state.start(info, &task.agent.id, index);
            }
        }
        let known = cluster.executors.iter();
        let known: HashMap<(&str, &str), &ExecutorInfo> = known
            .map(|(agent, info)| ((agent.as_str(), info.executor_id.value.as_str()), info))
            .collect();
        for slot in 0..index.slots.len() {
            let agent = index.slots[slot].first.agent_id.value.as_str();
            for id in index.executors(slot) {
                let Some(state) = states.get_mut(id) else {
                    continue;
                };
                if state.infos.contains_key(agent) || state.blocked.contains(slot) {
                    continue;
                }
                match known.get(&(agent, id)) {
                    Some(info) => state.start(info, agent, index),
                    None => index
                        .of_agent(agent)
                        .for_each(|slot| state.blocked.grow_and_insert(slot)),
                }
            }
        }
        Executors { states }
    }

    /// The state of the executor of a request; `None` for groups, which start their own executors.
    pub(crate) fn of(&self, request: &Request) -> Option<&State<'a>> {
        let executor = request.executor.as_ref().filter(|_| !request.grouped)?;
        self.states.get(executor.executor_id.value.as_str())
    }

    /// The running executor of the request on the agent of the slot.
    pub(crate) fn info(
        &self,
        request: &Request,
        slot: usize,
        index: &Index<'a>,
    ) -> Option<Rc<ExecutorInfo>> {
        let agent = index.slots[slot].first.agent_id.value.as_str();
        self.of(request)?.infos.get(agent).cloned()
    }

    /// Records that an executor is started.
    pub(crate) fn start(&mut self, executor: &ExecutorInfo, slot: usize, index: &Index<'a>) {
        let agent = index.slots[slot].first.agent_id.value.as_str();
        if let Some(state) = self.states.get_mut(executor.executor_id.value.as_str()) {
            state.start(executor, agent, index);
        }
    }
}

impl<'a> State<'a> {
    fn start(&mut self, executor: &ExecutorInfo, agent: &str, index: &Index<'a>) {
        if self.infos.contains_key(agent) {
            return;
        }
        let shared = Rc::new(executor.clone());
        for slot in index.of_agent(agent) {
            // A task and its executor have resources of one role (src/master/validation.cpp).
            let role = index.slots[slot].role();
            let fits = executor.resources.iter().all(|resource| {
                let allocation = resource.allocation_info.as_ref();
                allocation.is_none_or(|allocation| allocation.role.as_deref() == role)
            });
            match fits {
                true => self.running.grow_and_insert(slot),
                false => self.blocked.grow_and_insert(slot),
            }
            for resource in executor.resources.iter().filter(|_| fits) {
                let kind = (resource.name.clone(), resource.revocable.is_some());
                self.kinds.entry(kind).or_default().grow_and_insert(slot);
            }
            let agent = index.slots[slot].first.agent_id.value.as_str();
            self.infos.insert(agent, Rc::clone(&shared));
        }
    }

    /// The slots that a request cannot use because of the executor, with the requirements.
    pub(crate) fn blocks<'s>(
        &'s self,
        request: &'s Request,
    ) -> impl Iterator<Item = (Requirement, &'s FixedBitSet)> {
        let id = request.executor.as_ref();
        let id = id.map_or_else(String::new, |one| one.executor_id.value.clone());
        let unknown =
            (!self.blocked.is_clear()).then(|| (Requirement::Executor(id.clone()), &self.blocked));
        let kinds = self.kinds.iter().filter(|((name, revocable), _)| {
            let other = match revocable {
                true => Revocable::Never,
                false => Revocable::Only,
            };
            request.kinds_of(name).any(|kind| kind == other)
        });
        let kinds = kinds.map(move |((name, revocable), slots)| {
            let requirement = Requirement::SameKind {
                resource: name.clone(),
                executor: id.clone(),
                revocable: *revocable,
            };
            (requirement, slots)
        });
        unknown.into_iter().chain(kinds)
    }
}
