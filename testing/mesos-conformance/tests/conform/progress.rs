//! The progress of a long run, on standard error.

use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use mesos_conformance::runner::{JobResult, encoding, mark, world};

/// Reports the progress on stderr: on a terminal in one line, elsewhere in one line for each
/// result.
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

    pub(crate) fn add(&mut self, result: &JobResult) {
        self.done += 1;
        let JobResult { job, verdict, time } = result;
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
        // Failures stay visible.
        let end = match (self.terminal, mark) {
            (true, "ok" | "known") => "",
            _ => "\n",
        };
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "{clear}{line}{end}");
        let _ = stderr.flush();
    }

    /// The duration, in seconds.
    pub(crate) fn end(&self) -> f64 {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
        self.since.elapsed().as_secs_f64()
    }
}
