//! Examples of single paths through the session.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn session(removed: RemovedPolicy) -> Session {
    let backoff = BackoffPolicy::new(SECOND, 8 * SECOND);
    let mut session = Session::new(backoff, removed);
    session.set_failover_timeout(60 * SECOND);
    session
}

pub(super) fn lost() -> Error {
    Error::new(ErrorKind::Transport, "connection reset")
}

/// Steps without randomness, at `seconds`.
pub(super) fn at(session: &mut Session, seconds: u32, input: Input) -> Output {
    session.step(seconds * SECOND, 0.0, input)
}

/// Subscribes as `f1` at `seconds` and returns the generation.
pub(super) fn subscribe(session: &mut Session, seconds: u32) -> Generation {
    let Output::Open(generation, _) = at(session, seconds, Input::Connect) else {
        panic!("{session:?}");
    };
    at(session, seconds, Input::Opened(generation));
    let granted = at(session, seconds, Input::Granted(generation, "f1".into()));
    assert!(matches!(granted, Output::Subscribed(_)), "{granted:?}");
    generation
}

fn ended(output: Output) -> Error {
    match output {
        Output::Ended(Err(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_of_a_superseded_generation_is_ignored() {
    let mut session = session(RemovedPolicy::Fail);
    let first = subscribe(&mut session, 0);
    at(&mut session, 1, Input::Failed(first, lost()));
    let second = subscribe(&mut session, 10);
    let takeover = || "Framework failed over".to_owned();
    let stale = at(&mut session, 11, Input::ErrorEvent(first, takeover()));
    assert!(matches!(stale, Output::Ignored));
    assert_eq!(session.state(), SessionState::Subscribed);
    let current = at(&mut session, 12, Input::ErrorEvent(second, takeover()));
    assert_eq!(ended(current).kind(), ErrorKind::TakenOver);
}

#[test]
fn a_takeover_error_before_subscribed_is_ignored_because_it_belongs_to_the_old_stream() {
    let mut session = session(RemovedPolicy::Fail);
    let first = subscribe(&mut session, 0);
    let output = at(&mut session, 1, Input::Interrupted(first, lost()));
    assert!(matches!(output, Output::Interrupted(_)));
    let takeover = Input::ErrorEvent(session.generation(), "Framework failed over".to_owned());
    assert!(matches!(at(&mut session, 1, takeover), Output::Ignored));
    assert_eq!(session.state(), SessionState::Subscribing);
}

/// An attempt at `seconds` that fails with `error`.
fn attempt(session: &mut Session, seconds: u32, error: Error) {
    let Output::Open(generation, _) = at(session, seconds, Input::Connect) else {
        panic!("{session:?}");
    };
    let failed = at(session, seconds, Input::Failed(generation, error));
    assert!(matches!(failed, Output::BackOff(..)), "{failed:?}");
}

fn takeover(generation: Generation) -> Input {
    Input::ErrorEvent(generation, "Framework failed over".to_owned())
}

#[test]
fn unanswered_subscribes_explain_one_takeover_altogether() {
    let mut session = session(RemovedPolicy::Fail);
    for seconds in [0, 10, 20] {
        attempt(
            &mut session,
            seconds,
            lost().with_delivery(Delivery::Unknown),
        );
    }
    let present = subscribe(&mut session, 30);
    let output = at(&mut session, 31, takeover(present));
    assert!(matches!(output, Output::BackOff(_, None)), "{output:?}");
    let present = subscribe(&mut session, 40);
    let second = at(&mut session, 41, takeover(present));
    assert_eq!(ended(second).kind(), ErrorKind::TakenOver);
}

#[test]
fn a_subscribe_that_a_proxy_answered_does_not_explain_a_takeover() {
    for status in [500, 502, 504] {
        let answered = || {
            let error = Error::new(ErrorKind::Unavailable, "a proxy has no master");
            error.with_status(status).with_delivery(Delivery::Unknown)
        };
        let mut session = session(RemovedPolicy::Fail);
        session.set_subscribe_timeout(Some(Duration::MAX));
        for attempts in 0..20 {
            attempt(&mut session, 10 * attempts, answered());
        }
        let present = subscribe(&mut session, 210);
        let output = at(&mut session, 211, takeover(present));
        assert_eq!(ended(output).kind(), ErrorKind::TakenOver, "{status}");
    }
}

#[test]
fn an_expired_or_unsent_subscribe_does_not_explain_a_takeover() {
    for (error, later) in [
        (lost().with_delivery(Delivery::Unknown), 120),
        (lost().with_delivery(Delivery::NotSent), 10),
    ] {
        let mut session = session(RemovedPolicy::Fail);
        attempt(&mut session, 0, error);
        let present = subscribe(&mut session, 10);
        let output = at(&mut session, later, takeover(present));
        assert_eq!(ended(output).kind(), ErrorKind::TakenOver, "{later}");
    }
}

#[test]
fn an_outage_longer_than_the_failover_timeout_is_reported_once() {
    let mut session = session(RemovedPolicy::Fail);
    let mut generation = subscribe(&mut session, 0);
    let mut reported = Vec::new();
    for seconds in [0, 30, 59, 60, 90, 200] {
        let failed = at(&mut session, seconds, Input::Failed(generation, lost()));
        let Output::BackOff(disconnected, _) = failed else {
            panic!("{failed:?}");
        };
        reported.push(disconnected.failover_timeout_passed);
        let open = at(&mut session, seconds + 20, Input::Connect);
        let Output::Open(next, _) = open else {
            panic!("{open:?}");
        };
        generation = next;
    }
    assert_eq!(reported, [false, false, false, true, false, false]);
}

#[test]
fn a_removal_is_blamed_on_the_failover_timeout_only_after_that_timeout() {
    for (seconds, kind) in [
        (59, ErrorKind::FrameworkRemoved),
        (61, ErrorKind::FailoverTimeout),
    ] {
        let mut session = session(RemovedPolicy::Fail);
        let first = subscribe(&mut session, 0);
        at(&mut session, 0, Input::Failed(first, lost()));
        at(&mut session, seconds, Input::Connect);
        let generation = session.generation();
        at(&mut session, seconds, Input::Opened(generation));
        let removed = Input::ErrorEvent(generation, "Framework has been removed".to_owned());
        assert_eq!(ended(at(&mut session, seconds, removed)).kind(), kind);
    }
}

#[test]
fn a_failover_timeout_of_zero_is_never_blamed_for_a_removal() {
    let mut session = session(RemovedPolicy::Fail);
    session.set_failover_timeout(Duration::ZERO);
    let first = subscribe(&mut session, 0);
    at(&mut session, 0, Input::Failed(first, lost()));
    at(&mut session, 10, Input::Connect);
    let generation = session.generation();
    at(&mut session, 10, Input::Opened(generation));
    let removed = Input::ErrorEvent(generation, "Framework has been removed".to_owned());
    let error = ended(at(&mut session, 10, removed));
    assert_eq!(error.kind(), ErrorKind::FrameworkRemoved);
}

#[test]
fn an_earlier_outage_is_not_blamed_for_a_removal() {
    let mut session = session(RemovedPolicy::Fail);
    let first = subscribe(&mut session, 0);
    at(&mut session, 0, Input::Failed(first, lost()));
    let second = subscribe(&mut session, 50);
    let removed = Input::ErrorEvent(second, "Framework has been removed".to_owned());
    let error = ended(at(&mut session, 100, removed));
    assert_eq!(error.kind(), ErrorKind::FrameworkRemoved);
}

#[test]
fn the_text_of_an_error_event_determines_the_error_kind() {
    for (text, kind) in [
        ("Framework has been removed", ErrorKind::FrameworkRemoved),
        ("Framework failed over", ErrorKind::TakenOver),
        (
            "Not authorized to register framework with roles { \"a\" }",
            ErrorKind::Forbidden,
        ),
        ("Master refused authentication", ErrorKind::Unauthorized),
        (
            "Framework at scheduler-1@10.0.0.1:4000 is not authenticated",
            ErrorKind::Unauthorized,
        ),
        ("Role '-x' is invalid", ErrorKind::Rejected),
    ] {
        let mut session = session(RemovedPolicy::Fail);
        let generation = subscribe(&mut session, 0);
        let error = ended(at(
            &mut session,
            1,
            Input::ErrorEvent(generation, text.to_owned()),
        ));
        assert_eq!(error.kind(), kind, "{text}");
        assert!(error.to_string().ends_with(text), "{error}");
    }
}

#[test]
fn a_removed_framework_subscribes_without_its_id_under_the_policy_new_framework() {
    let mut session = session(RemovedPolicy::NewFramework);
    let generation = subscribe(&mut session, 0);
    let removed = Input::ErrorEvent(generation, "Framework has been removed".to_owned());
    let output = at(&mut session, 1, removed);
    let Output::BackOff(disconnected, removed) = output else {
        panic!("{output:?}");
    };
    assert_eq!(disconnected.error.kind(), ErrorKind::FrameworkRemoved);
    assert_eq!(removed, Some("f1".into()));
    let open = at(&mut session, 9, Input::Connect);
    let Output::Open(generation, None) = open else {
        panic!("{open:?}");
    };
    at(&mut session, 9, Input::Opened(generation));
    let granted = at(&mut session, 9, Input::Granted(generation, "f2".into()));
    let Output::Subscribed(granted) = granted else {
        panic!("{granted:?}");
    };
    assert_eq!(granted.id, "f2");
    assert_eq!(granted.replaced, Some("f1".into()));
}

#[test]
fn the_removal_of_a_framework_without_id_ends_the_driver_under_either_policy() {
    let mut session = session(RemovedPolicy::NewFramework);
    at(&mut session, 0, Input::Connect);
    at(&mut session, 0, Input::Opened(1));
    let removed = Input::ErrorEvent(1, "Framework has been removed".to_owned());
    let error = ended(at(&mut session, 0, removed));
    assert_eq!(error.kind(), ErrorKind::FrameworkRemoved);
}

#[test]
fn a_subscribed_event_with_a_wrong_or_empty_id_ends_the_driver() {
    for (own, id) in [(Some("f1"), ""), (Some("f1"), "f2"), (None, "")] {
        let mut session = session(RemovedPolicy::Fail);
        session.continue_as(own.map(Into::into));
        at(&mut session, 0, Input::Connect);
        at(&mut session, 0, Input::Opened(1));
        let error = ended(at(&mut session, 0, Input::Granted(1, id.into())));
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }
}

#[test]
fn a_peer_that_is_not_mesos_ends_a_driver_only_before_its_first_subscription() {
    let no_mesos = || Error::new(ErrorKind::Protocol, "a web page");
    let mut fresh = session(RemovedPolicy::Fail);
    at(&mut fresh, 0, Input::Connect);
    let end = ended(at(&mut fresh, 0, Input::Failed(1, no_mesos())));
    assert_eq!(end.kind(), ErrorKind::Protocol);

    let mut known = session(RemovedPolicy::Fail);
    let generation = subscribe(&mut known, 0);
    at(&mut known, 1, Input::Failed(generation, lost()));
    let Output::Open(generation, _) = at(&mut known, 10, Input::Connect) else {
        panic!("{known:?}");
    };
    let output = at(&mut known, 11, Input::Failed(generation, no_mesos()));
    assert!(matches!(output, Output::BackOff(..)), "{output:?}");

    // A peer that accepted the SUBSCRIBE is a Mesos master, even if it sends invalid data.
    let mut garbled = session(RemovedPolicy::Fail);
    at(&mut garbled, 0, Input::Connect);
    at(&mut garbled, 0, Input::Opened(1));
    let output = at(&mut garbled, 1, Input::Failed(1, no_mesos()));
    assert!(matches!(output, Output::BackOff(..)), "{output:?}");
}

/// The wait after the failure of an attempt that is made at `seconds`.
pub(super) fn failed_attempt(session: &mut Session, seconds: u32) -> Duration {
    let Output::Open(generation, _) = at(session, seconds, Input::Connect) else {
        panic!("{session:?}");
    };
    match at(session, seconds, Input::Failed(generation, lost())) {
        Output::BackOff(disconnected, _) => disconnected.retry_in,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_leader_change_shortens_a_wait_once() {
    let mut session = session(RemovedPolicy::Fail);
    for seconds in [0, 10, 20] {
        failed_attempt(&mut session, seconds);
    }
    assert_eq!(failed_attempt(&mut session, 30), 4 * SECOND);
    assert!(matches!(
        session.step(31 * SECOND, 0.25, Input::LeaderChanged),
        Output::RetrySooner(wait) if wait == SECOND / 4
    ));
    let again = session.step(31 * SECOND, 0.0, Input::LeaderChanged);
    assert!(matches!(again, Output::Ignored), "{again:?}");
    let early = session.step(31 * SECOND, 0.0, Input::Connect);
    assert!(matches!(early, Output::Ignored), "{early:?}");
    let due = session.step(31 * SECOND + SECOND / 4, 0.0, Input::Connect);
    assert!(matches!(due, Output::Open(..)), "{due:?}");
}

#[test]
fn endless_leader_changes_cause_hardly_more_attempts_than_none() {
    let attempts = |leader_changes: bool| {
        let mut session = session(RemovedPolicy::Fail);
        session.set_subscribe_timeout(Some(Duration::MAX));
        let moments = (0..10_000).map(|tenth| SECOND / 10 * tenth);
        let made = moments.filter(|now| {
            if leader_changes {
                session.step(*now, 0.0, Input::LeaderChanged);
            }
            let Output::Open(generation, _) = session.step(*now, 0.0, Input::Connect) else {
                return false;
            };
            session.step(*now, 0.0, Input::Failed(generation, lost()));
            true
        });
        made.count()
    };
    let (without, with) = (attempts(false), attempts(true));
    assert!((240..260).contains(&without), "{without} in 1000 s");
    assert!(
        (without..without + 4).contains(&with),
        "{with} attempts with leader changes, {without} without"
    );
}

/// The time in seconds at which a session ends whose attempts all fail.
fn ends_at(session: &mut Session) -> Option<u32> {
    (0..1000).find(|seconds| {
        let Output::Open(generation, _) = at(session, *seconds, Input::Connect) else {
            return false;
        };
        let failed = at(session, *seconds, Input::Failed(generation, lost()));
        if let Output::Ended(end) = &failed {
            let error = end.as_ref().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Transport);
            assert!(
                error.to_string().starts_with("no subscription within "),
                "{error}"
            );
        }
        matches!(failed, Output::Ended(_))
    })
}

#[test]
fn the_first_subscription_of_a_new_framework_has_a_time_limit() {
    let ended_at = ends_at(&mut session(RemovedPolicy::Fail)).unwrap();
    assert!((60..70).contains(&ended_at), "{ended_at}");

    let mut unlimited = session(RemovedPolicy::Fail);
    unlimited.set_subscribe_timeout(Some(Duration::MAX));
    assert_eq!(ends_at(&mut unlimited), None);

    let mut known = session(RemovedPolicy::Fail);
    known.continue_as(Some("f1".into()));
    assert_eq!(ends_at(&mut known), None, "it was subscribed before");

    let mut limited = session(RemovedPolicy::Fail);
    limited.continue_as(Some("f1".into()));
    limited.set_subscribe_timeout(Some(10 * SECOND));
    let ended_at = ends_at(&mut limited).unwrap();
    assert!((10..18).contains(&ended_at), "{ended_at}");
}

#[test]
fn after_the_first_subscription_there_is_no_time_limit() {
    let mut session = session(RemovedPolicy::Fail);
    session.set_subscribe_timeout(Some(10 * SECOND));
    let generation = subscribe(&mut session, 0);
    at(&mut session, 5, Input::Failed(generation, lost()));
    assert_eq!(ends_at(&mut session), None);
}

#[test]
fn after_a_subscription_leader_changes_shorten_waits_to_zero_again() {
    let mut session = session(RemovedPolicy::Fail);
    for seconds in [0, 10, 20, 30, 40, 50] {
        failed_attempt(&mut session, seconds);
        at(&mut session, seconds + 3, Input::LeaderChanged);
    }
    let ignored = at(&mut session, 53, Input::LeaderChanged);
    assert!(matches!(ignored, Output::Ignored), "{ignored:?}");
    let generation = subscribe(&mut session, 60);
    at(&mut session, 70, Input::Failed(generation, lost()));
    for seconds in [80, 90, 100] {
        failed_attempt(&mut session, seconds);
    }
    assert!(matches!(
        at(&mut session, 102, Input::LeaderChanged),
        Output::RetrySooner(Duration::ZERO)
    ));
}

#[test]
fn a_leader_change_is_ignored_while_the_session_does_not_wait() {
    let mut session = session(RemovedPolicy::Fail);
    assert!(matches!(
        at(&mut session, 0, Input::LeaderChanged),
        Output::Ignored
    ));
    let generation = subscribe(&mut session, 1);
    assert!(matches!(
        at(&mut session, 2, Input::LeaderChanged),
        Output::Ignored
    ));
    assert_eq!(session.generation(), generation);
    assert_eq!(session.state(), SessionState::Subscribed);
}

#[test]
fn a_failure_that_ends_a_new_driver_is_retried_by_a_driver_that_was_subscribed_once() {
    for kind in [ErrorKind::Config, ErrorKind::Tls, ErrorKind::Backend] {
        let failure = || Error::new(kind, "the file with the certificate is empty");
        let mut fresh = session(RemovedPolicy::Fail);
        at(&mut fresh, 0, Input::Connect);
        let end = ended(at(&mut fresh, 0, Input::Failed(1, failure())));
        assert_eq!(end.kind(), kind);

        let mut known = session(RemovedPolicy::Fail);
        let generation = subscribe(&mut known, 0);
        at(&mut known, 1, Input::Failed(generation, lost()));
        for seconds in [10, 100, 1000, 10_000] {
            let Output::Open(generation, _) = at(&mut known, seconds, Input::Connect) else {
                panic!("{known:?}");
            };
            let output = at(&mut known, seconds, Input::Failed(generation, failure()));
            assert!(matches!(output, Output::BackOff(..)), "{output:?}");
        }
        subscribe(&mut known, 20_000);
    }
}
