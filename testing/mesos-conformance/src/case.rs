//! One case: what it promises, where it can be played, and what came of it.

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

/// How long a case may take. None needs half of it on a slow machine; one that
/// takes longer hangs.
const LIMIT: Duration = Duration::from_secs(120);
/// How long a case that is over time is waited for, where it does not even
/// notice.
const LATE: Duration = Duration::from_secs(10);

/// A case under way.
pub(super) type CaseFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A promise, and how it is proven.
#[derive(Clone, Copy)]
pub struct Case {
    /// The promise, as a sentence in snake case.
    pub id: &'static str,
    /// What it is about: the name of its file.
    pub topic: &'static str,
    /// Where it can be played.
    pub runs_on: RunsOn,
    /// What it needs that not every backend has.
    pub requires: &'static [Requirement],
    /// The first release of Mesos that has what it is about.
    pub since: Option<&'static str>,
    pub(super) run: fn(Stage) -> CaseFuture,
}

/// Where a case can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunsOn {
    /// Everywhere.
    Both,
    /// On a fake master only, for this reason.
    FakeOnly(&'static str),
    /// On a real Mesos only, for this reason.
    RealOnly(&'static str),
}

/// What came of a case.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// It was kept.
    Passed,
    /// It cannot be asked there, for this reason.
    NotApplicable(Cow<'static, str>),
    /// It was broken, as is known, for this reason.
    KnownFailure(&'static str, Failure),
    /// It was broken.
    Failed(Failure),
    /// It was kept though it is known to be broken, for this reason: the list
    /// is wrong by now.
    PassedUnexpectedly(&'static str),
}

/// How a case has failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was expected and what came, with the place.
    pub what: String,
    /// What master and scheduler had to do with each other before it.
    pub report: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.what, self.report)
    }
}

impl Case {
    /// Why it cannot be asked of this backend in this world, if so.
    pub fn skip_reason(&self, harness: &Harness, world: &World) -> Option<Cow<'static, str>> {
        match (self.runs_on, world) {
            (RunsOn::FakeOnly(reason), World::Real(_))
            | (RunsOn::RealOnly(reason), World::Fake) => {
                return Some(reason.into());
            }
            (_, World::Fake) if harness.is_direct() => {
                return Some("the fake master speaks HTTP, and this backend does not".into());
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
        if let Some(reason) = requires.find_map(|requirement| clusters.lacks(*requirement)) {
            return Some(reason.into());
        }
        let since = self.since.filter(|since| world.is_before(since))?;
        Some(format!("what it is about, or has the operator do, came with Mesos {since}").into())
    }

    /// Plays it, in a thread and a tokio runtime of its own and within a
    /// limit of time, and judges.
    pub fn run(&self, harness: &Harness, world: &World) -> Verdict {
        if let Some(reason) = self.skip_reason(harness, world) {
            return Verdict::NotApplicable(reason);
        }
        match (self.play(harness, world), harness.known(self.id, world)) {
            (Ok(()), None) => Verdict::Passed,
            (Ok(()), Some(reason)) => Verdict::PassedUnexpectedly(reason),
            (Err(failure), Some(reason)) => Verdict::KnownFailure(reason, failure),
            (Err(failure), None) => Verdict::Failed(failure),
        }
    }

    /// As a test: [`run`](Self::run), and a panic if that is bad.
    ///
    /// # Panics
    /// If the promise is broken and that is news, or is not and that is news;
    /// or if it cannot be asked in this world.
    pub fn run_as_test(&self, harness: &Harness, world: &World) {
        let id = self.id;
        match self.run(harness, world) {
            Verdict::Passed => {}
            Verdict::KnownFailure(reason, _) => eprintln!("{id} fails as is known: {reason}"),
            Verdict::Failed(failure) => panic!("{id}: {failure}"),
            Verdict::PassedUnexpectedly(reason) => panic!(
                "{id} is listed as a known failure ({reason}), but passes; take it off the list"
            ),
            Verdict::NotApplicable(reason) => panic!("{id} is not for this world: {reason}"),
        }
    }

    fn play(&self, harness: &Harness, world: &World) -> Result<(), Failure> {
        listen_to_panics();
        let stage = Stage::new(self.id, harness.clone(), world.clone());
        let (done, outcome) = mpsc::channel();
        let (run, playing) = (self.run, stage.clone());
        let thread = std::thread::Builder::new().name(self.id.to_owned());
        let started = thread.spawn(move || {
            // Nobody may be waiting any more.
            let _ = done.send(play(run, playing, LIMIT));
        });
        let what = match started.map(|_| outcome.recv_timeout(LIMIT + LATE)) {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(what))) => what,
            Ok(Err(_)) => format!("it hangs, and blocks its thread: nothing after {LIMIT:?}"),
            Err(error) => format!("no thread for it: {error}"),
        };
        let report = stage.report();
        Err(Failure { what, report })
    }
}

fn play(run: fn(Stage) -> CaseFuture, stage: Stage, limit: Duration) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime for it: {error}"))?;
    PANIC.set(Some(String::new()));
    let ended = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async { tokio::time::timeout(limit, run(stage)).await })
    }));
    let heard = PANIC.take().unwrap_or_default();
    runtime.shutdown_background();
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(format!("it hangs: not done after {limit:?}")),
        Err(payload) if heard.is_empty() => Err(text_of(&*payload)),
        Err(_) => Err(heard),
    }
}

thread_local! {
    /// In the thread of a case: what its panic said.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has panics in threads of cases kept, with their place, instead of printed:
/// they are part of the verdict. All others go where they went before.
fn listen_to_panics() {
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
        .unwrap_or_else(|| "a panic without a text".to_owned())
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
    fn a_failure_has_its_place_its_reason_and_what_the_master_received() {
        let case = case(|stage| Box::pin(broken(stage)));
        let Verdict::Failed(failure) = case.run(&harness(&[]), &World::Fake) else {
            panic!("no failure");
        };
        assert!(failure.what.contains("case.rs:"), "{failure}");
        assert!(failure.what.contains("left: 0"), "{failure}");
        assert!(failure.report.contains("the master received: nothing"));
    }

    #[test]
    fn a_known_failure_that_passes_is_no_pass() {
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
        let hung = play(
            |stage| Box::pin(hangs(stage)),
            stage,
            Duration::from_millis(10),
        );
        assert!(hung.is_err_and(|what| what.starts_with("it hangs")));
    }

    #[test]
    fn what_needs_the_other_world_is_not_played() {
        let real_only = Case {
            runs_on: RunsOn::RealOnly("no such fake"),
            ..case(|stage| Box::pin(broken(stage)))
        };
        let verdict = real_only.run(&harness(&[]), &World::Fake);
        assert!(matches!(verdict, Verdict::NotApplicable(reason) if reason == "no such fake"));
    }

    #[test]
    fn what_a_backend_lacks_it_is_not_asked_for() {
        let needy = Case {
            requires: &[Requirement::Relay],
            ..case(|stage| Box::pin(broken(stage)))
        };
        let harness = harness(&[]).lacking(Requirement::Relay, "no way in between");
        let verdict = needy.run(&harness, &World::Fake);
        assert!(matches!(verdict, Verdict::NotApplicable(reason) if reason == "no way in between"));
        let kept = case(|stage| Box::pin(kept(stage)));
        assert!(matches!(kept.run(&harness, &World::Fake), Verdict::Passed));
        let verdict = kept.run(&harness.direct(), &World::Fake);
        assert!(matches!(verdict, Verdict::NotApplicable(_)));
    }
}
