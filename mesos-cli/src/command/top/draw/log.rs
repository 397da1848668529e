//! The output of a task.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use unicode_width::UnicodeWidthStr as _;

use super::lines;
use crate::command::top::log::{Log, State};
use crate::command::top::theme::{BOLD, REVERSED, Theme};
use crate::output::{shorten, visible};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, log: &mut Log, theme: Theme) {
    let width = usize::from(area.width);
    let state = match &log.state {
        State::Opening => "opening",
        State::Failed(_) => "failed",
        _ if !log.is_following() => "scrolled",
        State::Reading => "following",
        State::Ended => "the task has ended",
    };
    let task: String = log.task.chars().map(visible).collect();
    let title = shorten(&format!(">{} of {task}: {state}", log.file), width);
    let space = " ".repeat(width.saturating_sub(title.width()));
    let title = Line::styled(format!("{title}{space}"), BOLD.patch(REVERSED));
    let mut text = vec![title];
    let mut height = usize::from(area.height.saturating_sub(1));
    if let State::Failed(reason) = &log.state {
        let reason: String = reason.chars().map(visible).collect();
        text.extend(
            crate::command::top::log::wrap(&reason, width)
                .into_iter()
                .map(|line| Line::styled(line, theme.warning())),
        );
        height = height.saturating_sub(text.len() - 1);
    }
    text.extend(log.visible(width, height).into_iter().map(Line::raw));
    lines(frame, area, text);
}
