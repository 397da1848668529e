//! Tests of single rules.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const NOTHING: Facts = Facts {
    updates: 0,
    tasks: 0,
    refused: 0,
};

fn rules(checkpoint: bool) -> Rules {
    Rules {
        checkpoint,
        registration_timeout: SECOND * 60,
        recovery_timeout: SECOND * 900,
        flush_timeout: SECOND * 60,
        grace: SECOND * 5,
        backoff: BackoffPolicy::new(SECOND / 10, SECOND),
    }
}

fn left(updates: usize, tasks: usize) -> Facts {
    Facts {
        updates,
        tasks,
        refused: 0,
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Transport, "connection reset")
}

/// A session that was granted at 0.
fn subscribed(checkpoint: bool) -> Session {
    let mut session = Session::new(rules(checkpoint));
    open(&mut session, Duration::ZERO);
    session
}

fn open(session: &mut Session, now: Duration) {
    let Output::Open(of) = session.step(now, 1.0, NOTHING, Input::Connect) else {
        panic!("not opened");
    };
    session.step(now, 1.0, NOTHING, Input::Opened(of));
    let granted = session.step(now, 1.0, NOTHING, Input::Granted(of));
    assert!(matches!(granted, Output::Subscribed(_)));
}

fn fail(session: &mut Session, now: Duration, error: Error) -> Output {
    let failed = Input::Failed(session.generation(), error);
    session.step(now, 1.0, NOTHING, failed)
}

fn look(session: &mut Session, now: Duration, facts: Facts) -> Option<Result<StopReason>> {
    match session.step(now, 1.0, facts, Input::Look) {
        Output::Ended(end) => Some(end),
        _ => None,
    }
}

#[test]
fn an_unavailable_agent_is_retried_until_the_registration_timeout() {
    let mut session = Session::new(rules(false));
    let mut now = Duration::ZERO;
    let mut attempts = 0;
    loop {
        match session.step(now, 1.0, NOTHING, Input::Connect) {
            Output::Open(_) => attempts += 1,
            Output::ShutDown => break,
            other => panic!("{other:?}"),
        }
        let unavailable = Error::new(ErrorKind::Unavailable, "503");
        assert!(matches!(
            fail(&mut session, now, unavailable),
            Output::Lost(_, false)
        ));
        now = session.wake().expect("a wait");
    }
    assert_eq!(now, SECOND * 60);
    assert!(attempts > 60, "{attempts}");
    let end = look(&mut session, now, NOTHING).expect("nothing is left to do");
    assert_eq!(
        end.expect_err("a failure").kind(),
        ErrorKind::RegistrationTimeout
    );
}

#[test]
fn no_delay_is_longer_than_its_limit() {
    let mut session = subscribed(true);
    let mut now = SECOND;
    for _ in 0..100 {
        let Output::Lost(lost, false) = fail(&mut session, now, lost()) else {
            panic!("given up");
        };
        assert!(lost.retry_in <= SECOND);
        now += lost.retry_in;
        assert!(matches!(
            session.step(now, 1.0, NOTHING, Input::Connect),
            Output::Open(_)
        ));
    }
}

#[test]
fn with_checkpointing_the_recovery_timeout_starts_at_the_loss() {
    let mut session = subscribed(true);
    fail(&mut session, SECOND * 100, lost());
    open(&mut session, SECOND * 900);
    fail(&mut session, SECOND * 950, lost());
    assert!(matches!(
        session.step(SECOND * 1849, 1.0, NOTHING, Input::Connect),
        Output::Open(_)
    ));
    let output = session.step(SECOND * 1850, 1.0, NOTHING, Input::Look);
    assert!(matches!(output, Output::ShutDown), "{output:?}");
    assert_eq!(session.state(), State::Alone);
    let end = look(&mut session, SECOND * 1850, NOTHING).expect("an end");
    assert_eq!(
        end.expect_err("a failure").kind(),
        ErrorKind::RecoveryTimeout
    );
}

#[test]
fn without_checkpointing_a_loss_ends_the_driver_after_the_last_task() {
    let mut session = subscribed(false);
    assert!(matches!(
        fail(&mut session, SECOND, lost()),
        Output::Lost(_, true)
    ));
    assert_eq!(session.state(), State::Alone);
    assert!(look(&mut session, SECOND * 2, left(1, 1)).is_none());
    let end = look(&mut session, SECOND * 3, left(2, 0)).expect("an end");
    let error = end.expect_err("a failure");
    assert_eq!(error.kind(), ErrorKind::AgentLost);
    assert!(
        error
            .to_string()
            .starts_with("2 updates were not acknowledged"),
        "{error}"
    );
}

#[test]
fn a_rejected_subscription_ends_an_executor_with_checkpointing_too() {
    let mut session = subscribed(true);
    fail(&mut session, SECOND, lost());
    session.step(SECOND * 3, 1.0, NOTHING, Input::Connect);
    let refused = Error::new(ErrorKind::Unauthorized, "401").with_status(401);
    assert!(matches!(
        fail(&mut session, SECOND * 3, refused),
        Output::Lost(_, true)
    ));
    let end = look(&mut session, SECOND * 8, left(0, 1)).expect("the grace period has passed");
    let error = end.expect_err("a failure");
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Unauthorized, Some(401))
    );
    assert!(
        error.to_string().contains("1 task had not ended"),
        "{error}"
    );
}

#[test]
fn a_stop_waits_for_acknowledgements_and_reports_missing_ones() {
    let mut session = subscribed(true);
    session.step(SECOND, 1.0, left(2, 1), Input::Stop);
    assert!(look(&mut session, SECOND * 60, left(2, 1)).is_none());
    let end = look(&mut session, SECOND * 61, left(1, 1)).expect("the flush timeout has passed");
    let error = end.expect_err("an update is left");
    assert_eq!(error.kind(), ErrorKind::Unacknowledged);
    assert_eq!(
        error.to_string(),
        "1 update was not acknowledged by the agent when the executor ended"
    );
    let mut session = subscribed(true);
    session.step(SECOND, 1.0, left(1, 1), Input::Stop);
    // A stop does not wait for tasks.
    assert_eq!(
        look(&mut session, SECOND * 2, left(0, 1)).map(Result::ok),
        Some(Some(StopReason::Stopped))
    );
}

#[test]
fn a_shutdown_waits_for_the_tasks_and_their_acknowledgements() {
    let mut session = Session::new(rules(false));
    session.step(SECOND, 1.0, NOTHING, Input::Connect);
    session.step(SECOND, 1.0, NOTHING, Input::Opened(1));
    // SHUTDOWN may be the first event.
    assert!(matches!(
        session.step(SECOND, 1.0, NOTHING, Input::ShutDown(1)),
        Output::ShutDown
    ));
    assert!(look(&mut session, SECOND * 2, left(1, 0)).is_none());
    assert!(look(&mut session, SECOND * 2, left(0, 1)).is_none());
    assert_eq!(
        look(&mut session, SECOND * 2, NOTHING).map(Result::ok),
        Some(Some(StopReason::ShutDown))
    );
}

#[test]
fn after_a_shutdown_and_the_loss_of_the_agent_the_driver_waits_only_for_tasks() {
    let mut session = subscribed(false);
    session.step(SECOND, 1.0, left(0, 1), Input::ShutDown(1));
    assert!(matches!(
        fail(&mut session, SECOND * 2, lost()),
        Output::Lost(_, false)
    ));
    assert!(look(&mut session, SECOND * 3, left(1, 1)).is_none());
    let end = look(&mut session, SECOND * 3, left(1, 0)).expect("an end");
    assert_eq!(
        end.expect_err("an update is left").kind(),
        ErrorKind::Unacknowledged
    );
}

#[test]
fn a_second_subscribed_event_in_the_same_stream_is_a_resubscription() {
    let mut session = subscribed(true);
    let again = Input::Granted(session.generation());
    let output = session.step(SECOND, 1.0, NOTHING, again);
    assert!(matches!(output, Output::Subscribed(true)), "{output:?}");
    assert_eq!(session.state(), State::Subscribed);
}

/// The number of attempts in 100 s if the agent ends each subscription after `lasts`.
fn attempts_with_subscriptions_of(lasts: Duration) -> usize {
    let mut session = Session::new(rules(true));
    let mut now = Duration::ZERO;
    let mut attempts = 0;
    while now < SECOND * 100 {
        open(&mut session, now);
        attempts += 1;
        now += lasts;
        assert!(matches!(
            fail(&mut session, now, lost()),
            Output::Lost(_, false)
        ));
        now = session.wake().expect("a wait");
    }
    attempts
}

#[test]
fn an_agent_that_ends_each_subscription_at_once_is_tried_as_rarely_as_a_dead_agent() {
    for lasts in [Duration::ZERO, SECOND / 2] {
        let attempts = attempts_with_subscriptions_of(lasts);
        assert!((60..=110).contains(&attempts), "{attempts} with {lasts:?}");
    }
}

#[test]
fn the_first_wait_after_a_long_subscription_is_short_again() {
    let mut session = subscribed(true);
    let mut now = Duration::ZERO;
    for _ in 0..5 {
        fail(&mut session, now, lost());
        now = session.wake().expect("a wait");
        open(&mut session, now);
    }
    now += SECOND;
    match fail(&mut session, now, lost()) {
        Output::Lost(lost, false) => {
            assert_eq!((lost.attempts, lost.retry_in), (0, SECOND / 10));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failure_that_ends_a_new_executor_is_retried_by_an_executor_that_was_subscribed_once() {
    for kind in [ErrorKind::Config, ErrorKind::Tls, ErrorKind::Backend] {
        let failure = || Error::new(kind, "too many open files");
        let mut known = subscribed(true);
        fail(&mut known, SECOND, lost());
        for seconds in [10, 100, 800] {
            let now = SECOND * seconds;
            let opened = known.step(now, 1.0, NOTHING, Input::Connect);
            assert!(matches!(opened, Output::Open(_)), "{opened:?}");
            let output = fail(&mut known, now, failure());
            assert!(matches!(output, Output::Lost(_, false)), "{output:?}");
        }
        open(&mut known, SECOND * 850);
    }
    let mut fresh = Session::new(rules(true));
    fresh.step(Duration::ZERO, 1.0, NOTHING, Input::Connect);
    let failure = Error::new(ErrorKind::Config, "no such file");
    let output = fail(&mut fresh, Duration::ZERO, failure);
    assert!(matches!(output, Output::Lost(_, true)), "{output:?}");
}
