//! What came of a run: as text, and as JSON for programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What the load master sent, what it got back, and what was wrong with it.
///
/// Every number counts from the first subscription on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// `protobuf` or `json`, as the client asked for it.
    pub encoding: String,
    /// How often the client subscribed.
    pub subscriptions: u64,
    /// Connections taken.
    pub connections: u64,
    /// Requests answered.
    pub requests: u64,
    /// Calls taken with 202, by type.
    pub calls: BTreeMap<String, u64>,
    /// Requests answered with an error, by its text.
    pub refused: BTreeMap<String, u64>,
    /// OFFERS events written.
    pub offer_events: u64,
    /// UPDATE events written, answers to RECONCILE too.
    pub updates: u64,
    /// Of these, sent once more over a new subscription.
    pub resent: u64,
    /// Bytes of events written, chunk and record framing included.
    pub bytes: u64,
    /// Right acknowledgements.
    pub acknowledged: u64,
    /// Sent with a uuid, and never rightly acknowledged.
    pub missing: u64,
    /// Wrong acknowledgements.
    pub wrong: Wrong,
    /// Right acknowledgements that came after that of a later update.
    pub overtaken: u64,
    /// MESSAGE calls whose data is a decimal number that is not above that of
    /// the one before: what a client numbers has to arrive in order.
    pub messages_overtaken: u64,
    /// From the first event after SUBSCRIBED, or the first RECONCILE, until the
    /// last event was handed to the network, in seconds.
    pub sending: f64,
    /// From the same until the last right acknowledgement, in seconds; until
    /// the last call where nothing had to be acknowledged.
    pub elapsed: f64,
    /// Right acknowledgements per second of `elapsed`.
    pub acknowledged_per_second: f64,
    /// Events per second of `elapsed`.
    pub events_per_second: f64,
    /// Calls per second, between the first and the last one.
    pub calls_per_second: f64,
    /// From an update's sending to its acknowledgement, in microseconds.
    pub latency: Percentiles,
    /// From the master's return to the next SUBSCRIBE, in microseconds.
    pub return_to_subscribe: Percentiles,
    /// What this server used of a CPU, in seconds.
    pub cpu: f64,
    /// Whether all that was to be sent was sent and answered. If not, the
    /// client left, or nothing had happened for too long.
    pub complete: bool,
}

/// Acknowledgements that a master would not have taken for what they should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrong {
    /// Of a uuid that was never sent.
    pub uuid: u64,
    /// Of a uuid that belongs to another task.
    pub task: u64,
    /// With another agent than the update's.
    pub agent: u64,
    /// Of an update that had been acknowledged.
    pub again: u64,
}

impl Wrong {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.uuid + self.task + self.agent + self.again
    }
}

/// How something that was measured often was spread, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Percentiles {
    pub count: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

impl Percentiles {
    pub(super) fn of(samples: &mut [u64]) -> Self {
        samples.sort_unstable();
        let Some(last) = samples.len().checked_sub(1) else {
            return Self::default();
        };
        // The smallest that so many thousandths of all do not exceed.
        let at = |thousandths: usize| samples[(samples.len() * thousandths).div_ceil(1000) - 1];
        Self {
            count: samples.len() as u64,
            p50: at(500),
            p90: at(900),
            p99: at(990),
            p999: at(999),
            max: samples[last],
        }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "p50 {} p90 {} p99 {} p99.9 {} max {} µs ({} times)",
            self.p50, self.p90, self.p99, self.p999, self.max, self.count
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let complete = if self.complete { "" } else { ", NOT COMPLETE" };
        writeln!(
            f,
            "sent           {} offers events, {} updates ({} again), {} bytes as {}, in {:.3} s{complete}",
            self.offer_events, self.updates, self.resent, self.bytes, self.encoding, self.sending
        )?;
        writeln!(
            f,
            "acknowledged   {} in {:.3} s, {:.0}/s; missing {}",
            self.acknowledged, self.elapsed, self.acknowledged_per_second, self.missing
        )?;
        let wrong = self.wrong;
        writeln!(
            f,
            "wrong          {}: unknown uuid {}, other task {}, other agent {}, again {}",
            wrong.total(),
            wrong.uuid,
            wrong.task,
            wrong.agent,
            wrong.again
        )?;
        writeln!(
            f,
            "out of order   {} acknowledgements, {} messages",
            self.overtaken, self.messages_overtaken
        )?;
        writeln!(f, "events         {:.0}/s", self.events_per_second)?;
        writeln!(
            f,
            "calls          {:.0}/s over {} connections, {} subscriptions: {:?}",
            self.calls_per_second, self.connections, self.subscriptions, self.calls
        )?;
        if !self.refused.is_empty() {
            writeln!(f, "refused        {:?}", self.refused)?;
        }
        if self.latency.count > 0 {
            writeln!(f, "latency        {}", self.latency)?;
        }
        if self.return_to_subscribe.count > 0 {
            writeln!(f, "resubscribed   {}", self.return_to_subscribe)?;
        }
        write!(f, "own CPU        {:.3} s", self.cpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_sample_that_so_many_do_not_exceed() {
        let mut samples: Vec<u64> = (1..=1000).rev().collect();
        let percentiles = Percentiles::of(&mut samples);
        assert_eq!((percentiles.p50, percentiles.p90), (500, 900));
        assert_eq!((percentiles.p99, percentiles.p999), (990, 999));
        assert_eq!((percentiles.max, percentiles.count), (1000, 1000));
        assert_eq!(Percentiles::of(&mut [7]).p50, 7);
        assert_eq!(Percentiles::of(&mut []), Percentiles::default());
    }
}
