//! Peers that end each subscription soon.

use super::tests::{at, failed_attempt, lost, session, subscribe};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// The number of attempts in 1000 s if the peer ends each subscription after `lasts`.
fn attempts_with_subscriptions_of(lasts: Duration, policy: BackoffPolicy) -> usize {
    let mut session = Session::new(policy, RemovedPolicy::Fail);
    let mut lost_at: Option<Duration> = None;
    let milliseconds = (0..1_000_000).map(Duration::from_millis);
    let made = milliseconds.filter(|now| {
        if lost_at.is_some_and(|at| *now >= at) {
            lost_at = None;
            let generation = session.generation();
            session.step(*now, 1.0, Input::Failed(generation, lost()));
        }
        let Output::Open(generation, _) = session.step(*now, 1.0, Input::Connect) else {
            return false;
        };
        session.step(*now, 1.0, Input::Opened(generation));
        session.step(*now, 1.0, Input::Granted(generation, "f1".into()));
        lost_at = Some(*now + lasts);
        true
    });
    made.count()
}

#[test]
fn a_peer_that_ends_each_subscription_at_once_is_tried_as_rarely_as_a_dead_peer() {
    let default = BackoffPolicy::default();
    for lasts in [Duration::ZERO, SECOND, 5 * SECOND] {
        let attempts = attempts_with_subscriptions_of(lasts, default);
        assert!((45..=75).contains(&attempts), "{attempts} with {lasts:?}");
    }
}

#[test]
fn a_policy_with_a_first_wait_of_zero_does_not_cause_a_busy_loop() {
    let mut policy = BackoffPolicy::new(Duration::ZERO, 15 * SECOND);
    let attempts = attempts_with_subscriptions_of(Duration::ZERO, policy);
    assert!(attempts <= 100, "{attempts} with the constructor");
    (policy.first, policy.max) = (Duration::ZERO, Duration::ZERO);
    let attempts = attempts_with_subscriptions_of(Duration::ZERO, policy);
    assert!(attempts <= 100_000, "{attempts} with the fields");
}

#[test]
fn the_first_wait_after_a_long_subscription_is_short_again() {
    let mut session = session(RemovedPolicy::Fail);
    for seconds in [0, 10, 20, 30] {
        failed_attempt(&mut session, seconds);
    }
    let mut retry_in = |from, to| {
        let generation = subscribe(&mut session, from);
        match at(&mut session, to, Input::Failed(generation, lost())) {
            Output::BackOff(disconnected, _) => (disconnected.attempts, disconnected.retry_in),
            other => panic!("{other:?}"),
        }
    };
    // Shorter than the longest wait, which is 8 s.
    assert_eq!(retry_in(40, 47), (0, 4 * SECOND));
    assert_eq!(retry_in(60, 68), (0, SECOND / 2));
    assert_eq!(retry_in(70, 71), (0, SECOND));
}
