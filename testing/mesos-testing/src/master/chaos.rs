//! Faults at random times.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use mesos_proto::v1::AgentId;
use tokio::time::{Instant, sleep_until};

use super::{Inner, MasterRole};
use crate::lock::lock;
use crate::wire::Reaction;

/// How long a new leader recovers, at most.
const RECOVERY: Duration = Duration::from_secs(5);
/// How long agents need to register with a new leader, at most.
const REGISTRATION: Duration = Duration::from_secs(60);

/// The faults of a [simulation](crate::Builder::simulate), at random times.
///
/// The times are intervals on average, in virtual time. [`all`](Self::all) has all faults at rates
/// for a simulated hour; [`none`](Self::none) is the start for a test of some faults.
///
/// ```
/// use std::time::Duration;
/// use mesos_testing::Chaos;
///
/// let chaos = Chaos::none()
///     .fail_over_every(Duration::from_secs(3600))
///     .lose_answers(0.01)
///     .latency(Duration::from_millis(20));
/// # let _ = chaos;
/// ```
#[derive(Clone, Debug)]
pub struct Chaos {
    fail_over: Option<Duration>,
    unreachable: Option<(Duration, Duration)>,
    disconnect: Option<(Duration, Duration)>,
    cut: Option<Duration>,
    silence: Option<Duration>,
    rescind: Option<Duration>,
    lost_calls: f64,
    lost_answers: f64,
    repeated_updates: f64,
    latency: Duration,
    lasting: Option<Duration>,
}

impl Chaos {
    /// No faults.
    pub fn none() -> Self {
        Self {
            fail_over: None,
            unreachable: None,
            disconnect: None,
            cut: None,
            silence: None,
            rescind: None,
            lost_calls: 0.0,
            lost_answers: 0.0,
            repeated_updates: 0.0,
            latency: Duration::ZERO,
            lasting: None,
        }
    }

    /// All faults: a failover of the master every 20 minutes; an agent that is unreachable every 10
    /// minutes, for up to 5 minutes; an agent that is disconnected every 10 minutes, for up to a
    /// minute; a broken connection every 5 minutes, and a silent one every 20; a rescinded offer
    /// every minute; one lost call, lost answer and repeated update of 50; and a latency of up to 20
    /// ms.
    pub fn all() -> Self {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        Self::none()
            .fail_over_every(minutes(20))
            .make_agents_unreachable_every(minutes(10), minutes(5))
            .disconnect_agents_every(minutes(10), minutes(1))
            .cut_connections_every(minutes(5))
            .silence_connections_every(minutes(20))
            .rescind_offers_every(minutes(1))
            .lose_calls(0.02)
            .lose_answers(0.02)
            .repeat_updates(0.02)
            .latency(Duration::from_millis(20))
    }

    /// Replaces the master by a new leader. It answers 503 for up to 5 s, and the agents return
    /// within the next minute.
    #[must_use]
    pub fn fail_over_every(mut self, interval: Duration) -> Self {
        self.fail_over = Some(interval);
        self
    }

    /// Makes an agent unreachable, which returns with its tasks after at most `longest`.
    #[must_use]
    pub fn make_agents_unreachable_every(mut self, interval: Duration, longest: Duration) -> Self {
        self.unreachable = Some((interval, longest));
        self
    }

    /// Breaks the connection of an agent, which returns after at most `longest`. The master does not
    /// give the agent up meanwhile.
    #[must_use]
    pub fn disconnect_agents_every(mut self, interval: Duration, longest: Duration) -> Self {
        self.disconnect = Some((interval, longest));
        self
    }

    /// Breaks the subscriptions of all frameworks.
    #[must_use]
    pub fn cut_connections_every(mut self, interval: Duration) -> Self {
        self.cut = Some(interval);
        self
    }

    /// Loses all further events of the present subscriptions, as a network that drops packets: the
    /// driver notices it by the missing heartbeats.
    #[must_use]
    pub fn silence_connections_every(mut self, interval: Duration) -> Self {
        self.silence = Some(interval);
        self
    }

    /// Rescinds an offer, if there is one.
    #[must_use]
    pub fn rescind_offers_every(mut self, interval: Duration) -> Self {
        self.rescind = Some(interval);
        self
    }

    /// Loses this part of the calls, from 0 to 1: the connection breaks, and the call has no effect.
    #[must_use]
    pub fn lose_calls(mut self, part: f64) -> Self {
        self.lost_calls = part;
        self
    }

    /// Loses the answers to this part of the calls, from 0 to 1: the master executes the call, and
    /// the connection breaks.
    #[must_use]
    pub fn lose_answers(mut self, part: f64) -> Self {
        self.lost_answers = part;
        self
    }

    /// Sends this part of the status updates twice, from 0 to 1, as an agent that has not received
    /// the acknowledgement in time.
    #[must_use]
    pub fn repeat_updates(mut self, part: f64) -> Self {
        self.repeated_updates = part;
        self
    }

    /// Delays each call, answer and event by a random time up to `longest`. Their order stays.
    #[must_use]
    pub fn latency(mut self, longest: Duration) -> Self {
        self.latency = longest;
        self
    }

    /// Ends all faults after this virtual time, so that a test can check what is true afterwards.
    /// Agents return at their times. Default: the faults do not end.
    #[must_use]
    pub fn lasting(mut self, duration: Duration) -> Self {
        self.lasting = Some(duration);
        self
    }

    fn interval(&self, fault: Fault) -> Option<Duration> {
        match fault {
            Fault::FailOver => self.fail_over,
            Fault::Unreachable => self.unreachable.map(|(interval, _)| interval),
            Fault::Disconnect => self.disconnect.map(|(interval, _)| interval),
            Fault::Cut => self.cut,
            Fault::Silence => self.silence,
            Fault::Rescind => self.rescind,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    FailOver,
    Unreachable,
    Disconnect,
    Cut,
    Silence,
    Rescind,
}

const FAULTS: [Fault; 6] = [
    Fault::FailOver,
    Fault::Unreachable,
    Fault::Disconnect,
    Fault::Cut,
    Fault::Silence,
    Fault::Rescind,
];

/// What happens next.
enum Act {
    Fault(Fault),
    Lead,
    Return(AgentId),
    Reconnect(AgentId),
}

/// The running [`Chaos`].
pub(crate) struct Disturber {
    chaos: Chaos,
    random: Mutex<fastrand::Rng>,
    end: Option<Instant>,
}

impl Disturber {
    pub(crate) fn new(chaos: Chaos, seed: u64) -> Self {
        let end = chaos.lasting.map(|lasting| Instant::now() + lasting);
        Self {
            chaos,
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            end,
        }
    }

    fn is_over(&self, at: Instant) -> bool {
        self.end.is_some_and(|end| at >= end)
    }

    fn happens(&self, part: f64) -> bool {
        part > 0.0 && !self.is_over(Instant::now()) && lock(&self.random).f64() < part
    }

    /// What happens to a request.
    pub(crate) fn disturb(&self) -> Option<Reaction> {
        if self.happens(self.chaos.lost_calls) {
            return Some(Reaction::Close);
        }
        self.happens(self.chaos.lost_answers)
            .then_some(Reaction::ExecuteAndClose)
    }

    /// Whether an update is sent twice.
    pub(crate) fn repeats(&self) -> bool {
        self.happens(self.chaos.repeated_updates)
    }

    pub(crate) fn latency(&self) -> Duration {
        match self.chaos.latency {
            Duration::ZERO => Duration::ZERO,
            _ if self.is_over(Instant::now()) => Duration::ZERO,
            longest => self.up_to(longest),
        }
    }

    fn up_to(&self, longest: Duration) -> Duration {
        // Whole milliseconds: the timers of tokio have this resolution.
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(lock(&self.random).u64(0..=longest))
    }

    /// A time until the next fault of a kind: exponentially distributed.
    fn next(&self, interval: Duration) -> Duration {
        let part = -(1.0 - lock(&self.random).f64()).ln();
        let seconds = (interval.as_secs_f64() * part).clamp(0.001, 1e9);
        Duration::from_millis((seconds * 1000.0) as u64)
    }

    fn pick<T: Clone>(&self, from: &[T]) -> Option<T> {
        match from.len() {
            0 => None,
            length => from.get(lock(&self.random).usize(..length)).cloned(),
        }
    }

    /// Does everything at its time, until the master is gone or the chaos is over.
    pub(crate) async fn run(self: Arc<Self>, master: Weak<Inner>) {
        let mut acts: Vec<(Instant, Act)> = Vec::new();
        for fault in FAULTS {
            self.plan(fault, &mut acts);
        }
        loop {
            let earliest = acts.iter().enumerate().min_by_key(|(_, (at, _))| *at);
            let Some((place, &(at, _))) = earliest else {
                return;
            };
            sleep_until(at).await;
            let Some(master) = master.upgrade() else {
                return;
            };
            match acts.swap_remove(place).1 {
                Act::Fault(fault) => {
                    self.act(fault, &master, &mut acts);
                    self.plan(fault, &mut acts);
                }
                Act::Lead => master.set_role(MasterRole::Leading),
                Act::Return(agent) => {
                    master.trace.fault(format!("agent {agent} returns"));
                    master.cluster().return_agent(&agent);
                }
                Act::Reconnect(agent) => {
                    master.trace.fault(format!("agent {agent} reconnects"));
                    let mut cluster = master.cluster();
                    cluster.set_agent_connected(&agent, true);
                    // A new leader knows it only from the registry.
                    cluster.return_agent(&agent);
                }
            }
        }
    }

    fn plan(&self, fault: Fault, acts: &mut Vec<(Instant, Act)>) {
        if let Some(interval) = self.chaos.interval(fault) {
            let at = Instant::now() + self.next(interval);
            if !self.is_over(at) {
                acts.push((at, Act::Fault(fault)));
            }
        }
    }

    fn act(&self, fault: Fault, master: &Inner, acts: &mut Vec<(Instant, Act)>) {
        let now = Instant::now();
        match fault {
            Fault::FailOver => {
                master.trace.fault("the master fails over");
                let agents = master.cluster().agent_ids();
                master.set_role(MasterRole::Recovering);
                master.fail_over();
                let lead = now + self.up_to(RECOVERY);
                acts.push((lead, Act::Lead));
                for agent in agents {
                    acts.push((lead + self.up_to(REGISTRATION), Act::Return(agent)));
                }
            }
            Fault::Unreachable => {
                let (Some(agent), Some((_, longest))) = (
                    self.pick(&master.cluster().agent_ids()),
                    self.chaos.unreachable,
                ) else {
                    return;
                };
                master.trace.fault(format!("agent {agent} is unreachable"));
                master.cluster().make_agent_unreachable(&agent);
                acts.push((now + self.up_to(longest), Act::Return(agent)));
            }
            Fault::Disconnect => {
                let (Some(agent), Some((_, longest))) = (
                    self.pick(&master.cluster().agent_ids()),
                    self.chaos.disconnect,
                ) else {
                    return;
                };
                master.trace.fault(format!("agent {agent} disconnects"));
                master.cluster().set_agent_connected(&agent, false);
                acts.push((now + self.up_to(longest), Act::Reconnect(agent)));
            }
            Fault::Cut => {
                master.trace.fault("the connections break");
                for stream in master.open_streams() {
                    stream.cut();
                }
            }
            Fault::Silence => {
                master.trace.fault("the connections are silent");
                for stream in master.open_streams() {
                    stream.mute();
                }
            }
            Fault::Rescind => {
                let offers = master.cluster().all_offers();
                if let Some(offer) = self.pick(&offers) {
                    master.trace.fault(format!("offer {offer} is rescinded"));
                    master.cluster().rescind(&offer);
                }
            }
        }
    }
}
