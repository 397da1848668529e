//! The sent updates, the outstanding acknowledgements, and whether they are correct. No I/O and no
//! clock: times are nanoseconds since the start.

use std::collections::{BTreeMap, VecDeque};

use mesos_proto::v1::scheduler::call::Type;

use super::report::{Percentiles, Report, Wrong};
use super::scan::Call;
use super::template::{self, Updates};
use super::{Options, Workload};

/// The number of bytes that are collected before a write.
const BATCH: usize = 128 << 10;
/// One more than the highest number of a call type.
const TYPES: usize = 32;

/// The state of the module.
#[derive(Debug)]
pub(super) struct State {
    workload: Workload,
    agents: u32,
    tasks: Vec<Task>,
    /// Tasks whose next update may be sent.
    ready: VecDeque<u32>,
    in_flight: usize,
    window: usize,
    /// The number of updates that are still to be sent for the first time.
    updates_left: u64,
    offer_events_left: u64,
    next_offer: u64,
    next_update: u64,
    /// RECONCILE requests: single tasks, and the progress of those for all tasks.
    asked: VecDeque<u32>,
    asked_all: VecDeque<u32>,
    generation: u64,
    /// The open streams, including those of earlier generations.
    streams: u64,
    last_acknowledged: u64,
    last_message: Option<u64>,
    wrong: Wrong,
    calls: [u64; TYPES],
    refused: BTreeMap<String, u64>,
    latencies: Vec<u64>,
    pub(super) returns: Vec<u64>,
    first_event: Option<u64>,
    last_event: u64,
    last_acknowledgement: u64,
    first_call: Option<u64>,
    last_call: u64,
    pub(super) connections: u64,
    report: Report,
    torn_down: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Task {
    /// The number of the update that is not acknowledged yet.
    pending: Option<u64>,
    sent_at: u64,
    /// The number of the last acknowledged update.
    done: Option<u64>,
}

/// What to write next.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// A number of events was put into the buffer.
    Written(u64),
    /// An OFFERS event whose first offer has this number.
    Offers(u64),
    /// Nothing to write at the moment.
    Nothing,
    /// Another subscription has replaced this one, or the framework is gone.
    Over,
}

impl State {
    pub(super) fn new(options: &Options) -> Self {
        let (tasks, updates, window, offer_events) = match options.workload {
            Workload::Offers { events, .. } => (1, 1, 1, events),
            Workload::Updates {
                tasks,
                updates,
                window,
            } => (tasks, updates, window, 0),
            Workload::Reconcile { tasks } => (tasks, 0, 0, 0),
            Workload::Failover { .. } => (0, 0, 0, 0),
        };
        Self {
            workload: options.workload,
            agents: options.agents.max(1),
            tasks: vec![Task::default(); tasks as usize],
            ready: (0..tasks).collect(),
            in_flight: 0,
            window: window as usize,
            updates_left: updates,
            offer_events_left: offer_events,
            next_offer: 0,
            next_update: 0,
            asked: VecDeque::new(),
            asked_all: VecDeque::new(),
            generation: 0,
            streams: 0,
            last_acknowledged: 0,
            last_message: None,
            wrong: Wrong::default(),
            calls: [0; TYPES],
            refused: BTreeMap::new(),
            latencies: Vec::new(),
            returns: Vec::new(),
            first_event: None,
            last_event: 0,
            last_acknowledgement: 0,
            first_call: None,
            last_call: 0,
            connections: 0,
            report: Report::default(),
            torn_down: false,
        }
    }

    fn agent_of(&self, task: u32) -> u32 {
        task % self.agents
    }

    /// Begins a subscription, which replaces the previous one. Unacknowledged updates are sent
    /// again.
    pub(super) fn subscribe(&mut self, encoding: &str) -> u64 {
        self.generation += 1;
        self.streams += 1;
        self.report.subscriptions += 1;
        self.report.encoding = encoding.to_owned();
        for (number, task) in (0..).zip(&mut self.tasks) {
            if task.pending.take().is_some() {
                self.in_flight -= 1;
                self.updates_left += 1;
                self.report.resent += 1;
                self.ready.push_back(number);
            }
        }
        self.asked.clear();
        self.asked_all.clear();
        self.generation
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Appends everything to `out` that may be sent now on this subscription.
    pub(super) fn next(
        &mut self,
        generation: u64,
        now: u64,
        out: &mut Vec<u8>,
        (updates, answers): (&Updates, &Updates),
    ) -> Next {
        if generation != self.generation || self.torn_down {
            return Next::Over;
        }
        if self.offer_events_left > 0 {
            self.offer_events_left -= 1;
            let first = self.next_offer;
            if let Workload::Offers { offers, .. } = self.workload {
                self.next_offer += u64::from(offers);
            }
            self.first_event.get_or_insert(now);
            return Next::Offers(first);
        }
        let mut events = 0;
        while out.len() < BATCH {
            let Some(task) = self.answer() else { break };
            answers.put(out, task, self.agent_of(task), 0);
            events += 1;
        }
        while out.len() < BATCH && self.in_flight < self.window && self.updates_left > 0 {
            let Some(task) = self.ready.pop_front() else {
                break;
            };
            self.next_update += 1;
            updates.put(out, task, self.agent_of(task), self.next_update);
            let sent = &mut self.tasks[task as usize];
            sent.pending = Some(self.next_update);
            sent.sent_at = now;
            self.in_flight += 1;
            self.updates_left -= 1;
            self.first_event.get_or_insert(now);
            events += 1;
        }
        match events {
            0 => Next::Nothing,
            events => Next::Written(events),
        }
    }

    /// The next task to report to a RECONCILE.
    fn answer(&mut self) -> Option<u32> {
        if let Some(task) = self.asked.pop_front() {
            return Some(task);
        }
        let at = self.asked_all.front_mut()?;
        let task = *at;
        *at += 1;
        if *at as usize >= self.tasks.len() {
            self.asked_all.pop_front();
        }
        Some(task)
    }

    /// Records that updates or an OFFERS event were written, with this number of bytes.
    pub(super) fn written(&mut self, next: &Next, bytes: usize, now: u64) {
        match next {
            Next::Written(events) => self.report.updates += events,
            Next::Offers(_) => self.report.offer_events += 1,
            Next::Nothing | Next::Over => return,
        }
        self.report.bytes += bytes as u64;
        self.last_event = now;
    }

    /// Records a call that is answered with 202.
    pub(super) fn call(&mut self, call: &Call<'_>, now: u64) {
        self.first_call.get_or_insert(now);
        self.last_call = now;
        let number = call.type_number();
        if let Some(count) = self.calls.get_mut(number.max(0) as usize) {
            *count += 1;
        }
        match call {
            Call::Acknowledge { agent, task, uuid } => self.acknowledge(agent, task, uuid, now),
            Call::Reconcile(tasks) => {
                self.first_event.get_or_insert(now);
                let known = self.tasks.len();
                if tasks.is_empty() && known > 0 {
                    self.asked_all.push_back(0);
                }
                let numbers = tasks.iter().filter_map(|id| template::task_number(id));
                self.asked
                    .extend(numbers.filter(|number| (*number as usize) < known));
            }
            Call::Message(data) => {
                let text = std::str::from_utf8(data).ok();
                let Some(number) = text.and_then(|text| text.parse().ok()) else {
                    return;
                };
                if self.last_message.is_some_and(|last| number <= last) {
                    self.report.messages_overtaken += 1;
                }
                self.last_message = Some(number);
            }
            Call::Other(number) if *number == Type::Teardown as i32 => self.torn_down = true,
            Call::Other(_) => {}
        }
    }

    fn acknowledge(&mut self, agent: &[u8], task: &[u8], uuid: &[u8], now: u64) {
        let Some((of, number)) = template::uuid_parts(uuid) else {
            self.wrong.uuid += 1;
            return;
        };
        let right_agent = Some(self.agent_of(of)) == template::agent_number(agent);
        let Some(state) = self.tasks.get_mut(of as usize) else {
            self.wrong.uuid += 1;
            return;
        };
        if template::task_number(task) != Some(of) {
            self.wrong.task += 1;
        } else if !right_agent {
            self.wrong.agent += 1;
        } else if state.pending == Some(number) {
            state.pending = None;
            state.done = Some(number);
            self.in_flight -= 1;
            self.ready.push_back(of);
            self.report.acknowledged += 1;
            self.latencies.push((now - state.sent_at) / 1000);
            self.last_acknowledgement = now;
            if number < self.last_acknowledged {
                self.report.overtaken += 1;
            }
            self.last_acknowledged = self.last_acknowledged.max(number);
        } else if state.done.is_some_and(|done| number <= done) {
            self.wrong.again += 1;
        } else {
            self.wrong.uuid += 1;
        }
    }

    /// Records a request that is answered with an error.
    pub(super) fn refuse(&mut self, text: &str) {
        *self.refused.entry(text.to_owned()).or_default() += 1;
    }

    /// Records the end of a stream.
    pub(super) fn left(&mut self) {
        self.streams -= 1;
    }

    /// Whether there is nothing left to do, also because the client has ended it. Reconciliation
    /// ends when the client disconnects.
    pub(super) fn is_done(&self) -> bool {
        let present = self.streams > 0 && matches!(self.workload, Workload::Reconcile { .. });
        self.torn_down || (self.complete() && !present)
    }

    /// Whether everything was sent and answered.
    pub(super) fn complete(&self) -> bool {
        match self.workload {
            Workload::Offers { .. } | Workload::Updates { .. } => {
                self.offer_events_left == 0 && self.updates_left == 0 && self.in_flight == 0
            }
            Workload::Reconcile { tasks } => {
                self.asked.is_empty()
                    && self.asked_all.is_empty()
                    && self.report.updates >= u64::from(tasks)
            }
            Workload::Failover { times, .. } => self.returns.len() >= times as usize,
        }
    }

    /// A number that grows with all activity.
    pub(super) fn progress(&self) -> u64 {
        self.calls.iter().sum::<u64>()
            + self.report.updates
            + self.report.offer_events
            + self.report.subscriptions
    }

    /// The numbers that need no computation.
    pub(super) fn counts(&self) -> Report {
        self.report.clone()
    }

    pub(super) fn report(&self) -> Report {
        let mut report = self.report.clone();
        for (number, count) in (0..).zip(self.calls).filter(|(_, count)| *count > 0) {
            let name = Type::try_from(number).map_or("?", |kind| kind.as_str_name());
            *report.calls.entry(name.to_owned()).or_default() += count;
        }
        let calls = self.calls.iter().sum::<u64>();
        report.requests = calls + report.subscriptions + self.refused.values().sum::<u64>();
        report.connections = self.connections;
        report.refused = self.refused.clone();
        report.wrong = self.wrong;
        report.missing = self.in_flight as u64;
        report.complete = self.complete();
        let seconds = |from: u64, to: u64| to.saturating_sub(from) as f64 / 1e9;
        let first = self.first_event.unwrap_or_default();
        report.sending = seconds(first, self.last_event);
        report.since = seconds(0, first);
        report.elapsed = match report.acknowledged {
            0 => seconds(first, self.last_call.max(self.last_event)),
            _ => seconds(first, self.last_acknowledgement),
        };
        let rate = |count: u64, seconds: f64| match seconds {
            0.0 => 0.0,
            seconds => count as f64 / seconds,
        };
        report.acknowledged_per_second = rate(report.acknowledged, report.elapsed);
        report.events_per_second = rate(report.updates + report.offer_events, report.elapsed);
        let calling = seconds(self.first_call.unwrap_or_default(), self.last_call);
        report.calls_per_second = rate(calls, calling);
        report.latency = Percentiles::of(&mut self.latencies.clone());
        report.return_to_subscribe = Percentiles::of(&mut self.returns.clone());
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos_testing::wire::Encoding;

    fn state() -> State {
        State::new(&Options::new(Workload::Updates {
            tasks: 2,
            updates: 3,
            window: 2,
        }))
    }

    fn send(state: &mut State) -> Next {
        let updates = Updates::new(Encoding::Protobuf, true);
        let answers = Updates::new(Encoding::Protobuf, false);
        let generation = state.generation();
        state.next(generation, 0, &mut Vec::new(), (&updates, &answers))
    }

    fn acknowledge(state: &mut State, agent: u32, task: u32, uuid: (u32, u64)) {
        let call = Call::Acknowledge {
            agent: template::agent_id(agent).into_bytes().into(),
            task: template::task_id(task).into_bytes().into(),
            uuid: template::uuid(uuid.0, uuid.1).to_vec().into(),
        };
        state.call(&call, 0);
    }

    #[test]
    fn the_next_update_of_a_task_waits_for_the_last_acknowledgement() {
        let mut state = state();
        assert_eq!(send(&mut state), Next::Written(2));
        assert_eq!(send(&mut state), Next::Nothing);
        acknowledge(&mut state, 1, 1, (1, 2));
        assert_eq!(send(&mut state), Next::Written(1));
        assert_eq!(state.tasks[0].pending, Some(1));
        assert_eq!(state.tasks[1].pending, Some(3));
        acknowledge(&mut state, 0, 0, (0, 1));
        acknowledge(&mut state, 1, 1, (1, 3));
        assert!(state.complete());
        let report = state.report();
        assert_eq!((report.acknowledged, report.missing), (3, 0));
        assert_eq!(report.overtaken, 1);
        assert_eq!(report.wrong.total(), 0);
    }

    #[test]
    fn each_kind_of_wrong_acknowledgement_is_counted_and_has_no_effect() {
        let mut state = state();
        send(&mut state);
        acknowledge(&mut state, 0, 0, (7, 1));
        acknowledge(&mut state, 0, 0, (0, 99));
        acknowledge(&mut state, 1, 0, (1, 2));
        acknowledge(&mut state, 1, 0, (0, 1));
        assert_eq!(state.report().acknowledged, 0);
        assert_eq!(state.report().missing, 2);
        acknowledge(&mut state, 0, 0, (0, 1));
        acknowledge(&mut state, 0, 0, (0, 1));
        let report = state.report();
        let wrong = Wrong {
            uuid: 2,
            task: 1,
            agent: 1,
            again: 1,
        };
        assert_eq!(report.wrong, wrong);
        assert_eq!((report.acknowledged, report.missing), (1, 1));
    }

    #[test]
    fn a_new_subscription_repeats_unacknowledged_updates() {
        let mut state = state();
        send(&mut state);
        acknowledge(&mut state, 0, 0, (0, 1));
        let old = state.generation();
        state.subscribe("json");
        assert_ne!(state.generation(), old);
        assert_eq!(send(&mut state), Next::Written(2));
        assert_eq!(state.report().resent, 1);
        assert!(!state.complete());
    }
}
