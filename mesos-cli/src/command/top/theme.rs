//! Colors and emphasis.

use anstream::{AutoStream, ColorChoice};
use anstyle::AnsiColor;
use ratatui::style::{Color, Modifier, Style};

/// Whether the terminal has colors. Without colors, everything is still distinguishable: bars have
/// different characters, and what is selected is marked and reversed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theme {
    colors: bool,
}

impl Theme {
    /// As `--color`, NO_COLOR and TERM decide for stdout.
    pub(super) fn of_stdout() -> Self {
        let choice = AutoStream::choice(&std::io::stdout());
        Self::new(choice != ColorChoice::Never)
    }

    pub(super) fn new(colors: bool) -> Self {
        Self { colors }
    }

    pub(super) fn color(self, color: Color) -> Style {
        match self.colors {
            true => Style::new().fg(color),
            false => Style::new(),
        }
    }

    /// The style of a value of a table.
    pub(super) fn value(self, style: anstyle::Style) -> Style {
        match style.get_fg_color() {
            Some(anstyle::Color::Ansi(AnsiColor::Green)) => self.color(Color::Green),
            Some(anstyle::Color::Ansi(AnsiColor::Yellow)) => self.color(Color::Yellow),
            Some(anstyle::Color::Ansi(AnsiColor::Red)) => self.color(Color::Red),
            _ => Style::new(),
        }
    }

    /// What is in use, by the part of the total.
    pub(super) fn used(self, ratio: f64) -> Style {
        self.color(match ratio {
            0.9.. => Color::Red,
            0.7.. => Color::Yellow,
            _ => Color::Green,
        })
    }

    pub(super) fn offered(self) -> Style {
        self.color(Color::Blue)
    }

    pub(super) fn warning(self) -> Style {
        self.color(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    pub(super) fn good(self) -> Style {
        self.color(Color::Green)
    }
}

pub(super) const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
pub(super) const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);
