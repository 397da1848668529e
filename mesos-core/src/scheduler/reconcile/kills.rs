//! Kills that are repeated until their tasks have ended. Pure: time and randomness are
//! arguments.

use std::time::Duration;

use indexmap::IndexMap;
use mesos_proto::v1::TaskId;
use mesos_proto::v1::scheduler::call;

use crate::runtime::{Backoff, BackoffPolicy};
use crate::scheduler::KillOptions;

/// How long to wait before a kill is repeated. An executor needs some time for a graceful kill:
/// 3 s by default (`src/launcher/executor.cpp`).
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub(in crate::scheduler) struct Kills {
    open: IndexMap<TaskId, KillOptions>,
    /// Kills that were not sent over the present subscription yet.
    unsent: Vec<TaskId>,
    backoff: Backoff,
    /// When to repeat all open kills.
    repeat_at: Duration,
}

impl Default for Kills {
    fn default() -> Self {
        Self {
            open: IndexMap::new(),
            unsent: Vec::new(),
            backoff: Backoff::new(BackoffPolicy::new(FIRST_WAIT, LONGEST_WAIT)),
            repeat_at: Duration::ZERO,
        }
    }
}

impl Kills {
    pub(in crate::scheduler) fn add(&mut self, id: TaskId, options: KillOptions) {
        self.backoff.reset();
        self.unsent.push(id.clone());
        self.open.insert(id, options);
    }

    /// The task has ended.
    pub(super) fn ended(&mut self, id: &TaskId) {
        self.open.swap_remove(id);
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.unsent.clear();
    }

    /// A subscription was granted: everything is sent again.
    pub(super) fn subscribed(&mut self) {
        self.backoff.reset();
        self.unsent = self.open.keys().cloned().collect();
    }

    /// The kills to send now.
    pub(super) fn due(&mut self, now: Duration, random: f64) -> Vec<call::Kill> {
        let unsent = std::mem::take(&mut self.unsent);
        let ids: Vec<TaskId> = if !self.open.is_empty() && now >= self.repeat_at {
            self.open.keys().cloned().collect()
        } else {
            unsent
        };
        if !ids.is_empty() {
            self.repeat_at = now.saturating_add(self.backoff.next(random));
        }
        let kill = |task_id: TaskId| {
            let options = self.open.get(&task_id)?.clone();
            Some(call::Kill {
                task_id,
                agent_id: options.agent_id,
                kill_policy: options.policy,
            })
        };
        ids.into_iter().filter_map(kill).collect()
    }

    /// When the next kill is due.
    pub(super) fn next(&self) -> Option<Duration> {
        if !self.unsent.is_empty() {
            return Some(Duration::ZERO);
        }
        (!self.open.is_empty()).then_some(self.repeat_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn due(kills: &mut Kills, seconds: u32) -> Vec<String> {
        let due = kills.due(seconds * SECOND, 1.0);
        due.into_iter().map(|kill| kill.task_id.value).collect()
    }

    #[test]
    fn a_kill_is_repeated_after_growing_waits_until_the_task_has_ended() {
        let mut kills = Kills::default();
        kills.add("t".into(), KillOptions::new());
        assert_eq!(kills.next(), Some(Duration::ZERO));
        assert_eq!(due(&mut kills, 0), ["t"]);
        assert_eq!(kills.next(), Some(5 * SECOND));
        assert!(due(&mut kills, 4).is_empty());
        assert_eq!(due(&mut kills, 5), ["t"]);
        assert_eq!(kills.next(), Some(15 * SECOND));
        kills.ended(&"t".into());
        assert_eq!(kills.next(), None);
        assert!(due(&mut kills, 15).is_empty());
    }

    #[test]
    fn a_new_kill_does_not_wait_for_the_others() {
        let mut kills = Kills::default();
        kills.add("a".into(), KillOptions::new());
        assert_eq!(due(&mut kills, 0), ["a"]);
        kills.add("b".into(), KillOptions::new());
        assert_eq!(due(&mut kills, 1), ["b"]);
        assert_eq!(due(&mut kills, 6), ["a", "b"]);
    }

    #[test]
    fn a_new_subscription_sends_every_kill_again() {
        let mut kills = Kills::default();
        kills.add("a".into(), KillOptions::new());
        assert_eq!(due(&mut kills, 0), ["a"]);
        kills.subscribed();
        assert_eq!(due(&mut kills, 1), ["a"]);
    }
}
