//! What holds over any interleaving of inputs, times and random numbers.

use proptest::prelude::*;

use super::*;

/// An input without its generation; `age` says of which one it speaks.
#[derive(Clone, Debug)]
enum Kind {
    Connect,
    Opened,
    Granted { own: bool },
    Interrupted,
    Failed(ErrorKind, Delivery),
    Refused(&'static str),
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
        280 => Just(Kind::Failed(ErrorKind::Transport, Delivery::NotSent)),
        100 => Just(Kind::Failed(ErrorKind::Transport, Delivery::Unknown)),
        30 => Just(Kind::Failed(ErrorKind::Protocol, Delivery::Unknown)),
        10 => Just(Kind::Failed(ErrorKind::Unauthorized, Delivery::Refused)),
        50 => prop::sample::select(reasons).prop_map(Kind::Refused),
        300 => Just(Kind::LeaderChanged),
        5 => Just(Kind::End),
    ]
}

#[derive(Clone, Debug)]
struct Happening {
    kind: Kind,
    /// How many generations ago.
    age: u64,
    elapsed: Duration,
    random: f64,
}

fn happenings() -> impl Strategy<Value = Happening> {
    let age = prop_oneof![8 => Just(0_u64), 1 => 1_u64..4];
    let elapsed = prop_oneof![3 => 0_u64..50, 3 => 0_u64..20_000, 1 => 0_u64..1_000_000];
    (kinds(), age, elapsed, 0.0..1.0_f64).prop_map(|(kind, age, millis, random)| Happening {
        kind,
        age,
        elapsed: Duration::from_millis(millis),
        random,
    })
}

const FIRST: Duration = Duration::from_millis(500);
const MAX: Duration = Duration::from_secs(15);
const FAILOVER: Duration = Duration::from_secs(120);

/// The longest wait after so many in vain.
fn bound(before: u32) -> Duration {
    FIRST.saturating_mul(1 << before.min(20)).min(MAX)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_interleaving_breaks_a_promise(
        anew: bool,
        stored: bool,
        happenings in prop::collection::vec(happenings(), 1..120),
    ) {
        let removed = if anew { RemovedPolicy::NewFramework } else { RemovedPolicy::Fail };
        let mut session = Session::new(BackoffPolicy::new(FIRST, MAX), removed);
        session.set_failover_timeout(FAILOVER);
        // What an observer knows, by other means than the machine.
        let mut id: Option<FrameworkId> = stored.then(|| "f0".into());
        session.continue_as(id.clone());
        let mut now = Duration::ZERO;
        let mut open: Option<Generation> = None;
        let mut retry_at: Option<Duration> = None;
        let mut opened_at = Duration::ZERO;
        let mut hurried = false;
        let mut hurries = 0_u32;
        let mut failures = 0_u32;
        let mut lost_at: Option<Duration> = None;
        let mut told = false;
        let mut names = 1_u32;
        let mut given_up: Option<FrameworkId> = None;
        let mut ever = false;
        let mut first_attempt: Option<Duration> = None;
        // SUBSCRIBEs that may still arrive.
        let mut strays: Vec<Duration> = Vec::new();

        for Happening { kind, age, elapsed, random } in happenings {
            now += elapsed;
            let before = session.state();
            let was_new = id.is_none() && !ever;
            let present = session.generation();
            let of = present.saturating_sub(age);
            let about_present = age == 0 || of == present;
            let input = match &kind {
                Kind::Connect => Input::Connect,
                Kind::Opened => Input::Opened(of),
                Kind::Granted { own } => {
                    let granted = match &id {
                        Some(id) if *own => id.clone(),
                        _ => { names += 1; format!("f{names}").into() }
                    };
                    Input::Granted(of, granted)
                }
                Kind::Interrupted => Input::Interrupted(of, Error::new(ErrorKind::Transport, "x")),
                Kind::Failed(kind, delivery) => {
                    Input::Failed(of, Error::new(*kind, "x").with_delivery(*delivery))
                }
                Kind::Refused(text) => Input::Refused(of, (*text).to_owned()),
                Kind::LeaderChanged => Input::LeaderChanged,
                Kind::End => Input::End(Ok(StopReason::Stopped)),
            };
            let named = match &input {
                Input::Granted(_, id) => Some(id.clone()),
                _ => None,
            };
            let output = session.step(now, random, input);
            let after = session.state();
            if after == SessionState::Connecting {
                first_attempt.get_or_insert(now);
            }

            // The end is final.
            if before == SessionState::Ended {
                prop_assert!(matches!(output, Output::Ignored));
                prop_assert_eq!(after, SessionState::Ended);
                continue;
            }
            // What is of another generation changes nothing.
            if !about_present && !matches!(kind, Kind::Connect | Kind::LeaderChanged | Kind::End) {
                prop_assert!(matches!(output, Output::Ignored), "{:?}", output);
            }
            if matches!(output, Output::Ignored) {
                prop_assert_eq!(after, before);
                prop_assert_eq!(session.generation(), present);
            }
            // Generations never go back.
            prop_assert!(session.generation() >= present);
            match output {
                Output::Ignored => {}
                Output::Proceed => prop_assert_eq!(after, SessionState::Subscribing),
                Output::Open(generation, with) => {
                    prop_assert_eq!(open, None, "two generations live at once");
                    prop_assert!(generation > present);
                    prop_assert!(retry_at.is_none_or(|at| now >= at), "too early");
                    prop_assert_eq!(with, id.clone(), "the SUBSCRIBE's id");
                    open = Some(generation);
                    opened_at = now;
                    retry_at = None;
                }
                Output::RetrySooner(wait) => {
                    prop_assert_eq!(before, SessionState::BackingOff);
                    prop_assert_eq!(after, before);
                    prop_assert_eq!(session.generation(), present);
                    prop_assert!(!hurried, "a wait is cut short once");
                    prop_assert!(retry_at.is_some_and(|at| now + wait < at), "longer");
                    // However often there are news, the attempts grow rare.
                    prop_assert!(now + wait >= opened_at + bound(hurries), "a hot loop");
                    prop_assert!(wait <= FIRST || now + wait == opened_at + bound(hurries));
                    retry_at = Some(now + wait);
                    hurried = true;
                    hurries += 1;
                }
                Output::Subscribed(granted) => {
                    prop_assert_eq!(open, Some(of));
                    prop_assert_eq!(before, SessionState::Subscribing);
                    prop_assert_eq!(Some(granted.id.clone()), named);
                    prop_assert_eq!(granted.resubscribed, ever);
                    prop_assert_eq!(granted.replaced, given_up.take());
                    prop_assert!(id.is_none() || id == Some(granted.id.clone()));
                    id = Some(granted.id);
                    ever = true;
                    failures = 0;
                    hurries = 0;
                    lost_at = None;
                    told = false;
                }
                Output::Interrupted(disconnected) => {
                    if before == SessionState::Subscribed { lost_at = Some(now); }
                    let passed = lost_at.is_some_and(|at| now - at >= FAILOVER);
                    prop_assert_eq!(disconnected.failover_timeout_passed, passed && !told);
                    told |= passed;
                    prop_assert_eq!(disconnected.retry_in, Duration::ZERO);
                    open = Some(session.generation());
                    prop_assert!(session.generation() > present);
                }
                Output::BackOff(disconnected, forget) => {
                    prop_assert_eq!(open, Some(of));
                    if before == SessionState::Subscribed { lost_at = Some(now); }
                    let passed = lost_at.is_some_and(|at| now - at >= FAILOVER);
                    prop_assert_eq!(disconnected.failover_timeout_passed, passed && !told);
                    told |= passed;
                    prop_assert_eq!(disconnected.attempts, failures);
                    let wait = bound(failures).mul_f64(0.5 + random / 2.0);
                    prop_assert_eq!(disconnected.retry_in, wait);
                    if let Kind::Failed(_, Delivery::Unknown) = kind
                        && before == SessionState::Connecting
                    {
                        strays.push(now);
                    }
                    if let Kind::Refused("Framework failed over") = kind {
                        strays.retain(|since| now - *since < STRAYS);
                        prop_assert!(!strays.is_empty(), "nothing excuses a takeover");
                        strays.remove(0);
                    }
                    failures += 1;
                    hurried = false;
                    retry_at = Some(now + disconnected.retry_in);
                    open = None;
                    if let Some(forgotten) = forget {
                        prop_assert!(anew);
                        prop_assert!(is_removal(disconnected.error.kind()));
                        prop_assert_eq!(Some(&forgotten), id.as_ref());
                        given_up = id.take();
                    }
                }
                Output::Ended(end) => {
                    prop_assert_eq!(after, SessionState::Ended);
                    let without = lost_at.map(|at| now - at);
                    let expected = match &kind {
                        Kind::Refused("Framework failed over") => {
                            prop_assert!(!strays.iter().any(|since| now - *since < STRAYS));
                            Err(ErrorKind::TakenOver)
                        }
                        Kind::Refused("Framework has been removed")
                            if without.is_some_and(|without| without >= FAILOVER) =>
                        {
                            Err(ErrorKind::FailoverTimeout)
                        }
                        Kind::Refused("Framework has been removed") => {
                            prop_assert!(!anew || id.is_none());
                            Err(ErrorKind::FrameworkRemoved)
                        }
                        Kind::Refused(_) => Err(ErrorKind::Rejected),
                        Kind::Failed(kind, _) => Err(*kind),
                        Kind::Granted { .. } => Err(ErrorKind::Protocol),
                        _ => Ok(StopReason::Stopped),
                    };
                    prop_assert_eq!(end.map_err(|error| error.kind()), expected);
                }
            }
            // What waiting does not mend ends it, and what is no Mesos before
            // the first time.
            let open = [
                SessionState::Connecting,
                SessionState::Subscribing,
                SessionState::Subscribed,
            ];
            if let Kind::Failed(error, _) = kind
                && about_present
                && open.contains(&before)
            {
                let no_mesos = error == ErrorKind::Protocol
                    && before == SessionState::Connecting
                    && !ever;
                // A new framework has a limited time for its first subscription.
                let too_late = was_new
                    && first_attempt.is_some_and(|since| now - since >= SUBSCRIBE_TIMEOUT);
                let last = error == ErrorKind::Unauthorized || no_mesos || too_late;
                prop_assert_eq!(after == SessionState::Ended, last);
            }
        }
    }
}
