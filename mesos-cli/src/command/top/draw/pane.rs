//! One pane with rows.

use std::time::SystemTime;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::{cell, lines, name};
use crate::command::top::layout::Slot;
use crate::command::top::model::{Cell, Pane};
use crate::command::top::theme::{BOLD, REVERSED, Theme};
use crate::output::{GAP, fit, shorten, visible};

/// The lines of a pane that are not rows.
const HEAD: u16 = 2;

/// The number of rows that fit into an area.
pub(super) fn rows(area: Rect) -> usize {
    area.height.saturating_sub(HEAD).into()
}

pub(super) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    slot: Slot,
    list: &mut dyn Pane,
    focused: bool,
    theme: Theme,
    now: SystemTime,
) {
    let width = usize::from(area.width);
    let (visible, selected) = list.window(rows(area));
    let cells: Vec<_> = visible.map(|row| list.cells(row, now)).collect();
    let columns = Columns::new(list, &cells, width.saturating_sub(1));
    let mut text = vec![title(slot, list, width, focused), columns.titles()];
    for (position, cells) in cells.iter().take(rows(area)).enumerate() {
        let marked = focused && position == selected;
        text.push(columns.row(cells, marked, width, theme));
    }
    lines(frame, area, text);
}

/// The name of the pane, its number of rows, its filter and its order.
fn title(slot: Slot, list: &dyn Pane, width: usize, focused: bool) -> Line<'static> {
    let (shown, all) = list.counts();
    let mark = if focused { ">" } else { " " };
    let mut text = format!("{mark}{} ", name(slot));
    if list.filter().is_empty() {
        text.push_str(&all.to_string());
    } else {
        let filter: String = list.filter().chars().map(visible).collect();
        text.push_str(&format!("{shown}/{all} /{filter}"));
    }
    let (column, largest_first) = list.sorted_by();
    let arrow = if largest_first { '↓' } else { '↑' };
    text.push_str(&format!("  by {}{arrow}", list.columns()[column].title()));
    let text = shorten(&text, width);
    let space = " ".repeat(width.saturating_sub(text.width()));
    let style = if focused { BOLD.patch(REVERSED) } else { BOLD };
    Line::styled(format!("{text}{space}"), style)
}

/// The widths of the columns.
struct Columns<'a> {
    list: &'a dyn Pane,
    widths: Vec<usize>,
    /// The width of the longest text beside a bar in each column.
    texts: Vec<usize>,
}

impl<'a> Columns<'a> {
    fn new(list: &'a dyn Pane, rows: &[Vec<Cell>], limit: usize) -> Self {
        let most = |column: usize, width: fn(&Cell) -> usize| {
            rows.iter()
                .map(|cells| width(&cells[column]))
                .max()
                .unwrap_or(0)
        };
        let columns = list.columns();
        let widths = columns.iter().enumerate();
        let mut widths: Vec<_> = widths
            .map(|(index, column)| most(index, cell::width).max(column.title().width()))
            .collect();
        fit(&mut widths, limit);
        let texts = (0..columns.len()).map(|index| most(index, cell::text_width));
        let texts = texts.collect();
        Self {
            list,
            widths,
            texts,
        }
    }

    fn titles(&self) -> Line<'static> {
        let mut text = " ".to_owned();
        for (column, width) in self.list.columns().iter().zip(&self.widths) {
            let title = shorten(column.title(), *width);
            text.push_str(&match column.is_number() {
                true => format!("{title:>width$}"),
                false => format!("{title:<width$}"),
            });
            text.push_str(&" ".repeat(GAP));
        }
        Line::styled(text, BOLD)
    }

    fn row(&self, cells: &[Cell], marked: bool, width: usize, theme: Theme) -> Line<'static> {
        let mut spans = vec![Span::raw(if marked { ">" } else { " " })];
        let columns = self
            .list
            .columns()
            .iter()
            .zip(&self.widths)
            .zip(&self.texts);
        for (cell, ((column, width), text)) in cells.iter().zip(columns) {
            spans.extend(cell::spans(cell, *width, column.is_number(), *text, theme));
            spans.push(Span::raw(" ".repeat(GAP)));
        }
        let line = Line::from(spans);
        if marked {
            let space = " ".repeat(width.saturating_sub(line.width()));
            let mut line = line;
            line.push_span(Span::raw(space));
            line.patch_style(REVERSED)
        } else {
            line
        }
    }
}
