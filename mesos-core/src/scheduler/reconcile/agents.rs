//! The ids of agents, each in memory once: many tasks run on one agent.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU32;
use std::sync::Arc;

use foldhash::fast::RandomState;
use mesos_proto::v1::AgentId;

/// The number of an agent, in four bytes; `None` if the agent is not known.
pub(super) type Agent = Option<NonZeroU32>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Agents {
    /// By number.
    ids: Vec<Option<Arc<AgentId>>>,
    /// The numbers without an id.
    free: Vec<NonZeroU32>,
    numbers: HashMap<Known, NonZeroU32, RandomState>,
    /// The number of ids at which unused ids are removed.
    sweep_at: usize,
}

/// The least number of ids at which unused ids are removed.
const FIRST_SWEEP: usize = 64;

#[derive(Debug, PartialEq, Eq)]
struct Known(Arc<AgentId>);

impl Borrow<str> for Known {
    fn borrow(&self) -> &str {
        &self.0.value
    }
}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.value.hash(state);
    }
}

impl Agents {
    /// The number of the agent with this id.
    pub(super) fn number(&mut self, id: &str) -> NonZeroU32 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let shared = Arc::new(AgentId::from(id));
        let number = self.free.pop().unwrap_or_else(|| {
            if self.ids.is_empty() {
                // Zero is not the number of an agent.
                self.ids.push(None);
            }
            self.ids.push(None);
            let last = u32::try_from(self.ids.len() - 1).unwrap_or(u32::MAX);
            NonZeroU32::new(last).unwrap_or(NonZeroU32::MIN)
        });
        self.ids[number.get() as usize] = Some(Arc::clone(&shared));
        self.numbers.insert(Known(shared), number);
        number
    }

    /// The id of an agent.
    pub(super) fn id(&self, agent: Agent) -> Option<&Arc<AgentId>> {
        self.ids.get(agent?.get() as usize)?.as_ref()
    }

    /// Whether the agent has this id.
    pub(super) fn is(&self, agent: Agent, id: Option<&str>) -> bool {
        self.id(agent).map(|known| known.value.as_str()) == id
    }

    /// Removes the ids of all agents that are not in `used`, if there are many ids. Each number that
    /// is kept anywhere has to be in `used`.
    pub(super) fn sweep<'a>(&mut self, used: impl Iterator<Item = &'a Agent>) {
        if self.numbers.len() < self.sweep_at.max(FIRST_SWEEP) {
            return;
        }
        let mut is_used = vec![false; self.ids.len()];
        for agent in used.flatten() {
            is_used[agent.get() as usize] = true;
        }
        let Self {
            ids, free, numbers, ..
        } = self;
        numbers.retain(|_, number| {
            let position = number.get() as usize;
            if !is_used[position] {
                ids[position] = None;
                free.push(*number);
            }
            is_used[position]
        });
        self.sweep_at = 2 * self.numbers.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_in_memory_once_while_it_is_used() {
        let mut agents = Agents::default();
        let kept = Some(agents.number("kept"));
        for number in 0..10_000 {
            let number = number.to_string();
            let other = Some(agents.number(&number));
            assert!(agents.is(other, Some(&number)));
            assert!(other != kept);
            agents.sweep([kept].iter());
            assert!(agents.numbers.len() <= FIRST_SWEEP);
            assert!(
                agents.ids.len() <= FIRST_SWEEP + 1,
                "numbers are used again"
            );
        }
        assert_eq!(Some(agents.number("kept")), kept);
        assert!(agents.is(kept, Some("kept")) && agents.is(None, None));
    }
}
