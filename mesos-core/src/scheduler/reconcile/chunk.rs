//! The tasks of one RECONCILE, copied out of the table, so that the call is encoded without its lock.

/// See the module.
#[derive(Debug, Default)]
pub(in crate::scheduler) struct Chunk {
    /// All ids, one after the other.
    text: String,
    /// The lengths of the id of each task and of that of its agent, if it is known.
    lengths: Vec<(usize, Option<usize>)>,
}

impl Chunk {
    pub(super) fn with_capacity(tasks: usize) -> Self {
        /// About the length of both ids.
        const LENGTH: usize = 64;
        Self {
            text: String::with_capacity(tasks * LENGTH),
            lengths: Vec::with_capacity(tasks),
        }
    }

    pub(super) fn push(&mut self, task_id: &str, agent_id: Option<&str>) {
        self.text.push_str(task_id);
        self.text.push_str(agent_id.unwrap_or_default());
        self.lengths.push((task_id.len(), agent_id.map(str::len)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.lengths.len()
    }

    /// The id of each task, and that of its agent.
    pub(super) fn ids(&self) -> impl Iterator<Item = (&str, Option<&str>)> + Clone {
        let mut rest = self.text.as_str();
        let mut next = move |length: usize| {
            let (id, others) = rest.split_at(length);
            rest = others;
            id
        };
        let lengths = self.lengths.iter();
        lengths.map(move |(task, agent)| (next(*task), agent.map(&mut next)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_returns_the_ids_that_it_got() {
        let tasks = [("t1", Some("agent")), ("täsk", None), ("t3", Some(""))];
        let mut chunk = Chunk::with_capacity(1);
        assert!(chunk.is_empty());
        for (task, agent) in tasks {
            chunk.push(task, agent);
        }
        for _ in 0..2 {
            assert_eq!(chunk.ids().collect::<Vec<_>>(), tasks);
        }
    }
}
