//! A case: its promise, where it can run, and its result.

use std::any::Any;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Once, mpsc};
use std::time::Duration;

use crate::harness::Harness;
use crate::requirement::Requirement;
use crate::stage::Stage;
use crate::world::World;

/// The time limit of a case. No case needs half of it on a slow machine; a case that takes longer
/// hangs.
const LIMIT: Duration = Duration::from_secs(120);
/// The additional time for a case that blocks its thread and misses the limit.
const LATE: Duration = Duration::from_secs(10);

/// A running case.
pub(super) type CaseFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A promise, and the function that checks it.
#[derive(Clone, Copy)]
pub struct Case {
    /// The promise, as a sentence in snake case.
    pub id: &'static str,
    /// The topic, which is the name of the case's file.
    pub topic: &'static str,
    /// The worlds in which the case can run.
    pub runs_on: RunsOn,
    /// What the case needs and not every backend has.
    pub requires: &'static [Requirement],
    /// The first release of Mesos with the feature.
    pub since: Option<&'static str>,
    pub(super) run: fn(Stage) -> CaseFuture,
}

/// The worlds in which a case can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunsOn {
    /// In both worlds.
    Both,
    /// On a fake master only, for this reason.
    FakeOnly(&'static str),
    /// On a real Mesos only, for this reason.
    RealOnly(&'static str),
}

/// The result of a case.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The promise was kept.
    Passed,
    /// The case does not apply to the backend or world, for this reason.
    NotApplicable(Cow<'static, str>),
    /// The promise was broken, which is known, for this reason.
    KnownFailure(&'static str, Failure),
    /// The promise was broken.
    Failed(Failure),
    /// The promise was kept although the case is listed as a known failure, for this reason. The
    /// list is out of date.
    PassedUnexpectedly(&'static str),
}

/// The failure of a case.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was expected and what happened, with the location.
    pub what: String,
    /// The requests and events before the failure.
    pub report: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.what, self.report)
    }
}

impl Case {
    /// The reason why the case does not apply to this backend in this world, if there is one.
    pub fn skip_reason(&self, harness: &Harness, world: &World) -> Option<Cow<'static, str>> {
        match (self.runs_on, world) {
            (RunsOn::FakeOnly(reason), World::Real(_))
            | (RunsOn::RealOnly(reason), World::Fake) => {
                return Some(reason.into());
            }
            (_, World::Fake) if harness.is_direct() => {
                return Some("the fake master needs HTTP, which this backend does not use".into());
            }
            _ => {}
        }
        if let Some(reason) = harness.skip_reason(self.topic, self.requires) {
            return Some(reason.into());
        }
        let World::Real(clusters) = world else {
            return None;
        };
        let mut requires = self.requires.iter();
        if let Some(reason) = requires.find_map(|requirement| clusters.missing(*requirement)) {
            return Some(reason.into());
        }
        let since = self.since.filter(|since| world.is_before(since))?;
        Some(format!("needs Mesos {since}").into())
    }

    /// Runs the case on its own thread and tokio runtime, within a time limit.
    pub fn run(&self, harness: &Harness, world: &World) -> Verdict {
        if let Some(reason) = self.skip_reason(harness, world) {
            return Verdict::NotApplicable(reason);
        }
        match (self.execute(harness, world), harness.known(self.id, world)) {
            (Ok(()), None) => Verdict::Passed,
            (Ok(()), Some(reason)) => Verdict::PassedUnexpectedly(reason),
            (Err(failure), Some(reason)) => Verdict::KnownFailure(reason, failure),
            (Err(failure), None) => Verdict::Failed(failure),
        }
    }

    /// Runs the case as a test: calls [`run`](Self::run) and panics if the result is unexpected.
    ///
    /// # Panics
    /// If the promise is broken without being a known failure, if it is kept although it is a known
    /// failure, or if the case does not apply.
    pub fn run_as_test(&self, harness: &Harness, world: &World) {
        let id = self.id;
        match self.run(harness, world) {
            Verdict::Passed => {}
            Verdict::KnownFailure(reason, _) => eprintln!("{id} is a known failure: {reason}"),
            Verdict::Failed(failure) => panic!("{id}: {failure}"),
            Verdict::PassedUnexpectedly(reason) => panic!(
                "{id} is listed as a known failure ({reason}), but passes; remove it from the list"
            ),
            Verdict::NotApplicable(reason) => panic!("{id} does not apply here: {reason}"),
        }
    }

    fn execute(&self, harness: &Harness, world: &World) -> Result<(), Failure> {
        capture_panics();
        let stage = Stage::new(self.id, harness.clone(), world.clone());
        let (done, outcome) = mpsc::channel();
        let (run, running) = (self.run, stage.clone());
        let thread = std::thread::Builder::new().name(self.id.to_owned());
        let started = thread.spawn(move || {
            // The receiver may have given up.
            let _ = done.send(execute(run, running, LIMIT));
        });
        let what = match started.map(|_| outcome.recv_timeout(LIMIT + LATE)) {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(what))) => what,
            Ok(Err(_)) => format!("the case hangs and blocks its thread: not done after {LIMIT:?}"),
            Err(error) => format!("cannot start a thread: {error}"),
        };
        let report = stage.report();
        Err(Failure { what, report })
    }
}

fn execute(run: fn(Stage) -> CaseFuture, stage: Stage, limit: Duration) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    PANIC.set(Some(String::new()));
    let ended = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async { tokio::time::timeout(limit, run(stage)).await })
    }));
    let message = PANIC.take().unwrap_or_default();
    runtime.shutdown_background();
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(format!("the case hangs: not done after {limit:?}")),
        Err(payload) if message.is_empty() => Err(text_of(&*payload)),
        Err(_) => Err(message),
    }
}

thread_local! {
    /// In the thread of a case: the message of its panic.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Collects panics in the threads of cases, with their location, instead of printing them: they are
/// part of the result. All other panics go to the previous hook.
fn capture_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let kept = PANIC.try_with(|heard| match &mut *heard.borrow_mut() {
                Some(heard) => {
                    let place = panic.location().map(ToString::to_string);
                    let text = text_of(panic.payload());
                    *heard = format!("{}: {text}", place.unwrap_or_default());
                    true
                }
                None => false,
            });
            if !kept.unwrap_or(false) {
                before(panic);
            }
        }));
    });
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("id", &self.id)
            .field("topic", &self.topic)
            .field("runs_on", &self.runs_on)
            .field("requires", &self.requires)
            .field("since", &self.since)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Known;

    async fn kept(_: Stage) {}

    async fn broken(stage: Stage) {
        let master = stage.scripted().await;
        assert_eq!(master.calls().len(), 1, "calls");
    }

    async fn hangs(_: Stage) {
        std::future::pending().await
    }

    fn harness(known: &'static [Known]) -> Harness {
        Harness::unconnected("none").known_failures(known)
    }

    fn case(run: fn(Stage) -> CaseFuture) -> Case {
        Case {
            id: "a_case",
            topic: "tests",
            runs_on: RunsOn::Both,
            requires: &[],
            since: None,
            run,
        }
    }

    const KNOWN: &[Known] = &[Known {
        case: "a_case",
        encoding: None,
        world: Some("fake"),
        before: None,
        reason: "a bug",
    }];

    #[test]
    fn a_failure_has_its_location_reason_and_transcript() {
        let case = case(|stage| Box::pin(broken(stage)));
        let Verdict::Failed(failure) = case.run(&harness(&[]), &World::Fake) else {
            panic!("no failure");
        };
        assert!(failure.what.contains("case.rs:"), "{failure}");
        assert!(failure.what.contains("left: 0"), "{failure}");
        assert!(failure.report.contains("the master received: nothing"));
    }

    #[test]
    fn a_known_failure_that_passes_is_reported() {
        let broken = case(|stage| Box::pin(broken(stage)));
        let verdict = broken.run(&harness(KNOWN), &World::Fake);
        assert!(matches!(verdict, Verdict::KnownFailure("a bug", _)));
        let kept = case(|stage| Box::pin(kept(stage)));
        let verdict = kept.run(&harness(KNOWN), &World::Fake);
        assert!(matches!(verdict, Verdict::PassedUnexpectedly("a bug")));
        assert!(matches!(
            kept.run(&harness(&[]), &World::Fake),
            Verdict::Passed
        ));
    }

    #[test]
    fn a_case_that_hangs_fails() {
        let stage = Stage::new("a_case", harness(&[]), World::Fake);
        let hung = execute(
            |stage| Box::pin(hangs(stage)),
            stage,
            Duration::from_millis(10),
        );
        assert!(hung.is_err_and(|what| what.starts_with("the case hangs")));
    }

    #[test]
    fn a_case_for_the_other_world_does_not_run() {
        let real_only = Case {
            runs_on: RunsOn::RealOnly("no such fake"),
            ..case(|stage| Box::pin(broken(stage)))
        };
        let verdict = real_only.run(&harness(&[]), &World::Fake);
        assert!(matches!(verdict, Verdict::NotApplicable(reason) if reason == "no such fake"));
    }

    #[test]
    fn a_case_whose_requirement_is_missing_does_not_run() {
        let needy = Case {
            requires: &[Requirement::Relay],
            ..case(|stage| Box::pin(broken(stage)))
        };
        let harness = harness(&[]).without(Requirement::Relay, "no way in between");
        let verdict = needy.run(&harness, &World::Fake);
        assert!(matches!(verdict, Verdict::NotApplicable(reason) if reason == "no way in between"));
        let kept = case(|stage| Box::pin(kept(stage)));
        assert!(matches!(kept.run(&harness, &World::Fake), Verdict::Passed));
        let verdict = kept.run(&harness.direct(), &World::Fake);
        assert!(matches!(verdict, Verdict::NotApplicable(_)));
    }
}
