//! Properties of the session under any sequence of inputs, times and random numbers.

use proptest::prelude::*;

use super::*;

/// An input without its generation, which `age` of [`Step`] determines.
#[derive(Clone, Debug)]
enum Kind {
    Connect,
    Opened,
    Granted { own: bool },
    Interrupted,
    Failed(ErrorKind, Delivery, Option<u16>),
    ErrorEvent(&'static str),
    LeaderChanged,
    End,
}

fn kinds() -> impl Strategy<Value = Kind> {
    let reasons = vec![
        "Framework has been removed",
        "Framework has been removed",
        "Framework failed over",
        "Role '-x' is invalid",
    ];
    prop_oneof![
        600 => Just(Kind::Connect),
        600 => Just(Kind::Opened),
        600 => prop::bool::weighted(0.97).prop_map(|own| Kind::Granted { own }),
        200 => Just(Kind::Interrupted),
        280 => Just(Kind::Failed(ErrorKind::Transport, Delivery::NotSent, None)),
        100 => Just(Kind::Failed(ErrorKind::Transport, Delivery::Unknown, None)),
        30 => Just(Kind::Failed(ErrorKind::Unavailable, Delivery::Unknown, Some(502))),
        30 => Just(Kind::Failed(ErrorKind::Protocol, Delivery::Unknown, None)),
        20 => Just(Kind::Failed(ErrorKind::Config, Delivery::NotSent, None)),
        10 => Just(Kind::Failed(ErrorKind::Unauthorized, Delivery::Refused, Some(401))),
        50 => prop::sample::select(reasons).prop_map(Kind::ErrorEvent),
        300 => Just(Kind::LeaderChanged),
        5 => Just(Kind::End),
    ]
}

#[derive(Clone, Debug)]
struct Step {
    kind: Kind,
    /// How many generations before the present one.
    age: u64,
    elapsed: Duration,
    random: f64,
}

fn steps() -> impl Strategy<Value = Step> {
    let age = prop_oneof![8 => Just(0_u64), 1 => 1_u64..4];
    let elapsed = prop_oneof![3 => 0_u64..50, 3 => 0_u64..20_000, 1 => 0_u64..1_000_000];
    (kinds(), age, elapsed, 0.0..1.0_f64).prop_map(|(kind, age, millis, random)| Step {
        kind,
        age,
        elapsed: Duration::from_millis(millis),
        random,
    })
}

const FIRST: Duration = Duration::from_millis(500);
const MAX: Duration = Duration::from_secs(15);
const FAILOVER_TIMEOUT: Duration = Duration::from_secs(120);

/// The longest wait after this number of failed attempts.
fn bound(failures: u32) -> Duration {
    FIRST.saturating_mul(1 << failures.min(20)).min(MAX)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_sequence_of_inputs_keeps_the_invariants(
        new_framework: bool,
        stored: bool,
        steps in prop::collection::vec(steps(), 1..120),
    ) {
        let removed = if new_framework { RemovedPolicy::NewFramework } else { RemovedPolicy::Fail };
        let mut session = Session::new(BackoffPolicy::new(FIRST, MAX), removed);
        session.set_failover_timeout(FAILOVER_TIMEOUT);
        // The expected state, computed independently of the session.
        let mut id: Option<FrameworkId> = stored.then(|| "f0".into());
        session.continue_as(id.clone());
        let mut now = Duration::ZERO;
        let mut open: Option<Generation> = None;
        let mut retry_at: Option<Duration> = None;
        let mut opened_at = Duration::ZERO;
        let mut wait_shortened = false;
        let mut shortened_waits = 0_u32;
        let mut failures = 0_u32;
        // Failures since the last subscription that lasted.
        let mut level = 0_u32;
        let mut granted_at: Option<Duration> = None;
        let mut lost_at: Option<Duration> = None;
        let mut timeout_reported = false;
        let mut ids = 1_u32;
        let mut replaced: Option<FrameworkId> = None;
        let mut subscribed_before = false;
        let mut first_attempt: Option<Duration> = None;
        // When the last SUBSCRIBE was abandoned that may still arrive.
        let mut unanswered_subscribe: Option<Duration> = None;

        for Step { kind, age, elapsed, random } in steps {
            now += elapsed;
            let before = session.state();
            let was_new = id.is_none() && !subscribed_before;
            let present = session.generation();
            let generation = present.saturating_sub(age);
            let about_present = generation == present;
            let input = match &kind {
                Kind::Connect => Input::Connect,
                Kind::Opened => Input::Opened(generation),
                Kind::Granted { own } => {
                    let granted = match &id {
                        Some(id) if *own => id.clone(),
                        _ => { ids += 1; format!("f{ids}").into() }
                    };
                    Input::Granted(generation, granted)
                }
                Kind::Interrupted => {
                    Input::Interrupted(generation, Error::new(ErrorKind::Transport, "x"))
                }
                Kind::Failed(kind, delivery, status) => {
                    let error = Error::new(*kind, "x").with_delivery(*delivery);
                    let answered = |status: &u16| error.clone().with_status(*status);
                    Input::Failed(generation, status.as_ref().map_or(error.clone(), answered))
                }
                Kind::ErrorEvent(text) => Input::ErrorEvent(generation, (*text).to_owned()),
                Kind::LeaderChanged => Input::LeaderChanged,
                Kind::End => Input::End(Ok(StopReason::Stopped)),
            };
            let granted_id = match &input {
                Input::Granted(_, id) => Some(id.clone()),
                _ => None,
            };
            let output = session.step(now, random, input);
            let after = session.state();
            if matches!(output, Output::Interrupted(_) | Output::BackOff(..))
                && let Some(granted) = granted_at.take()
                && now - granted >= MAX
            {
                level = 0;
                shortened_waits = 0;
            }
            if after == SessionState::Connecting {
                first_attempt.get_or_insert(now);
            }

            // The end is final.
            if before == SessionState::Ended {
                prop_assert!(matches!(output, Output::Ignored));
                prop_assert_eq!(after, SessionState::Ended);
                continue;
            }
            // Inputs of another generation change nothing.
            if !about_present && !matches!(kind, Kind::Connect | Kind::LeaderChanged | Kind::End) {
                prop_assert!(matches!(output, Output::Ignored), "{:?}", output);
            }
            if matches!(output, Output::Ignored) {
                prop_assert_eq!(after, before);
                prop_assert_eq!(session.generation(), present);
            }
            // Generations never decrease.
            prop_assert!(session.generation() >= present);
            match output {
                Output::Ignored => {}
                Output::Proceed => prop_assert_eq!(after, SessionState::Subscribing),
                Output::Open(opened, with) => {
                    prop_assert_eq!(open, None, "two open generations at the same time");
                    prop_assert!(opened > present);
                    prop_assert!(retry_at.is_none_or(|at| now >= at), "too early");
                    prop_assert_eq!(with, id.clone(), "the SUBSCRIBE's id");
                    open = Some(opened);
                    opened_at = now;
                    retry_at = None;
                }
                Output::RetrySooner(wait) => {
                    prop_assert_eq!(before, SessionState::BackingOff);
                    prop_assert_eq!(after, before);
                    prop_assert_eq!(session.generation(), present);
                    prop_assert!(!wait_shortened, "a wait is shortened once");
                    prop_assert!(retry_at.is_some_and(|at| now + wait < at), "longer");
                    // Attempts grow rare, however often the leader changes.
                    let earliest = opened_at + bound(shortened_waits);
                    prop_assert!(now + wait >= earliest, "a busy loop");
                    prop_assert!(wait <= FIRST || now + wait == earliest);
                    retry_at = Some(now + wait);
                    wait_shortened = true;
                    shortened_waits += 1;
                }
                Output::Subscribed(granted) => {
                    prop_assert_eq!(open, Some(generation));
                    prop_assert_eq!(before, SessionState::Subscribing);
                    prop_assert_eq!(Some(granted.id.clone()), granted_id);
                    prop_assert_eq!(granted.resubscribed, subscribed_before);
                    prop_assert_eq!(granted.replaced, replaced.take());
                    prop_assert!(id.is_none() || id == Some(granted.id.clone()));
                    id = Some(granted.id);
                    subscribed_before = true;
                    failures = 0;
                    granted_at = Some(now);
                    lost_at = None;
                    timeout_reported = false;
                }
                Output::Interrupted(disconnected) => {
                    if before == SessionState::Subscribed { lost_at = Some(now); }
                    let passed = lost_at.is_some_and(|at| now - at >= FAILOVER_TIMEOUT);
                    prop_assert_eq!(disconnected.failover_timeout_passed, passed && !timeout_reported);
                    timeout_reported |= passed;
                    prop_assert_eq!(disconnected.retry_in, Duration::ZERO);
                    open = Some(session.generation());
                    prop_assert!(session.generation() > present);
                }
                Output::BackOff(disconnected, removed) => {
                    prop_assert_eq!(open, Some(generation));
                    if before == SessionState::Subscribed { lost_at = Some(now); }
                    let passed = lost_at.is_some_and(|at| now - at >= FAILOVER_TIMEOUT);
                    prop_assert_eq!(disconnected.failover_timeout_passed, passed && !timeout_reported);
                    timeout_reported |= passed;
                    prop_assert_eq!(disconnected.attempts, failures);
                    let wait = bound(level).mul_f64(0.5 + random / 2.0);
                    prop_assert_eq!(disconnected.retry_in, wait);
                    if let Kind::Failed(_, Delivery::Unknown, None) = kind
                        && before == SessionState::Connecting
                    {
                        unanswered_subscribe = Some(now);
                    }
                    if let Kind::ErrorEvent("Framework failed over") = kind {
                        let since = unanswered_subscribe.take();
                        prop_assert!(
                            since.is_some_and(|since| now - since < DELAYED_SUBSCRIBE_TIMEOUT),
                            "a takeover by another scheduler was ignored"
                        );
                    }
                    failures += 1;
                    level += 1;
                    wait_shortened = false;
                    retry_at = Some(now + disconnected.retry_in);
                    open = None;
                    if let Some(removed) = removed {
                        prop_assert!(new_framework);
                        prop_assert!(is_removal(disconnected.error.kind()));
                        prop_assert_eq!(Some(&removed), id.as_ref());
                        replaced = id.take();
                    }
                }
                Output::Ended(end) => {
                    prop_assert_eq!(after, SessionState::Ended);
                    let outage = lost_at.map(|at| now - at);
                    let expected = match &kind {
                        Kind::ErrorEvent("Framework failed over") => {
                            let recent = |since| now - since < DELAYED_SUBSCRIBE_TIMEOUT;
                            prop_assert!(!unanswered_subscribe.is_some_and(recent));
                            Err(ErrorKind::TakenOver)
                        }
                        Kind::ErrorEvent("Framework has been removed")
                            if outage.is_some_and(|outage| outage >= FAILOVER_TIMEOUT) =>
                        {
                            Err(ErrorKind::FailoverTimeout)
                        }
                        Kind::ErrorEvent("Framework has been removed") => {
                            prop_assert!(!new_framework || id.is_none());
                            Err(ErrorKind::FrameworkRemoved)
                        }
                        Kind::ErrorEvent(_) => Err(ErrorKind::Rejected),
                        Kind::Failed(kind, ..) => Err(*kind),
                        Kind::Granted { .. } => Err(ErrorKind::Protocol),
                        _ => Ok(StopReason::Stopped),
                    };
                    prop_assert_eq!(end.map_err(|error| error.kind()), expected);
                }
            }
            // Failures that a retry cannot resolve end the session. Before the first
            // subscription this includes a peer that is not a Mesos master.
            let open = [
                SessionState::Connecting,
                SessionState::Subscribing,
                SessionState::Subscribed,
            ];
            if let Kind::Failed(error, ..) = kind
                && about_present
                && open.contains(&before)
            {
                let wrong_address = error == ErrorKind::Protocol
                    && before == SessionState::Connecting
                    && !subscribed_before;
                // A new framework has a limited time for its first subscription.
                let too_late = was_new
                    && first_attempt.is_some_and(|since| now - since >= SUBSCRIBE_TIMEOUT);
                let wrong_setting = error == ErrorKind::Config && !subscribed_before;
                let fatal = error == ErrorKind::Unauthorized
                    || wrong_address
                    || wrong_setting
                    || too_late;
                prop_assert_eq!(after == SessionState::Ended, fatal);
            }
        }
    }
}
