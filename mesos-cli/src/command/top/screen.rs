//! The terminal while the view owns it.

use std::io::{self, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute};
use ratatui::{DefaultTerminal, Frame, Terminal};
use tokio::sync::mpsc;

use crate::error::{Code, Error};

/// Whether the view owns the terminal. It is restored only once: leaving the alternate screen again
/// moves the cursor back, and the message of a panic would be overwritten.
static OPEN: AtomicBool = AtomicBool::new(false);

/// The terminal in raw mode, with an alternate screen. Dropping the value restores the terminal; a
/// panic of any thread restores it before its message is printed.
#[derive(Debug)]
pub(super) struct Screen(DefaultTerminal);

impl Screen {
    pub(super) fn open() -> Result<Self, Error> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                hook(panic);
            }));
        });
        OPEN.store(true, Ordering::SeqCst);
        let open = || {
            enable_raw_mode()?;
            execute!(stdout(), EnterAlternateScreen)?;
            Terminal::new(CrosstermBackend::new(stdout()))
        };
        match open() {
            Ok(terminal) => Ok(Self(terminal)),
            Err(error) => {
                restore();
                Err(failed(&error))
            }
        }
    }

    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> Result<(), Error> {
        if !OPEN.load(Ordering::SeqCst) {
            return Err(Error::new(Code::Failure, "a part of the program panicked"));
        }
        let drawn = self.0.draw(render).map(drop);
        drawn.map_err(|error| failed(&error))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Makes the terminal as it was before.
fn restore() {
    if OPEN.swap(false, Ordering::SeqCst) {
        // A terminal that is gone does not need to be restored.
        let _ = execute!(stdout(), cursor::Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

/// The error of a terminal.
pub(super) fn failed(error: &io::Error) -> Error {
    Error::new(Code::Failure, format!("cannot use the terminal: {error}"))
}

/// The keys and changes of the size. They are read by a thread, which does not delay the end of the
/// process.
pub(super) fn input() -> mpsc::Receiver<io::Result<Event>> {
    let (sender, receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        loop {
            let event = event::read();
            let failed = event.is_err();
            if sender.blocking_send(event).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    use super::*;

    /// Runs in the pseudo terminal of the other test.
    #[test]
    #[ignore = "needs a terminal, which the other test provides"]
    fn panics_on_the_screen() {
        let mut screen = Screen::open().unwrap();
        screen
            .draw(|frame| frame.render_widget("drawn", frame.area()))
            .unwrap();
        panic!("the reason");
    }

    #[test]
    fn a_panic_restores_the_terminal_and_its_message_is_readable() {
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.env("RUST_BACKTRACE", "0");
        command.args(["--ignored", "--exact", "--nocapture"]);
        command.arg("command::top::screen::tests::panics_on_the_screen");
        let before = pair.master.get_termios().unwrap().local_flags;
        let mut reader = pair.master.try_clone_reader().unwrap();
        let mut child = pair.slave.spawn_command(command).unwrap();
        let mut output = Vec::new();
        let mut parser = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
        let mut buffer = [0; 1024];
        while !String::from_utf8_lossy(&output).contains("test result: FAILED") {
            let length = reader.read(&mut buffer).unwrap();
            output.extend_from_slice(&buffer[..length]);
            parser.process(&buffer[..length]);
        }
        assert!(!child.wait().unwrap().success());
        let output = String::from_utf8_lossy(&output);
        assert!(output.contains("drawn"), "{output}");
        let screen = parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        assert!(screen.contents().contains("the reason"), "{output}");
        assert!(pair.master.get_termios().unwrap().local_flags == before);
    }
}
