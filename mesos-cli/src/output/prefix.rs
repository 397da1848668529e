//! The prefixes of lines that several tasks write.

use anstyle::{AnsiColor, Style};

/// The colors of the prefixes. The first six tasks have different colors.
const COLORS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Yellow,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightRed,
];

/// The style of the prefix of the task number `index`.
pub(crate) fn prefix_style(index: usize) -> Style {
    Style::new().fg_color(Some(COLORS[index % COLORS.len()].into()))
}
