//! What happened in a run.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::check::{End, Ends, Violation};

/// Everything that is counted and reported.
#[derive(Debug)]
pub(super) struct Ledger {
    begin: Instant,
    pub(super) counts: BTreeMap<&'static str, u32>,
    pub(super) history: String,
    pub(super) ends: Ends,
    /// The first one that a line of a scheduler shows.
    pub(super) violation: Option<Violation>,
    pub(super) removed: bool,
    pub(super) stopped: bool,
    /// The number of faults that have not ended.
    faults: usize,
    /// The time from which no fault is active; `None` during a fault.
    healed: Option<Instant>,
    /// The time without a fault before, since the last end of a job.
    recovering: Duration,
    longest_recovery: Duration,
    last_end: Instant,
    longest_gap: Duration,
    pub(super) acknowledged_after: Duration,
}

impl Ledger {
    pub(super) fn new() -> Self {
        let begin = Instant::now();
        Self {
            begin,
            counts: BTreeMap::new(),
            history: String::new(),
            ends: Ends::default(),
            violation: None,
            removed: false,
            stopped: false,
            faults: 0,
            healed: Some(begin),
            recovering: Duration::ZERO,
            longest_recovery: Duration::ZERO,
            last_end: begin,
            longest_gap: Duration::ZERO,
            acknowledged_after: Duration::ZERO,
        }
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// A fault begins.
    pub(super) fn fault(&mut self, what: &'static str) {
        self.count(what);
        self.note(what);
        self.faults += 1;
        self.recovering += self
            .healed
            .take()
            .map_or(Duration::ZERO, |since| since.elapsed());
    }

    /// A fault ends.
    pub(super) fn healed(&mut self, what: &str) {
        self.note(&format!("end of {what}"));
        self.faults -= 1;
        if self.faults == 0 {
            self.healed = Some(Instant::now());
        }
    }

    /// Records what happened when. A failure is examined with this.
    pub(super) fn note(&mut self, what: &str) {
        let time = self.begin.elapsed().as_secs_f64();
        self.history.push_str(&format!("{time:8.3} {what}\n"));
    }

    /// A scheduler has written a line.
    pub(super) fn line(&mut self, line: &str) {
        match line.split(' ').next() {
            Some("leads") => {
                self.note("a scheduler leads");
                self.count("schedulers that led");
            }
            Some("commit") => self.count("failed commits"),
            Some("removed") => self.removed = true,
            Some("stopped") => self.stopped = true,
            Some("end") => self.end(line),
            _ => {}
        }
    }

    fn end(&mut self, line: &str) {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let [_, name, success, text] = *words.as_slice() else {
            return;
        };
        let end = End {
            success: success == "true",
            text: text.to_owned(),
        };
        match self.ends.add(name, end) {
            Ok(true) => {
                self.note(&format!("{name} ended"));
                self.progress();
            }
            Ok(false) => {}
            Err(violation) => drop(self.violation.get_or_insert(violation)),
        }
    }

    fn progress(&mut self) {
        let now = Instant::now();
        self.longest_gap = self.longest_gap.max(now - self.last_end);
        self.last_end = now;
        let since = self.healed.as_mut();
        let last = since.map_or(Duration::ZERO, |since| now - std::mem::replace(since, now));
        let recovering = std::mem::take(&mut self.recovering) + last;
        self.longest_recovery = self.longest_recovery.max(recovering);
    }

    /// One line about the present.
    pub(super) fn progress_line(&self, jobs: u32, attempts: usize, instances: usize) -> String {
        let faults: u32 = self.counts.values().sum();
        format!(
            "{:4.0} s: {} of {jobs} jobs ended, {attempts} attempts, {instances} instances started, \
             {faults} events",
            self.begin.elapsed().as_secs_f64(),
            self.ends.0.len(),
        )
    }

    /// Several lines about all of the run.
    pub(super) fn report(&self, attempts: usize, instances: usize) -> String {
        let counts = self.counts.iter();
        let counts: String = counts
            .map(|(what, count)| format!("  {what}: {count}\n"))
            .collect();
        format!(
            "{counts}  jobs that ended: {}, attempts: {attempts}, instances of services: {instances}\n\
             \x20 longest time without a fault until the next end of a job: {:.1?}\n\
             \x20 longest time without an end of a job: {:.1?}\n\
             \x20 all updates acknowledged after the end: {:.1?}; total time: {:.0?}",
            self.ends.0.len(),
            self.longest_recovery,
            self.longest_gap,
            self.acknowledged_after,
            self.begin.elapsed(),
        )
    }
}
