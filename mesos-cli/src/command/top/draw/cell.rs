//! The values of the panes.

use ratatui::style::Style;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr as _;

use crate::command::top::model::{Cell, Share};
use crate::command::top::theme::Theme;
use crate::output::shorten;

/// The width of a bar if there is room.
const BAR: usize = 8;
/// A bar with fewer cells shows nothing.
const SHORTEST: usize = 3;

/// The width that a value would have.
pub(super) fn width(cell: &Cell) -> usize {
    match cell {
        Cell::Text(cell) => cell.text().width(),
        Cell::Bar(_, text) => BAR + 1 + text.width(),
    }
}

/// The width of the text beside a bar.
pub(super) fn text_width(cell: &Cell) -> usize {
    match cell {
        Cell::Text(_) => 0,
        Cell::Bar(_, text) => text.width(),
    }
}

/// A value in exactly `width` columns. `text` is the width of the longest text beside a bar in the
/// column, so that the bars of a column are equally long.
pub(super) fn spans(
    cell: &Cell,
    width: usize,
    right: bool,
    text: usize,
    theme: Theme,
) -> Vec<Span<'static>> {
    match cell {
        Cell::Text(cell) => {
            let style = theme.value(cell.style());
            vec![padded(cell.text(), width, right, style)]
        }
        Cell::Bar(share, amounts) => {
            let room = width.saturating_sub(text + 1);
            if share.total <= 0.0 {
                return vec![padded(amounts, width, true, Style::new())];
            }
            if room < SHORTEST {
                return vec![padded(amounts, width, true, theme.used(share.ratio()))];
            }
            let mut spans = bar(*share, room, theme);
            spans.push(padded(amounts, width - room, true, Style::new()));
            spans
        }
    }
}

/// A bar of `width` cells: `█` is in use, `▒` is offered, `·` is free.
pub(super) fn bar(share: Share, width: usize, theme: Theme) -> Vec<Span<'static>> {
    let bar = share.bar(width);
    vec![
        Span::styled("█".repeat(bar.used), theme.used(share.ratio())),
        Span::styled("▒".repeat(bar.offered), theme.offered()),
        Span::raw("·".repeat(bar.free)),
    ]
}

fn padded(text: &str, width: usize, right: bool, style: Style) -> Span<'static> {
    let text = shorten(text, width);
    let space = " ".repeat(width.saturating_sub(text.width()));
    let text = match right {
        true => format!("{space}{text}"),
        false => format!("{text}{space}"),
    };
    Span::styled(text, style)
}
