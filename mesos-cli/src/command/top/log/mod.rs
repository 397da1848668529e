//! The output of a task: what was read of it, and the part of it that is visible.

mod reader;

use std::collections::VecDeque;

use anstream::adapter::strip_str;
use unicode_width::UnicodeWidthChar as _;

pub(super) use self::reader::{Part, Reader};
use crate::output::visible;

/// The number of lines that are kept.
pub(super) const LINES: usize = 2000;
/// A longer line continues on the next line, so that memory stays bounded.
const LONGEST: usize = 16 << 10;

/// The lines of a file of a task.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The id of the task.
    pub(super) task: String,
    /// The name of the file in the sandbox.
    pub(super) file: &'static str,
    pub(super) state: State,
    lines: VecDeque<String>,
    /// The bytes after the last line feed.
    rest: Vec<u8>,
    /// The number of lines below the visible ones; 0 follows the end.
    below: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Opening,
    Reading,
    /// The task has ended, and the file was read completely.
    Ended,
    Failed(String),
}

impl Log {
    pub(super) fn new(task: &str, file: &'static str) -> Self {
        Self {
            task: task.to_owned(),
            file,
            ..Self::default()
        }
    }

    pub(super) fn apply(&mut self, part: Part) {
        match part {
            Part::Bytes(bytes) => {
                self.state = State::Reading;
                self.push(&bytes);
            }
            Part::End => self.state = State::Ended,
            Part::Failed(reason) => self.state = State::Failed(reason),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let mut start = 0;
        loop {
            let rest = &self.rest[start..];
            let (length, skipped) = match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) if end <= LONGEST => (end, 1),
                _ if rest.len() > LONGEST => (LONGEST, 0),
                _ => break,
            };
            self.lines.push_back(clean(&rest[..length]));
            start += length + skipped;
            // The visible lines stay where they are, unless they follow the end.
            if self.below > 0 {
                self.below += 1;
            }
        }
        self.rest.drain(..start);
        let excess = self.lines.len().saturating_sub(LINES);
        self.lines.drain(..excess);
        self.below = self.below.min(self.lines.len());
    }

    pub(super) fn is_following(&self) -> bool {
        self.below == 0
    }

    /// Moves the visible part: up with a negative number.
    pub(super) fn step(&mut self, by: isize) {
        let most = self.lines.len().saturating_sub(1);
        self.below = self.below.saturating_add_signed(-by).min(most);
    }

    pub(super) fn first(&mut self) {
        self.step(isize::MIN + 1);
    }

    pub(super) fn last(&mut self) {
        self.below = 0;
    }

    /// The lines that fit into an area, the newest at the end. Long lines are wrapped. The area is
    /// full if there are enough lines, so the last line moves down at the start of the output.
    pub(super) fn visible(&mut self, width: usize, height: usize) -> Vec<String> {
        let last = (!self.rest.is_empty() && self.below == 0).then(|| clean(&self.rest));
        let mut shown = VecDeque::new();
        let lines = self.lines.iter().rev().skip(self.below);
        for line in last.iter().chain(lines) {
            for part in wrap(line, width).into_iter().rev() {
                if shown.len() == height {
                    return shown.into();
                }
                shown.push_front(part);
            }
        }
        while self.below > 0 {
            let line = &self.lines[self.lines.len() - self.below];
            let parts = wrap(line, width);
            if shown.len() + parts.len() > height {
                break;
            }
            shown.extend(parts);
            self.below -= 1;
        }
        shown.into()
    }
}

/// A line without what controls a terminal.
fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = strip_str(&text).to_string();
    // Of a line that a program has overwritten, the last state.
    let text = text.trim_end_matches('\r');
    let text = text.rsplit('\r').next().unwrap_or_default();
    let text = text.replace('\t', "    ");
    text.chars().map(visible).collect()
}

/// The parts of a line that have at most `width` columns. An empty line is one part.
pub(super) fn wrap(line: &str, width: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut used = 0;
    for character in line.chars() {
        let columns = character.width().unwrap_or(0);
        if used + columns > width && used > 0 {
            parts.push(String::new());
            used = 0;
        }
        used += columns;
        if let Some(part) = parts.last_mut() {
            part.push(character);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(text: &str) -> Log {
        let mut log = Log::new("t", "stdout");
        log.apply(Part::Bytes(text.as_bytes().to_vec()));
        log
    }

    #[test]
    fn the_end_of_the_output_is_visible_and_long_lines_are_wrapped() {
        let mut log = log("one\n\nabcdefg\nrest");
        assert_eq!(log.visible(4, 9), ["one", "", "abcd", "efg", "rest"]);
        assert_eq!(log.visible(4, 2), ["efg", "rest"]);
        assert_eq!(log.visible(4, 0), [""; 0]);
    }

    #[test]
    fn lines_that_the_user_reads_stay_when_new_lines_arrive() {
        let mut log = log("1\n2\n3\n4\n");
        log.step(-2);
        assert_eq!(log.visible(9, 2), ["1", "2"]);
        log.apply(Part::Bytes(b"5\n6".to_vec()));
        assert_eq!(log.visible(9, 2), ["1", "2"]);
        log.last();
        assert!(log.is_following());
        assert_eq!(log.visible(9, 2), ["5", "6"]);
        log.first();
        assert_eq!(log.visible(9, 2), ["1", "2"]);
        log.step(1);
        assert_eq!(log.visible(9, 2), ["2", "3"]);
    }

    #[test]
    fn text_of_a_task_does_not_control_the_terminal() {
        let mut log = log("\x1b[31mred\x1b[0m\tx\r\n 10 %\r100 %\r\n\x07bell\n");
        assert_eq!(log.visible(20, 3), ["red    x", "100 %", "bell"]);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let lines: String = (0..LINES + 5).map(|n| format!("{n}\n")).collect();
        let mut log = log(&lines);
        assert_eq!(log.lines.len(), LINES);
        log.first();
        assert_eq!(log.visible(9, 1), ["5"]);
        log.apply(Part::Bytes(vec![b'x'; 3 * LONGEST]));
        assert!(log.rest.len() <= LONGEST);
    }
}
