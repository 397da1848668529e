//! The executors that run, or are started in a round. Mesos charges the resources of an executor
//! once per agent.

use std::collections::HashMap;

use fixedbitset::FixedBitSet;
use mesos_proto::v1::ExecutorInfo;

use crate::index::Index;
use crate::{Cluster, Request};

/// By the id of the executor.
#[derive(Clone, Debug)]
pub(crate) struct Executors<'a, 'r> {
    cluster: &'r Cluster,
    states: HashMap<String, State<'a>>,
}

/// Where an executor runs.
#[derive(Clone, Debug)]
pub(crate) struct State<'a> {
    /// The slots whose tasks can use the running executor.
    pub(crate) running: FixedBitSet,
    /// The slots whose tasks can neither use the running executor nor start another one.
    pub(crate) blocked: FixedBitSet,
    infos: HashMap<&'a str, ExecutorInfo>,
}

impl<'a, 'r> Executors<'a, 'r> {
    /// Prepares the executors of the requests.
    pub(crate) fn new(
        index: &Index<'a>,
        cluster: &'r Cluster,
        requests: impl Iterator<Item = &'r Request>,
    ) -> Executors<'a, 'r> {
        let mut executors = Executors {
            cluster,
            states: HashMap::new(),
        };
        for request in requests.filter(|request| !request.grouped) {
            if let Some(executor) = &request.executor {
                executors.prepare(&executor.executor_id.value, index);
            }
        }
        executors
    }

    fn prepare(&mut self, id: &str, index: &Index<'a>) {
        if self.states.contains_key(id) {
            return;
        }
        let slots = index.slots.len();
        let mut state = State {
            running: FixedBitSet::with_capacity(slots),
            blocked: FixedBitSet::with_capacity(slots),
            infos: HashMap::new(),
        };
        for task in &self.cluster.tasks {
            let info = task.executor.as_ref();
            if let Some(info) = info.filter(|info| info.executor_id.value == id) {
                state.start(info, &task.agent.id, index);
            }
        }
        for slot in 0..slots {
            let agent = index.slots[slot].first.agent_id.value.as_str();
            if index.executors(slot).any(|running| running == id)
                && !state.infos.contains_key(agent)
            {
                state.blocked.extend(index.of_agent(agent));
            }
        }
        self.states.insert(id.to_owned(), state);
    }

    /// The state of the executor of a request; `None` for groups, which start their own executors.
    pub(crate) fn of(&self, request: &Request) -> Option<&State<'a>> {
        let executor = request.executor.as_ref().filter(|_| !request.grouped)?;
        self.states.get(&executor.executor_id.value)
    }

    /// Whether the executor of the request runs on the agent of the slot.
    pub(crate) fn is_running(&self, request: &Request, slot: usize) -> bool {
        self.of(request)
            .is_some_and(|state| state.running.contains(slot))
    }

    /// The running executor of the request on the agent of the slot.
    pub(crate) fn info(
        &self,
        request: &Request,
        slot: usize,
        index: &Index<'a>,
    ) -> Option<&ExecutorInfo> {
        let agent = index.slots[slot].first.agent_id.value.as_str();
        self.of(request)?.infos.get(agent)
    }

    /// Records that an executor is started.
    pub(crate) fn start(&mut self, executor: &ExecutorInfo, slot: usize, index: &Index<'a>) {
        let agent = index.slots[slot].first.agent_id.value.as_str();
        if let Some(state) = self.states.get_mut(&executor.executor_id.value) {
            state.start(executor, agent, index);
        }
    }
}

impl<'a> State<'a> {
    fn start(&mut self, executor: &ExecutorInfo, agent: &str, index: &Index<'a>) {
        for slot in index.of_agent(agent) {
            // A task and its executor have resources of one role (src/master/validation.cpp).
            let role = index.slots[slot].role();
            let fits = executor.resources.iter().all(|resource| {
                let allocation = resource.allocation_info.as_ref();
                allocation.is_none_or(|allocation| allocation.role.as_deref() == role)
            });
            match fits {
                true => self.running.insert(slot),
                false => self.blocked.insert(slot),
            }
            let agent = index.slots[slot].first.agent_id.value.as_str();
            self.infos.entry(agent).or_insert_with(|| executor.clone());
        }
    }
}
