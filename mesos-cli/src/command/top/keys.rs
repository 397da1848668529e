//! What the keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Quit,
    Help,
    Step(isize),
    Page(isize),
    First,
    Last,
    NextPane,
    PreviousPane,
    /// The pane with this number, from 1.
    Pane(usize),
    Sort,
    Reverse,
    Filter,
    /// Opens the selected row: the logs of a task, the tasks of an agent or a framework.
    Open,
    /// Closes what is open, or removes the filter.
    Close,
}

/// The keys as the help shows them.
pub(super) const HELP: [(&str, &str); 11] = [
    ("q, Ctrl-C", "quit"),
    ("↑ ↓, j k", "move"),
    ("PgUp PgDn", "move by a page"),
    ("Home End, g G", "first, last"),
    ("Tab, 1 to 5", "switch panes"),
    ("s", "sort by next column"),
    ("r", "reverse the order"),
    ("/", "filter; Esc ends it"),
    ("Enter, l", "logs of a task"),
    ("", "tasks of a row"),
    ("?", "this help"),
];

/// The meaning of a key outside of the line for the filter.
pub(super) fn action(key: KeyEvent) -> Option<Action> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c') if control => Action::Quit,
        KeyCode::Char(_) if control => return None,
        KeyCode::Char('q') => Action::Quit,
        KeyCode::Char('?') | KeyCode::F(1) | KeyCode::Char('h') => Action::Help,
        KeyCode::Up | KeyCode::Char('k') => Action::Step(-1),
        KeyCode::Down | KeyCode::Char('j') => Action::Step(1),
        KeyCode::PageUp => Action::Page(-1),
        KeyCode::PageDown | KeyCode::Char(' ') => Action::Page(1),
        KeyCode::Home | KeyCode::Char('g') => Action::First,
        KeyCode::End | KeyCode::Char('G') => Action::Last,
        KeyCode::Tab | KeyCode::Right => Action::NextPane,
        KeyCode::BackTab | KeyCode::Left => Action::PreviousPane,
        KeyCode::Char(digit @ '1'..='9') => Action::Pane(digit as usize - '0' as usize),
        KeyCode::Char('s') => Action::Sort,
        KeyCode::Char('r') => Action::Reverse,
        KeyCode::Char('/') => Action::Filter,
        KeyCode::Enter | KeyCode::Char('l') => Action::Open,
        KeyCode::Esc => Action::Close,
        _ => return None,
    })
}
