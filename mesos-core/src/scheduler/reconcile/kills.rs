//! Kills that are repeated until their tasks have ended. Pure: time and randomness are
//! arguments.

use std::time::Duration;

use mesos_proto::v1::TaskId;
use mesos_proto::v1::scheduler::call;

use super::table::Table;
use crate::runtime::BackoffPolicy;
use crate::scheduler::KillOptions;

/// How long to wait before a kill is repeated. An executor needs some time for a graceful kill:
/// 3 s by default (`src/launcher/executor.cpp`).
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub(in crate::scheduler) struct Kills(Table<KillOptions>);

impl Default for Kills {
    fn default() -> Self {
        Self(Table::new(BackoffPolicy::new(FIRST_WAIT, LONGEST_WAIT)))
    }
}

impl Kills {
    /// Kills a task now, also if a kill of the task is being repeated.
    pub(in crate::scheduler) fn add(&mut self, now: Duration, id: TaskId, options: KillOptions) {
        self.0.remove(&id.value);
        self.0
            .request(now, [(id.value, options)], true, |old, new| *old = new);
    }

    /// The task has ended.
    pub(super) fn ended(&mut self, id: &str) {
        if !self.0.is_empty() {
            self.0.remove(id);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// A subscription was granted: everything is sent again.
    pub(super) fn subscribed(&mut self, now: Duration) {
        self.0.restart(now);
    }

    /// The kills to send now.
    pub(super) fn due(&mut self, now: Duration, random: f64) -> Vec<call::Kill> {
        let due = self.0.due(now, random);
        let kill = |(task_id, options): (&str, &KillOptions)| call::Kill {
            task_id: task_id.into(),
            agent_id: options.agent_id.clone(),
            kill_policy: options.policy,
        };
        self.0.still_open(&due).map(kill).collect()
    }

    /// When the next kill is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.0.next()
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
        kills.add(Duration::ZERO, "t".into(), KillOptions::new());
        assert_eq!(kills.next(), Some(Duration::ZERO));
        assert_eq!(due(&mut kills, 0), ["t"]);
        assert_eq!(kills.next(), Some(5 * SECOND));
        assert!(due(&mut kills, 4).is_empty());
        assert_eq!(due(&mut kills, 5), ["t"]);
        assert_eq!(kills.next(), Some(15 * SECOND));
        kills.ended("t");
        assert_eq!(kills.next(), None);
        assert!(due(&mut kills, 15).is_empty());
    }

    #[test]
    fn a_new_kill_does_not_wait_for_the_others() {
        let mut kills = Kills::default();
        kills.add(Duration::ZERO, "a".into(), KillOptions::new());
        assert_eq!(due(&mut kills, 0), ["a"]);
        kills.add(SECOND, "b".into(), KillOptions::new());
        assert_eq!(due(&mut kills, 1), ["b"]);
        assert_eq!(due(&mut kills, 6), ["a", "b"], "joined");
    }

    #[test]
    fn a_new_subscription_sends_every_kill_again() {
        let mut kills = Kills::default();
        kills.add(Duration::ZERO, "a".into(), KillOptions::new());
        assert_eq!(due(&mut kills, 0), ["a"]);
        kills.subscribed(SECOND);
        assert_eq!(due(&mut kills, 1), ["a"]);
    }
}
