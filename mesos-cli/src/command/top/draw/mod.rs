//! Draws the view.

mod cell;
mod header;
mod help;
mod log;
mod pane;

use std::time::SystemTime;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::app::{App, Over};
use super::layout::{Slot, areas};
use super::model::Pane as _;
use super::theme::Theme;

/// Draws everything. `now` is the time for ages.
pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App, theme: Theme, now: SystemTime) {
    let totals = header::totals(app);
    let (_, agents) = app.agents.counts();
    let resources = u16::try_from(totals.len()).unwrap_or(u16::MAX);
    let areas = areas(frame.area(), app.focus, resources, agents);
    header::draw(frame, &areas, app, &totals, theme);
    match &mut app.over {
        Over::Nothing => {
            for (slot, area) in &areas.panes {
                let focused = *slot == app.focus;
                if focused {
                    app.page = pane::rows(*area);
                }
                let list = app.pane(*slot);
                pane::draw(frame, *area, *slot, list, focused, theme, now);
            }
        }
        Over::Help => help::draw(frame, areas.body),
        Over::Log(open) => {
            app.page = pane::rows(areas.body);
            log::draw(frame, areas.body, &mut open.log, theme);
        }
    }
    header::footer(frame, areas.footer, app);
}

/// Writes lines from the top of an area.
fn lines<'a>(frame: &mut Frame<'_>, area: Rect, lines: impl IntoIterator<Item = Line<'a>>) {
    for (row, line) in area.rows().zip(lines) {
        frame.render_widget(line, row);
    }
}

/// The name of a pane.
fn name(slot: Slot) -> &'static str {
    match slot {
        Slot::Agents => "Agents",
        Slot::Tasks => "Tasks",
        Slot::Frameworks => "Frameworks",
        Slot::Roles => "Roles",
        Slot::Events => "Events",
    }
}
