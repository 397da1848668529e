//! What holds over any interleaving of inputs, times and random numbers.

use proptest::prelude::*;

use super::*;

/// An input without its generation; `age` says of which one it speaks.
#[derive(Clone, Debug)]
enum Kind {
    Connect,
    Opened,
    Granted,
    Failed { retryable: bool },
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
        300 => prop::bool::weighted(0.98).prop_map(|retryable| Kind::Failed { retryable }),
        300 => Just(Kind::Look),
        10 => Just(Kind::Refused),
        20 => Just(Kind::ShutDown),
        20 => Just(Kind::Stop),
        10 => Just(Kind::Broken),
        3 => Just(Kind::End),
    ]
}

#[derive(Clone, Debug)]
struct Happening {
    kind: Kind,
    /// How many generations ago.
    age: u64,
    elapsed: Duration,
    random: f64,
    facts: Facts,
}

fn happenings() -> impl Strategy<Value = Happening> {
    let age = prop_oneof![8 => Just(0_u64), 1 => 1_u64..4];
    let elapsed = prop_oneof![3 => 0_u64..50, 3 => 0_u64..2_000, 1 => 0_u64..100_000];
    let facts = (0_usize..3, 0_usize..3, prop::bool::weighted(0.05));
    (kinds(), age, elapsed, 0.0..1.0_f64, facts).prop_map(
        |(kind, age, millis, random, (updates, tasks, refused))| Happening {
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
    fn no_interleaving_breaks_a_promise(
        checkpoint: bool,
        happenings in prop::collection::vec(happenings(), 1..80),
    ) {
        let mut session = Session::new(Rules {
            checkpoint,
            registration_timeout: REGISTRATION,
            recovery_timeout: RECOVERY,
            flush_timeout: FLUSH,
            grace: GRACE,
            backoff: BackoffPolicy::new(FIRST, MAX),
        });
        // What an observer knows, by other means than the machine.
        let mut now = Duration::ZERO;
        let mut open: Option<Generation> = None;
        let mut retry_at: Option<Duration> = None;
        let mut ever = false;
        let mut without_since: Option<Duration> = None;
        let mut told = false;
        // What began the end, and the latest moment for it.
        let mut ending: Option<(&str, Duration)> = None;
        let mut alone = false;

        for Happening { kind, age, elapsed, random, facts } in happenings {
            now += elapsed;
            let before = session.state();
            let present = session.generation();
            let of = present.saturating_sub(age);
            let about_present = of == present;
            let error = |retryable| match retryable {
                true => Error::new(ErrorKind::Transport, "x"),
                false => Error::new(ErrorKind::Unauthorized, "x"),
            };
            let input = match &kind {
                Kind::Connect => Input::Connect,
                Kind::Opened => Input::Opened(of),
                Kind::Granted => Input::Granted(of),
                Kind::Failed { retryable } => Input::Failed(of, error(*retryable)),
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
            prop_assert!(session.generation() >= present);
            // What is of another generation changes nothing.
            let of_a_stream = matches!(kind, Kind::Opened | Kind::Granted | Kind::Failed { .. }
                | Kind::Refused | Kind::ShutDown);
            if of_a_stream && !about_present {
                prop_assert!(matches!(output, Output::Ignored), "{:?}", output);
            }
            if matches!(output, Output::Ignored) {
                prop_assert_eq!(after, before);
                prop_assert_eq!(session.generation(), present);
            }
            // An agent that was given up stays given up.
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
            // `shutdown` is told once at most, and its grace begins then.
            if matches!(output, Output::ShutDown | Output::Lost(_, true)) {
                prop_assert!(!told, "told twice");
                told = true;
                let began = if matches!(kind, Kind::ShutDown) { "shutdown" } else { "failure" };
                let deadline = ending.map_or(now + GRACE, |(_, at)| at.min(now + GRACE));
                ending = Some((began, deadline));
            }
            match output {
                Output::Ignored | Output::Proceed | Output::ShutDown => {}
                Output::Open(generation) => {
                    prop_assert_eq!(open, None, "two generations live at once");
                    prop_assert!(generation > present);
                    prop_assert!(retry_at.is_none_or(|at| now >= at), "too early");
                    prop_assert!(checkpoint || !ever, "no second agent without checkpointing");
                    prop_assert!(!away, "an agent that was away for too long");
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
                    let final_ = matches!(kind, Kind::Failed { retryable: false })
                        || (ever && !checkpoint);
                    prop_assert_eq!(after == State::Alone, final_);
                }
                Output::Ended(ref end) if !matches!(kind, Kind::End) => {
                    let (began, deadline) = ending.expect("an end without a beginning");
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
                            // Early only if nobody is there to wait for.
                            prop_assert!(now >= deadline || facts.updates == 0 || alone);
                            prop_assert!(now >= deadline || facts.tasks == 0 || began == "stop");
                        }
                    }
                }
                Output::Ended(_) => {}
            }
            if after == State::Alone || after == State::Ended { open = None; }
            // Nothing hangs: past its deadline a look is the end, and past the
            // time for a subscription it is given up.
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
