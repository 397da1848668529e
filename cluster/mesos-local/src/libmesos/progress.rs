//! Shows the progress of a download on stderr: a bar on a terminal, else a line every few seconds.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(5);

/// The progress of one download.
pub(crate) struct Progress {
    what: String,
    total: Option<u64>,
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl Progress {
    pub(crate) fn new(what: String, total: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            let template = "{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_message(what.clone());
            bar
        });
        if bar.is_none() {
            eprintln!("{what} …");
        }
        Self {
            what,
            total,
            bar,
            last_line: Instant::now(),
        }
    }

    /// `done` bytes have arrived so far.
    pub(crate) fn at(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let megabytes = |bytes: u64| bytes / 1_000_000;
            match self.total {
                Some(total) => eprintln!(
                    "{}: {} of {} MB",
                    self.what,
                    megabytes(done),
                    megabytes(total)
                ),
                None => eprintln!("{}: {} MB", self.what, megabytes(done)),
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
