//! The progress of long work, on stderr.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::ProgressBar;

/// A line that changes in place on a terminal. Elsewhere each change is a line.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    last: String,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            bar,
            last: String::new(),
        }
    }

    /// Shows the present state of the work.
    pub(crate) fn set(&mut self, text: impl Into<String>) {
        let text = text.into();
        if text == self.last {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_message(text.clone()),
            None => crate::output::note(&text),
        }
        self.last = text;
    }
}

/// The line is removed, so that the result of the work can follow.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
