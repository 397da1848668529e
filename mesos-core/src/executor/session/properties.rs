//! Properties of the session for all sequences of inputs, times and random numbers.

use proptest::prelude::*;

use super::*;

/// An input without its generation; `age` selects the generation.
#[derive(Clone, Debug)]
enum Kind {
    Connect,
    Opened,
    Granted,
    Failed(ErrorKind),
    Refused,
    ShutDown,
    Stop,
    Broken,
    Look,
    End,
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        600 => Just(Kind::Connect),
        600 => Just(Kind::Opened),
        600 => Just(Kind::Granted),
        290 => Just(Kind::Failed(ErrorKind::Transport)),
        10 => Just(Kind::Failed(ErrorKind::Config)),
        6 => Just(Kind::Failed(ErrorKind::Unauthorized)),
        300 => Just(Kind::Look),
        10 => Just(Kind::Refused),
        20 => Just(Kind::ShutDown),
        20 => Just(Kind::Stop),
        10 => Just(Kind::Broken),
        3 => Just(Kind::End),
    ]
}

#[derive(Clone, Debug)]
struct Step {
    kind: Kind,
    /// How many generations before the current one.
    age: u64,
    elapsed: Duration,
    random: f64,
    facts: Facts,
}

fn steps() -> impl Strategy<Value = Step> {
    let age = prop_oneof![8 => Just(0_u64), 1 => 1_u64..4];
    let elapsed = prop_oneof![3 => 0_u64..50, 3 => 0_u64..2_000, 1 => 0_u64..100_000];
    let facts = (0_usize..3, 0_usize..3, prop::bool::weighted(0.05));
    (kinds(), age, elapsed, 0.0..1.0_f64, facts).prop_map(
        |(kind, age, millis, random, (updates, tasks, refused))| Step {
            kind,
            age,
            elapsed: Duration::from_millis(millis),
            random,
            facts: Facts {
                updates,
                tasks,
                refused: refused.into(),
            },
        },
    )
}

const REGISTRATION: Duration = Duration::from_secs(60);
const RECOVERY: Duration = Duration::from_secs(120);
const FLUSH: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_secs(5);
const FIRST: Duration = Duration::from_millis(100);
const MAX: Duration = Duration::from_secs(1);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_session_has_its_properties_for_all_inputs(
        checkpoint: bool,
        steps in prop::collection::vec(steps(), 1..80),
    ) {
        let mut session = Session::new(Rules {
            checkpoint,
            registration_timeout: REGISTRATION,
            recovery_timeout: RECOVERY,
            flush_timeout: FLUSH,
            grace: GRACE,
            backoff: BackoffPolicy::new(FIRST, MAX),
        });
        // A simple model of the session, which the session is compared with.
        let mut now = Duration::ZERO;
        let mut open: Option<Generation> = None;
        let mut retry_at: Option<Duration> = None;
        let mut ever = false;
        let mut without_since: Option<Duration> = None;
        let mut shutdown_called = false;
        // The reason of the end, and its latest time.
        let mut ending: Option<(&str, Duration)> = None;
        let mut alone = false;

        for Step { kind, age, elapsed, random, facts } in steps {
            now += elapsed;
            let before = session.state();
            let current = session.generation();
            let of = current.saturating_sub(age);
            let is_current = of == current;
            let input = match &kind {
                Kind::Connect => Input::Connect,
                Kind::Opened => Input::Opened(of),
                Kind::Granted => Input::Granted(of),
                Kind::Failed(kind) => Input::Failed(of, Error::new(*kind, "x")),
                Kind::Refused => Input::Refused(of, "x".to_owned()),
                Kind::ShutDown => Input::ShutDown(of),
                Kind::Stop => Input::Stop,
                Kind::Broken => Input::Broken(Error::new(ErrorKind::Store, "full")),
                Kind::Look => Input::Look,
                Kind::End => Input::End(Ok(StopReason::Aborted)),
            };
            let output = session.step(now, random, facts, input);
            let after = session.state();
            let looked = matches!(kind, Kind::Look | Kind::Connect);

            // The end is final.
            if before == State::Ended {
                prop_assert!(matches!(output, Output::Ignored));
                prop_assert_eq!(after, State::Ended);
                continue;
            }
            prop_assert!(session.generation() >= current);
            // Inputs of other generations change nothing.
            let of_a_stream = matches!(kind, Kind::Opened | Kind::Granted | Kind::Failed(_)
                | Kind::Refused | Kind::ShutDown);
            if of_a_stream && !is_current {
                prop_assert!(matches!(output, Output::Ignored), "{:?}", output);
            }
            if matches!(output, Output::Ignored) {
                prop_assert_eq!(after, before);
                prop_assert_eq!(session.generation(), current);
            }
            // The driver does not subscribe again after it has given up.
            if before == State::Alone {
                prop_assert!(matches!(after, State::Alone | State::Ended));
            }
            let limit = if ever { RECOVERY } else { REGISTRATION };
            let away = without_since.is_some_and(|since| now - since >= limit);
            alone |= after == State::Alone || away;
            alone |= matches!(kind, Kind::Refused) && !matches!(output, Output::Ignored);

            if matches!(kind, Kind::Stop) && ending.is_none() {
                ending = Some(("stop", now + FLUSH));
            }
            // `shutdown` is called at most once. The grace period starts with the call.
            if matches!(output, Output::ShutDown | Output::Lost(_, true)) {
                prop_assert!(!shutdown_called, "called twice");
                shutdown_called = true;
                let began = if matches!(kind, Kind::ShutDown) { "shutdown" } else { "failure" };
                let deadline = ending.map_or(now + GRACE, |(_, at)| at.min(now + GRACE));
                ending = Some((began, deadline));
            }
            match output {
                Output::Ignored | Output::Proceed | Output::ShutDown => {}
                Output::Open(generation) => {
                    prop_assert_eq!(open, None, "two generations at the same time");
                    prop_assert!(generation > current);
                    prop_assert!(retry_at.is_none_or(|at| now >= at), "too early");
                    prop_assert!(checkpoint || !ever, "resubscribed without checkpointing");
                    prop_assert!(!away, "subscribed after the timeout");
                    without_since = without_since.or(Some(now));
                    open = Some(generation);
                }
                Output::Subscribed(again) => {
                    prop_assert_eq!(open, Some(of));
                    prop_assert!(matches!(before, State::Subscribing | State::Subscribed));
                    prop_assert_eq!(again, ever);
                    ever = true;
                    without_since = None;
                }
                Output::Lost(ref lost, _) => {
                    prop_assert_eq!(open, Some(of));
                    if before == State::Subscribed { without_since = Some(now); }
                    prop_assert!(lost.retry_in <= MAX);
                    retry_at = Some(now + lost.retry_in);
                    open = None;
                    let final_ = match kind {
                        _ if ever && !checkpoint => true,
                        Kind::Failed(ErrorKind::Config) => !ever,
                        Kind::Failed(kind) => kind == ErrorKind::Unauthorized,
                        _ => false,
                    };
                    prop_assert_eq!(after == State::Alone, final_);
                }
                Output::Ended(ref end) if !matches!(kind, Kind::End) => {
                    let (began, deadline) = ending.expect("an end has a reason");
                    match end {
                        Ok(StopReason::Stopped) => {
                            prop_assert_eq!((began, facts.updates), ("stop", 0));
                        }
                        Ok(StopReason::ShutDown) => {
                            prop_assert_eq!((began, facts), ("shutdown", Facts::default()));
                        }
                        Ok(other) => prop_assert!(false, "{:?}", other),
                        Err(error) => {
                            prop_assert!(began != "failure" || error.kind() != ErrorKind::Unacknowledged);
                            // Before the deadline only if there is nothing to wait for.
                            prop_assert!(now >= deadline || facts.updates == 0 || alone);
                            prop_assert!(now >= deadline || facts.tasks == 0 || began == "stop");
                        }
                    }
                }
                Output::Ended(_) => {}
            }
            if after == State::Alone || after == State::Ended { open = None; }
            // Timeouts are enforced: `Look` after the deadline ends the session, and `Look` after
            // the time for a subscription gives the agent up.
            if looked && after != State::Ended {
                prop_assert!(ending.is_none_or(|(_, deadline)| now < deadline));
                prop_assert!(!away || after == State::Alone, "{:?}", after);
                prop_assert!(session.wake().is_some_and(|at| at > now)
                    || matches!(after, State::Idle | State::Subscribed | State::BackingOff)
                    || matches!(output, Output::ShutDown));
            }
        }
    }
}
