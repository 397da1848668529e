//! The first lines: the connection, the size of the cluster, and its resources. The last line: keys.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::{cell, lines};
use crate::command::top::app::{App, Connection, Over};
use crate::command::top::layout::{Areas, totals_per_line};
use crate::command::top::model::{NAMES, Pane as _, Share};
use crate::command::top::theme::{BOLD, REVERSED, Theme};
use crate::output::{count, mebibytes, number, visible};

/// The width of the names of resources.
const LABEL: usize = 5;
/// The amounts have names from this width on.
const LONG: u16 = 70;

/// The resources that the cluster has.
pub(super) fn totals(app: &App) -> Vec<(&'static str, Share)> {
    let all = NAMES.into_iter().zip(app.totals);
    all.filter(|(_, share)| share.total > 0.0).collect()
}

pub(super) fn draw(
    frame: &mut Frame<'_>,
    areas: &Areas,
    app: &App,
    totals: &[(&'static str, Share)],
    theme: Theme,
) {
    lines(frame, areas.title, [title(app, theme)]);
    let per_line = totals_per_line(areas.totals.width);
    let width = areas.totals.width / per_line;
    let long = width >= LONG;
    let texts: Vec<_> = totals
        .iter()
        .map(|(name, share)| amounts(name, *share, long))
        .collect();
    // The bars are equally long.
    let longest = texts.iter().map(|text| text.width()).max().unwrap_or(0);
    for (index, ((name, share), text)) in totals.iter().zip(&texts).enumerate() {
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        let area = Rect {
            x: areas.totals.x + index % per_line * width,
            y: areas.totals.y + index / per_line,
            width,
            height: 1,
        };
        if index / per_line < areas.totals.height {
            // A space between two resources on a line.
            let room = usize::from(width - u16::from(per_line > 1).min(width));
            let text = format!(" {text:>longest$}");
            let bar = room.saturating_sub(LABEL + text.width());
            let mut spans = vec![Span::styled(format!("{name:<LABEL$}"), BOLD)];
            spans.extend(cell::bar(*share, bar, theme));
            spans.push(Span::raw(text));
            lines(frame, area, [Line::from(spans)]);
        }
    }
}

/// The most important first, because a narrow screen cuts the end off.
fn title(app: &App, theme: Theme) -> Line<'static> {
    let (word, style, reason) = match &app.connection {
        Connection::Connected => ("connected", theme.good(), None),
        Connection::Connecting => ("connecting", theme.warning(), None),
        Connection::Lost(reason) => {
            let style = theme.warning().patch(REVERSED);
            let reason = reason.chars().map(visible).collect::<String>();
            ("reconnecting", style, Some(reason))
        }
    };
    let sizes = [
        (app.agents.counts().1, "agent"),
        (app.tasks.counts().1, "task"),
        (app.frameworks.counts().1, "framework"),
    ];
    let sizes = sizes.map(|(number, what)| count(number as u64, what));
    let last = reason.unwrap_or_else(|| app.address.clone());
    let spans = vec![
        Span::styled(word, style),
        Span::raw(format!("  {}  {last}", sizes.join(", "))),
    ];
    Line::from(spans)
}

/// The amounts of a resource of the cluster.
fn amounts(name: &str, share: Share, long: bool) -> String {
    if !long {
        return share.text(name);
    }
    let amount = |value| match name {
        "mem" | "disk" => mebibytes(value),
        _ => number(value),
    };
    format!(
        "{} used, {} offered, {} total",
        amount(share.used),
        amount(share.offered),
        amount(share.total)
    )
}

/// The keys, or the filter that the user writes.
pub(super) fn footer(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    let focus = app.focus;
    let text = if app.typing.is_some() {
        format!("/{}_", app.pane(focus).filter())
    } else {
        match &app.over {
            Over::Nothing => "?:help q:quit Tab:pane /:filter s:sort r:reverse Enter:open",
            Over::Help => "any key:close",
            Over::Log(_) => "q:back Tab:stdout/stderr ↑↓:scroll End:follow",
        }
        .to_owned()
    };
    let style = match app.typing {
        Some(_) => BOLD,
        None => Style::new(),
    };
    lines(frame, area, [Line::styled(text, style)]);
}
