//! The result of a run: as text, and as JSON for programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What the load master sent and received, and the errors that it found.
///
/// All numbers count from the first subscription on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// `protobuf` or `json`, as the client requested.
    pub encoding: String,
    /// The number of subscriptions.
    pub subscriptions: u64,
    /// The number of accepted connections.
    pub connections: u64,
    /// The number of answered requests.
    pub requests: u64,
    /// Calls answered with 202, by type.
    pub calls: BTreeMap<String, u64>,
    /// Requests answered with an error, by the text of the error.
    pub refused: BTreeMap<String, u64>,
    /// OFFERS events written.
    pub offer_events: u64,
    /// UPDATE events written, including answers to RECONCILE.
    pub updates: u64,
    /// The updates among these that were repeated on a new subscription.
    pub resent: u64,
    /// Bytes of events written, including chunk and record framing.
    pub bytes: u64,
    /// Correct acknowledgements.
    pub acknowledged: u64,
    /// Updates with a uuid that were never acknowledged correctly.
    pub missing: u64,
    /// Incorrect acknowledgements.
    pub wrong: Wrong,
    /// Correct acknowledgements that arrived after the acknowledgement of a later update.
    pub overtaken: u64,
    /// MESSAGE calls whose data is a decimal number that is not greater than the previous one:
    /// numbered messages have to arrive in order.
    pub messages_overtaken: u64,
    /// From the first event after SUBSCRIBED, or the first RECONCILE, until the last event was
    /// written to the network, in seconds.
    pub sending: f64,
    /// The start of `sending`, in seconds since 1970.
    pub since: f64,
    /// From the same start until the last correct acknowledgement, in seconds; until the last call
    /// if there was nothing to acknowledge.
    pub elapsed: f64,
    /// Correct acknowledgements per second of `elapsed`.
    pub acknowledged_per_second: f64,
    /// Events per second of `elapsed`.
    pub events_per_second: f64,
    /// Calls per second, between the first and the last one.
    pub calls_per_second: f64,
    /// From sending an update to its acknowledgement, in microseconds.
    pub latency: Percentiles,
    /// From the master's return to the next SUBSCRIBE, in microseconds.
    pub return_to_subscribe: Percentiles,
    /// CPU time of the load master, in seconds.
    pub cpu: f64,
    /// Whether everything was sent and answered. If not, the client disconnected, or the idle
    /// timeout was over.
    pub complete: bool,
}

/// Acknowledgements that a real master would not accept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrong {
    /// With a uuid that was never sent.
    pub uuid: u64,
    /// With a uuid of another task.
    pub task: u64,
    /// With another agent than the agent of the update.
    pub agent: u64,
    /// Of an update that was acknowledged before.
    pub again: u64,
}

impl Wrong {
    /// The sum.
    pub fn total(&self) -> u64 {
        self.uuid + self.task + self.agent + self.again
    }
}

/// The distribution of a repeated measurement, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are explicit")]
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
        // The smallest sample that is not exceeded by this number of thousandths of all samples.
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
    fn a_percentile_is_a_sample_that_this_share_does_not_exceed() {
        let mut samples: Vec<u64> = (1..=1000).rev().collect();
        let percentiles = Percentiles::of(&mut samples);
        assert_eq!((percentiles.p50, percentiles.p90), (500, 900));
        assert_eq!((percentiles.p99, percentiles.p999), (990, 999));
        assert_eq!((percentiles.max, percentiles.count), (1000, 1000));
        assert_eq!(Percentiles::of(&mut [7]).p50, 7);
        assert_eq!(Percentiles::of(&mut []), Percentiles::default());
    }
}
