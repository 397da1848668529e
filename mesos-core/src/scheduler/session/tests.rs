//! One path through the session at a time.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn session(removed: RemovedPolicy) -> Session {
    let backoff = BackoffPolicy::new(SECOND, 8 * SECOND);
    let mut session = Session::new(backoff, removed);
    session.set_failover_timeout(60 * SECOND);
    session
}

fn lost() -> Error {
    Error::new(ErrorKind::Transport, "connection reset")
}

/// Steps without randomness, at `seconds`.
fn at(session: &mut Session, seconds: u32, input: Input) -> Output {
    session.step(seconds * SECOND, 0.0, input)
}

/// Subscribes as `f1` at `seconds` and returns the generation.
fn subscribe(session: &mut Session, seconds: u32) -> Generation {
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
    let stale = at(&mut session, 11, Input::Refused(first, takeover()));
    assert!(matches!(stale, Output::Ignored));
    assert_eq!(session.state(), SessionState::Subscribed);
    let current = at(&mut session, 12, Input::Refused(second, takeover()));
    assert_eq!(ended(current).kind(), ErrorKind::TakenOver);
}

#[test]
fn a_takeover_told_before_the_new_subscription_is_granted_speaks_of_the_old_stream() {
    let mut session = session(RemovedPolicy::Fail);
    let first = subscribe(&mut session, 0);
    let output = at(&mut session, 1, Input::Interrupted(first, lost()));
    assert!(matches!(output, Output::Interrupted(_)));
    let takeover = Input::Refused(session.generation(), "Framework failed over".to_owned());
    assert!(matches!(at(&mut session, 1, takeover), Output::Ignored));
    assert_eq!(session.state(), SessionState::Subscribing);
}

#[test]
fn a_subscribe_that_was_not_answered_excuses_one_takeover_while_it_may_be_on_its_way() {
    let takeover = |of| Input::Refused(of, "Framework failed over".to_owned());
    let unanswered = || lost().with_delivery(Delivery::Unknown);
    let mut session = session(RemovedPolicy::Fail);
    for seconds in [0, 10] {
        let Output::Open(given_up, _) = at(&mut session, seconds, Input::Connect) else {
            panic!("{session:?}");
        };
        at(&mut session, seconds, Input::Failed(given_up, unanswered()));
    }
    for seconds in [20, 30] {
        let present = subscribe(&mut session, seconds);
        let output = at(&mut session, seconds + 1, takeover(present));
        assert!(matches!(output, Output::BackOff(_, None)), "{output:?}");
    }
    let present = subscribe(&mut session, 40);
    let third = at(&mut session, 41, takeover(present));
    assert_eq!(ended(third).kind(), ErrorKind::TakenOver);
}

#[test]
fn a_subscribe_that_was_given_up_long_ago_or_never_left_excuses_no_takeover() {
    for (error, later) in [
        (lost().with_delivery(Delivery::Unknown), 120),
        (lost().with_delivery(Delivery::NotSent), 10),
    ] {
        let mut session = session(RemovedPolicy::Fail);
        at(&mut session, 0, Input::Connect);
        at(&mut session, 0, Input::Failed(1, error));
        let present = subscribe(&mut session, 10);
        let takeover = Input::Refused(present, "Framework failed over".to_owned());
        let output = at(&mut session, later, takeover);
        assert_eq!(ended(output).kind(), ErrorKind::TakenOver, "{later}");
    }
}

#[test]
fn the_passing_of_the_failover_timeout_is_told_once() {
    let mut session = session(RemovedPolicy::Fail);
    let mut generation = subscribe(&mut session, 0);
    let mut told = Vec::new();
    for seconds in [0, 30, 59, 60, 90, 200] {
        let failed = at(&mut session, seconds, Input::Failed(generation, lost()));
        let Output::BackOff(disconnected, _) = failed else {
            panic!("{failed:?}");
        };
        told.push(disconnected.failover_timeout_passed);
        let open = at(&mut session, seconds + 20, Input::Connect);
        let Output::Open(next, _) = open else {
            panic!("{open:?}");
        };
        generation = next;
    }
    assert_eq!(told, [false, false, false, true, false, false]);
}

#[test]
fn a_removal_after_the_failover_timeout_names_it_and_an_earlier_one_does_not() {
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
        let removed = Input::Refused(generation, "Framework has been removed".to_owned());
        assert_eq!(ended(at(&mut session, seconds, removed)).kind(), kind);
    }
}

#[test]
fn a_framework_that_ends_with_its_subscription_was_removed_and_not_late() {
    let mut session = session(RemovedPolicy::Fail);
    session.set_failover_timeout(Duration::ZERO);
    let first = subscribe(&mut session, 0);
    at(&mut session, 0, Input::Failed(first, lost()));
    at(&mut session, 10, Input::Connect);
    let generation = session.generation();
    at(&mut session, 10, Input::Opened(generation));
    let removed = Input::Refused(generation, "Framework has been removed".to_owned());
    let error = ended(at(&mut session, 10, removed));
    assert_eq!(error.kind(), ErrorKind::FrameworkRemoved);
}

#[test]
fn an_outage_that_is_over_is_no_reason_for_a_removal() {
    let mut session = session(RemovedPolicy::Fail);
    let first = subscribe(&mut session, 0);
    at(&mut session, 0, Input::Failed(first, lost()));
    let second = subscribe(&mut session, 50);
    let removed = Input::Refused(second, "Framework has been removed".to_owned());
    let error = ended(at(&mut session, 100, removed));
    assert_eq!(error.kind(), ErrorKind::FrameworkRemoved);
}

#[test]
fn the_texts_of_the_master_have_their_kinds() {
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
            Input::Refused(generation, text.to_owned()),
        ));
        assert_eq!(error.kind(), kind, "{text}");
        assert!(error.to_string().ends_with(text), "{error}");
    }
}

#[test]
fn a_removed_framework_starts_anew_without_its_id_where_that_is_the_policy() {
    let mut session = session(RemovedPolicy::NewFramework);
    let generation = subscribe(&mut session, 0);
    let removed = Input::Refused(generation, "Framework has been removed".to_owned());
    let output = at(&mut session, 1, removed);
    let Output::BackOff(disconnected, forget) = output else {
        panic!("{output:?}");
    };
    assert_eq!(disconnected.error.kind(), ErrorKind::FrameworkRemoved);
    assert_eq!(forget, Some("f1".into()));
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
fn a_removal_of_a_framework_that_has_no_id_ends_the_driver_under_either_policy() {
    let mut session = session(RemovedPolicy::NewFramework);
    at(&mut session, 0, Input::Connect);
    at(&mut session, 0, Input::Opened(1));
    let removed = Input::Refused(1, "Framework has been removed".to_owned());
    let error = ended(at(&mut session, 0, removed));
    assert_eq!(error.kind(), ErrorKind::FrameworkRemoved);
}

#[test]
fn another_frameworks_id_or_none_ends_the_driver() {
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
fn what_is_no_mesos_ends_a_driver_that_was_never_subscribed_and_no_other() {
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

    // Who took the SUBSCRIBE is a Mesos, whatever comes then.
    let mut garbled = session(RemovedPolicy::Fail);
    at(&mut garbled, 0, Input::Connect);
    at(&mut garbled, 0, Input::Opened(1));
    let output = at(&mut garbled, 1, Input::Failed(1, no_mesos()));
    assert!(matches!(output, Output::BackOff(..)), "{output:?}");
}

/// The wait after the failure of an attempt that is made at `seconds`.
fn failed_attempt(session: &mut Session, seconds: u32) -> Duration {
    let Output::Open(generation, _) = at(session, seconds, Input::Connect) else {
        panic!("{session:?}");
    };
    match at(session, seconds, Input::Failed(generation, lost())) {
        Output::BackOff(disconnected, _) => disconnected.retry_in,
        other => panic!("{other:?}"),
    }
}

#[test]
fn news_of_a_leader_cut_a_wait_short_once() {
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
fn news_without_end_make_hardly_more_attempts_than_silence() {
    let attempts = |news: bool| {
        let mut session = session(RemovedPolicy::Fail);
        session.set_subscribe_timeout(Some(Duration::MAX));
        let moments = (0..10_000).map(|tenth| SECOND / 10 * tenth);
        let made = moments.filter(|now| {
            if news {
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
    let (silence, news) = (attempts(false), attempts(true));
    assert!((240..260).contains(&silence), "{silence} in 1000 s");
    assert!(
        (silence..silence + 4).contains(&news),
        "{news}, not {silence}"
    );
}

/// When a session whose attempts all fail gives up, in seconds.
fn gives_up_at(session: &mut Session) -> Option<u32> {
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
    let given_up = gives_up_at(&mut session(RemovedPolicy::Fail)).unwrap();
    assert!((60..70).contains(&given_up), "{given_up}");

    let mut patient = session(RemovedPolicy::Fail);
    patient.set_subscribe_timeout(Some(Duration::MAX));
    assert_eq!(gives_up_at(&mut patient), None);

    let mut known = session(RemovedPolicy::Fail);
    known.continue_as(Some("f1".into()));
    assert_eq!(gives_up_at(&mut known), None, "it was subscribed before");

    let mut limited = session(RemovedPolicy::Fail);
    limited.continue_as(Some("f1".into()));
    limited.set_subscribe_timeout(Some(10 * SECOND));
    let given_up = gives_up_at(&mut limited).unwrap();
    assert!((10..18).contains(&given_up), "{given_up}");
}

#[test]
fn after_the_first_subscription_there_is_no_time_limit() {
    let mut session = session(RemovedPolicy::Fail);
    session.set_subscribe_timeout(Some(10 * SECOND));
    let generation = subscribe(&mut session, 0);
    at(&mut session, 5, Input::Failed(generation, lost()));
    assert_eq!(gives_up_at(&mut session), None);
}

#[test]
fn a_subscription_makes_news_quick_again() {
    let mut session = session(RemovedPolicy::Fail);
    for seconds in [0, 10, 20, 30, 40, 50] {
        failed_attempt(&mut session, seconds);
        at(&mut session, seconds + 3, Input::LeaderChanged);
    }
    let in_vain = at(&mut session, 53, Input::LeaderChanged);
    assert!(matches!(in_vain, Output::Ignored), "{in_vain:?}");
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
fn news_are_of_no_interest_while_nothing_waits() {
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
