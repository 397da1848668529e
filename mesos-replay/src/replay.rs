//! The backend that plays a recording.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::backend::{
    Answer, AnswerSender, Api, Backend, Calls, EventStream, Incoming, SchedulerApi, Subscription,
};
use mesos_core::{Capabilities, Error, ErrorKind, Result};
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::Type;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::compare::Ids;
use crate::format::Fault;
use crate::script::{Answered, Attempt, Place, Script, Step, What};

/// How long after its time a call may come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A call is early if it comes before an event that precedes it, and is this far away.
const EARLY: Duration = Duration::from_secs(1);

/// A backend that plays a recording to a scheduler, without Mesos, and compares the calls.
///
/// ```
/// use mesos::{Framework, Scheduler, SchedulerDriver};
/// use mesos_replay::ReplayBackend;
///
/// struct Idle;
/// impl Scheduler for Idle {}
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), mesos::BoxError> {
/// # let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/replay/idle.recording");
/// let replay = ReplayBackend::open(recording)?;
/// let framework = Framework::ephemeral("idle");
/// let driver = SchedulerDriver::start(Idle, framework, replay.clone());
/// replay.finish().await?;
/// # driver.abort();
/// # Ok(())
/// # }
/// ```
///
/// Use it in a test with `#[tokio::test(start_paused = true)]`: the recorded times then pass at once.
///
/// # What is compared
/// Each call of the scheduler and its driver, with the recorded calls of the same type and the same
/// subscription in their order. Calls of different types may come in another order. A call is
/// different if
/// * its content differs. Ids of tasks, executors, operations and containers may differ, if they
///   differ everywhere in the same way. Later events then have the new ids. `refuse_seconds`, which
///   may have jitter, and the user and the host of the framework are not compared.
/// * it comes before an event that precedes it in the recording, and that is more than a second away.
/// * it does not come within a minute.
///
/// RECONCILE and RECONCILE_OPERATIONS are not compared: the driver repeats them at random times.
///
/// A further call within the last second of a subscription is answered as not sent.
///
/// An event is not delivered before the calls that precede it in the recording were made.
#[derive(Clone)]
pub struct ReplayBackend(Arc<Player>);

/// Where a scheduler first did something else than in the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    place: Option<Place>,
    what: String,
}

impl Difference {
    /// The line of the recording, if the recording has something to compare with.
    pub fn line(&self) -> Option<usize> {
        self.place.map(|place| place.line)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, at }) = self.place {
            write!(f, "line {line}, at {:.3} s: ", at.as_secs_f64())?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for Difference {}

struct Player {
    capabilities: Capabilities,
    truncated: Option<usize>,
    state: Mutex<State>,
    /// Counts the changes of the state.
    progress: watch::Sender<u64>,
}

struct State {
    attempts: Vec<Attempt>,
    /// The number of attempts of the driver so far.
    made: usize,
    /// The time that corresponds to the start of the recording.
    start: Option<Instant>,
    ids: Ids,
    difference: Option<Difference>,
}

impl ReplayBackend {
    /// Reads a recording.
    ///
    /// An incomplete last line is accepted with a warning: the recorded process was killed.
    /// [`truncated`](Self::truncated) reports it.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](mesos_core::ErrorKind::Store) if the file cannot be opened.
    /// [`ErrorKind::Config`](mesos_core::ErrorKind::Config) with the number of the line if the file
    /// is not a recording, has another version, or has a broken line.
    pub fn open(file: impl AsRef<Path>) -> Result<Self> {
        let path = file.as_ref();
        let script = Script::open(path)?;
        if let Some(line) = script.truncated {
            let path = path.display();
            tracing::warn!(%path, line, "the last line is incomplete, and is ignored");
        }
        Ok(Self(Arc::new(Player {
            capabilities: script.capabilities,
            truncated: script.truncated,
            state: Mutex::new(State {
                attempts: script.attempts,
                made: 0,
                start: None,
                ids: Ids::default(),
                difference: None,
            }),
            progress: watch::Sender::new(0),
        })))
    }

    /// The number of the last line, if it was incomplete.
    pub fn truncated(&self) -> Option<usize> {
        self.0.truncated
    }

    /// Waits until the scheduler has received all events and has made all calls of the recording.
    /// Cancel safe.
    ///
    /// # Errors
    /// The first difference.
    pub async fn finish(&self) -> Result<(), Difference> {
        let mut progress = self.0.progress.subscribe();
        loop {
            progress.mark_unchanged();
            let (place, missing) = {
                let state = self.0.lock();
                if let Some(difference) = &state.difference {
                    return Err(difference.clone());
                }
                match state.next() {
                    None => return Ok(()),
                    Some(next) => next,
                }
            };
            let due = self.0.time(place).max(Instant::now()) + PATIENCE;
            // The sender is in `self`.
            if timeout_at(due, progress.changed()).await.is_err() {
                self.0.differs(Some(place), missing);
            }
        }
    }
}

impl State {
    /// What has to happen next: the place, and the difference if it does not happen.
    fn next(&self) -> Option<(Place, String)> {
        for attempt in &self.attempts[..self.made] {
            if let Some(step) = attempt.steps.iter().find(|step| step.is_awaited()) {
                let missing = match &step.what {
                    What::Call(call, _) => format!(
                        "{} was recorded, and is missing now: {}",
                        SchedulerApi::call_name(call),
                        json(call)
                    ),
                    _ => "the driver has not read an event of the recording".to_owned(),
                };
                return Some((step.place, missing));
            }
        }
        let next = self.attempts.get(self.made)?;
        let missing = "SUBSCRIBE was recorded, and is missing now".to_owned();
        Some((next.place, missing))
    }
}

impl Step {
    fn is_awaited(&self) -> bool {
        let compared = match &self.what {
            What::Call(call, _) => is_compared(call.r#type()),
            _ => true,
        };
        compared && !self.done
    }
}

impl Player {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.progress.send_modify(|version| *version += 1);
    }

    /// The time of the replay for a place in the recording.
    fn time(&self, place: Place) -> Instant {
        self.lock().start.unwrap_or_else(Instant::now) + place.at
    }

    fn differs(&self, place: Option<Place>, what: String) {
        let difference = Difference { place, what };
        tracing::error!(%difference, "the scheduler does something else than in the recording");
        self.lock().difference.get_or_insert(difference);
        self.changed();
    }

    /// Compares a call with the recording, and returns the recorded answer.
    fn call(&self, attempt: usize, call: &Call) -> Option<Answered> {
        let name = SchedulerApi::call_name(call);
        if !is_compared(call.r#type()) {
            return Some(Answered {
                after: Duration::ZERO,
                error: None,
            });
        }
        let mut guard = self.lock();
        let state = &mut *guard;
        let start = state.start;
        let steps = &mut state.attempts[attempt].steps;
        let found = steps.iter().position(|step| {
            matches!(&step.what, What::Call(recorded, _) if recorded.r#type() == call.r#type())
                && !step.done
        });
        let now = Instant::now();
        let is_near = |place: Place| start.is_some_and(|start| start + place.at <= now + EARLY);
        let Some(found) = found else {
            // The event stream has ended, or ends at this time.
            let mut events = steps.iter();
            let ends = events.rfind(|step| !matches!(step.what, What::Call(..)));
            let ends = ends.is_some_and(|last| {
                matches!(last.what, What::End(_)) && (last.done || is_near(last.place))
            });
            drop(guard);
            if ends {
                // In the recording the end came first.
                return Some(Answered {
                    after: Duration::ZERO,
                    error: Some(Fault::not_sent(name)),
                });
            }
            let what = format!("the recording has no further {name}: {}", json(call));
            self.differs(None, what);
            return None;
        };
        let early = steps[..found].iter().find(|step| {
            let event = !step.done && !matches!(step.what, What::Call(..));
            event && !is_near(step.place)
        });
        let early = early.map(|step| step.place.line);
        let step = &mut steps[found];
        let place = step.place;
        let What::Call(recorded, answered) = &step.what else {
            return None;
        };
        let compared = state.ids.compare(&json(recorded), &json(call));
        let answered = answered.clone();
        step.done = true;
        drop(guard);
        match (compared, early) {
            (Err(why), _) => self.differs(Some(place), format!("{name} is different: {why}")),
            (Ok(()), Some(line)) => {
                let what = format!("{name} comes before the event of line {line}");
                self.differs(Some(place), what);
            }
            (Ok(()), None) => self.changed(),
        }
        answered
    }

    /// The next event of an attempt whose calls were made.
    fn next_event(&self, attempt: usize) -> Option<(usize, Place)> {
        let state = self.lock();
        let steps = &state.attempts[attempt].steps;
        let next = steps.iter().position(Step::is_awaited)?;
        let is_event = !matches!(steps[next].what, What::Call(..));
        is_event.then(|| (next, steps[next].place))
    }

    fn deliver(&self, attempt: usize, step: usize) -> Result<Incoming<SchedulerApi>> {
        let delivered = {
            let mut state = self.lock();
            let state = &mut *state;
            let step = &mut state.attempts[attempt].steps[step];
            step.done = true;
            match &step.what {
                What::Event(event) => {
                    let mut event = event.clone();
                    if !state.ids.is_empty() {
                        let mut value = json(&event);
                        state.ids.translate(&mut value);
                        // The value was made from an event.
                        if let Ok(translated) = serde_json::from_value(value) {
                            *event = translated;
                        }
                    }
                    Ok(Incoming::Event(event, Bytes::new()))
                }
                What::Disconnected(error) => Ok(Incoming::Disconnected(error.into())),
                What::End(error) => Err(error.into()),
                What::Call(..) => {
                    let text = "bug in the replay: a call is not an event";
                    Err(Error::new(ErrorKind::Backend, text))
                }
            }
        };
        self.changed();
        delivered
    }
}

/// Whether calls of this type are compared.
fn is_compared(call_type: Type) -> bool {
    !matches!(call_type, Type::Reconcile | Type::ReconcileOperations)
}

fn json(message: &impl serde::Serialize) -> Value {
    // Fails only for values without a JSON form, such as NaN.
    serde_json::to_value(message).unwrap_or_default()
}

#[async_trait]
impl Backend<SchedulerApi> for ReplayBackend {
    fn name(&self) -> &'static str {
        "replay"
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities
    }

    async fn subscribe(&self, call: Call) -> Result<Subscription<SchedulerApi>> {
        let player = &self.0;
        let next = {
            let mut state = player.lock();
            let state = &mut *state;
            let attempt = state.made;
            state.attempts.get(attempt).map(|recorded| {
                state.made += 1;
                let start = Instant::now().checked_sub(recorded.place.at);
                state
                    .start
                    .get_or_insert(start.unwrap_or_else(Instant::now));
                let compared = state.ids.compare(&json(&recorded.call), &json(&call));
                (attempt, recorded.place, compared, recorded.result.clone())
            })
        };
        let Some((attempt, place, compared, result)) = next else {
            // The recording is over.
            return std::future::pending().await;
        };
        match compared {
            Ok(()) => player.changed(),
            Err(why) => player.differs(Some(place), format!("SUBSCRIBE is different: {why}")),
        }
        let Some((place, result)) = result else {
            // The driver gave up.
            return std::future::pending().await;
        };
        sleep_until(player.time(place)).await;
        let peer = result.map_err(|fault| Error::from(&fault))?;
        let events = Events {
            player: Arc::clone(player),
            attempt,
        };
        let calls = Outgoing {
            player: Arc::clone(player),
            attempt,
            unanswered: Mutex::default(),
        };
        Ok(Subscription::new(events, Arc::new(calls), peer))
    }
}

impl fmt::Debug for ReplayBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBackend")
            .field("truncated", &self.0.truncated)
            .finish_non_exhaustive()
    }
}

struct Events {
    player: Arc<Player>,
    attempt: usize,
}

#[async_trait]
impl EventStream<SchedulerApi> for Events {
    async fn next(&mut self) -> Result<Incoming<SchedulerApi>> {
        let mut progress = self.player.progress.subscribe();
        loop {
            progress.mark_unchanged();
            let Some((step, place)) = self.player.next_event(self.attempt) else {
                // A call is missing, or the recording is over.
                let _ = progress.changed().await;
                continue;
            };
            sleep_until(self.player.time(place)).await;
            return self.player.deliver(self.attempt, step);
        }
    }
}

struct Outgoing {
    player: Arc<Player>,
    attempt: usize,
    /// Calls without a recorded answer.
    unanswered: Mutex<Vec<AnswerSender>>,
}

#[async_trait]
impl Calls<SchedulerApi> for Outgoing {
    async fn send(&self, call: Call) -> Result<Answer> {
        let (sender, answer) = Answer::channel();
        match self.player.call(self.attempt, &call) {
            None => {
                let unanswered = self.unanswered.lock();
                let mut unanswered = unanswered.unwrap_or_else(PoisonError::into_inner);
                unanswered.push(sender);
            }
            Some(Answered { after, error }) => {
                let result = error.map_or(Ok(()), |error| Err((&error).into()));
                tokio::spawn(async move {
                    sleep(after).await;
                    sender.send(result);
                });
            }
        }
        Ok(answer)
    }
}
