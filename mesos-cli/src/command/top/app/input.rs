//! What the keys change.

use std::sync::Arc;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{App, Effect, OpenLog, Over};
use crate::command::top::keys::{Action, action};
use crate::command::top::layout::Slot;
use crate::command::top::log::Log;
use crate::command::top::model::Pane as _;

impl App {
    /// Reacts to a key.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Effect {
        if self.typing.is_some() {
            return self.type_filter(key);
        }
        let action = action(key);
        // Every key closes the help, also one without a meaning.
        if matches!(self.over, Over::Help) {
            self.over = Over::Nothing;
            let control = key.modifiers.contains(KeyModifiers::CONTROL);
            return match action {
                Some(Action::Quit) if control => Effect::Quit,
                _ => Effect::Nothing,
            };
        }
        match action {
            None => Effect::Nothing,
            Some(action) if matches!(self.over, Over::Log(_)) => self.read(action, key),
            Some(action) => self.browse(action),
        }
    }

    fn browse(&mut self, action: Action) -> Effect {
        let page = isize::try_from(self.page.max(1)).unwrap_or(isize::MAX);
        let focus = self.focus;
        match action {
            Action::Quit => return Effect::Quit,
            Action::Help => self.over = Over::Help,
            Action::Step(by) => self.pane(focus).step(by),
            Action::Page(by) => self.pane(focus).step(by * page),
            Action::First => self.pane(focus).first(),
            Action::Last => self.pane(focus).last(),
            Action::NextPane => self.focus = focus.moved(1),
            Action::PreviousPane => self.focus = focus.moved(-1),
            Action::Pane(number) => {
                if let Some(slot) = Slot::ALL.get(number - 1) {
                    self.focus = *slot;
                }
            }
            Action::Sort => self.pane(focus).sort_next(),
            Action::Reverse => self.pane(focus).reverse(),
            Action::Filter => self.typing = Some(self.pane(focus).filter().to_owned()),
            Action::Open => return self.open(),
            Action::Close => self.pane(focus).set_filter(String::new()),
        }
        Effect::Nothing
    }

    /// Opens the selected row.
    fn open(&mut self) -> Effect {
        let filter = match self.focus {
            Slot::Tasks => {
                let Some(row) = self.tasks.selected() else {
                    return Effect::Nothing;
                };
                let task = Arc::clone(&row.task);
                let log = Log::new(task.task_id.as_str(), "stdout");
                self.over = Over::Log(Box::new(OpenLog { task, log }));
                return Effect::Read;
            }
            Slot::Agents => self.agents.selected().map(|row| row.id.clone()),
            Slot::Frameworks => self.frameworks.selected().map(|row| row.id.clone()),
            Slot::Roles | Slot::Events => None,
        };
        if let Some(filter) = filter {
            self.tasks.set_filter(filter);
            self.focus = Slot::Tasks;
        }
        Effect::Nothing
    }

    /// A key while a log is open.
    fn read(&mut self, action: Action, key: KeyEvent) -> Effect {
        let page = isize::try_from(self.page.max(1)).unwrap_or(isize::MAX);
        let Some(OpenLog { task, log }) = self.log() else {
            return Effect::Nothing;
        };
        match action {
            Action::Quit if key.modifiers.contains(KeyModifiers::CONTROL) => return Effect::Quit,
            Action::Quit | Action::Close => {
                self.over = Over::Nothing;
                return Effect::StopReading;
            }
            Action::NextPane | Action::PreviousPane => {
                let other = match log.file {
                    "stdout" => "stderr",
                    _ => "stdout",
                };
                *log = Log::new(task.task_id.as_str(), other);
                return Effect::Read;
            }
            Action::Step(by) => log.step(by),
            Action::Page(by) => log.step(by * page),
            Action::First => log.first(),
            Action::Last => log.last(),
            _ => {}
        }
        Effect::Nothing
    }

    /// A key while the user writes the filter, which has an effect at once.
    fn type_filter(&mut self, key: KeyEvent) -> Effect {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let mut filter = self.pane(self.focus).filter().to_owned();
        match key.code {
            KeyCode::Char('c') if control => return Effect::Quit,
            KeyCode::Char('u') if control => filter.clear(),
            KeyCode::Char(_) if control => {}
            KeyCode::Char(character) => filter.push(character),
            KeyCode::Backspace => drop(filter.pop()),
            KeyCode::Enter => self.typing = None,
            // The filter is as it was.
            KeyCode::Esc => filter = self.typing.take().unwrap_or_default(),
            _ => {}
        }
        self.pane(self.focus).set_filter(filter);
        Effect::Nothing
    }
}
