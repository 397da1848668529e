//! The ids of agents, each in memory once: many tasks run on one agent.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use mesos_proto::v1::AgentId;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Agents {
    known: HashSet<Known, RandomState>,
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
    /// The shared copy of `id`.
    pub(super) fn shared(&mut self, id: &str) -> Arc<AgentId> {
        if let Some(Known(known)) = self.known.get(id) {
            return Arc::clone(known);
        }
        if self.known.len() >= self.sweep_at.max(FIRST_SWEEP) {
            self.known.retain(|Known(id)| Arc::strong_count(id) > 1);
            self.sweep_at = 2 * self.known.len();
        }
        let shared = Arc::new(AgentId::from(id));
        self.known.insert(Known(Arc::clone(&shared)));
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_in_memory_once_while_it_is_used() {
        let mut agents = Agents::default();
        let first = agents.shared("kept");
        for number in 0..10_000 {
            drop(agents.shared(&number.to_string()));
            assert!(agents.known.len() <= FIRST_SWEEP, "{}", agents.known.len());
        }
        assert!(Arc::ptr_eq(&first, &agents.shared("kept")));
    }
}
