//! The keys.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::lines;
use crate::command::top::keys::HELP;
use crate::command::top::theme::{BOLD, REVERSED};

/// What the characters of a bar mean.
const BARS: &str = "█ in use  ▒ offered  · free";

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect) {
    let width = HELP.iter().map(|(key, _)| key.chars().count()).max();
    let width = width.unwrap_or(0).min(usize::from(area.width) / 2);
    let title = Line::styled(
        format!("{:<1$}", ">Keys", area.width.into()),
        BOLD.patch(REVERSED),
    );
    let keys = HELP.iter().map(|(key, meaning)| {
        Line::from(vec![
            Span::styled(format!("{key:<width$}  "), BOLD),
            Span::raw(*meaning),
        ])
    });
    lines(
        frame,
        area,
        [title].into_iter().chain(keys).chain([Line::raw(BARS)]),
    );
}
