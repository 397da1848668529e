//! The progress of a long run, on standard error.

use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use mesos_conformance::runner::{JobResult, encoding, mark, world};

/// Says on stderr how far it is: on a terminal in one line, elsewhere in one
/// line for each.
pub(crate) struct Progress {
    all: usize,
    done: usize,
    since: Instant,
    terminal: bool,
}

impl Progress {
    pub(crate) fn new(all: usize) -> Self {
        Self {
            all,
            done: 0,
            since: Instant::now(),
            terminal: std::io::stderr().is_terminal(),
        }
    }

    pub(crate) fn add(&mut self, played: &JobResult) {
        self.done += 1;
        let JobResult { job, verdict, time } = played;
        let mark = mark(verdict);
        if mark == "n/a" {
            return;
        }
        let (done, all) = (self.done, self.all);
        let line = format!(
            "[{done}/{all}] {} {}, {}: {} {mark} ({:.1} s)",
            job.harness.backend(),
            encoding(job.harness.encoding()),
            world(&job.world),
            job.case.id,
            time.as_secs_f64(),
        );
        // Bad news stays to be read.
        let end = match (self.terminal, mark) {
            (true, "ok" | "known") => "",
            _ => "\n",
        };
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "{clear}{line}{end}");
        let _ = stderr.flush();
    }

    /// The time that it took, in seconds.
    pub(crate) fn end(&self) -> f64 {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
        self.since.elapsed().as_secs_f64()
    }
}
