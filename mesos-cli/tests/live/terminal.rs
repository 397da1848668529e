//! The program in a pseudo terminal, and what its screen shows.

use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::program::User;

/// How long a test waits for a text. Long, because the machines that run the tests are shared.
const PATIENCE: Duration = Duration::from_secs(40);

/// What the program has written, and whether the terminal has ended.
type Written = (Mutex<(vt100::Parser, bool)>, Condvar);

pub(crate) struct Terminal {
    pty: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    written: Arc<Written>,
    /// The mode of the terminal before the program.
    mode: String,
}

impl Terminal {
    /// Starts the program on a terminal with this number of rows and columns.
    pub(crate) fn start(
        user: &User,
        (rows, columns): (u16, u16),
        variables: &[(&str, &str)],
        args: &[&str],
    ) -> Self {
        let pair = native_pty_system().openpty(size(rows, columns)).unwrap();
        // A program that was built in another way, to measure it.
        let program = std::env::var("MESOS_PROGRAM");
        let program = program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_mesos").to_owned());
        let mut command = CommandBuilder::new(program);
        command.env("XDG_CONFIG_HOME", user.home());
        command.env("XDG_STATE_HOME", user.home());
        command.env("MESOS_CLI_CONFIG", user.home().join("none"));
        command.env("TERM", "xterm-256color");
        for name in ["MESOS_MASTER", "MESOS_CLUSTER", "NO_COLOR"] {
            command.env_remove(name);
        }
        for (name, value) in variables {
            command.env(name, value);
        }
        command.args(args);
        let mode = mode(pair.master.as_ref());
        let child = pair.slave.spawn_command(command).unwrap();
        let parser = Arc::new((
            Mutex::new((
                vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0),
                false,
            )),
            Condvar::new(),
        ));
        let reader = pair.master.try_clone_reader().unwrap();
        let shared = Arc::clone(&parser);
        std::thread::spawn(move || read(reader, &shared));
        Self {
            keys: pair.master.take_writer().unwrap(),
            pty: pair.master,
            child,
            written: parser,
            mode,
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Changes the size, which the program is notified of.
    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        let mut parser = self.written.0.lock().unwrap();
        let (height, width) = (rows.try_into().unwrap(), columns.try_into().unwrap());
        parser.0.screen_mut().set_size(height, width);
        self.pty.resize(size(rows, columns)).unwrap();
    }

    /// Waits until the screen shows a text; returns the screen.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contents().contains(text))
    }

    /// Waits until the screen does not show a text any more.
    #[track_caller]
    pub(crate) fn hides(&self, text: &str) -> String {
        let what = format!("the end of {text}");
        self.wait(&what, |screen| !screen.contents().contains(text))
    }

    #[track_caller]
    fn wait(&self, what: &str, condition: impl Fn(&vt100::Screen) -> bool) -> String {
        let (parser, changed) = &*self.written;
        let waits =
            |(parser, ended): &mut (vt100::Parser, bool)| !*ended && !condition(parser.screen());
        let guard = parser.lock().unwrap();
        let wait = changed.wait_timeout_while(guard, PATIENCE, waits);
        let guard = wait.unwrap().0;
        let screen = guard.0.screen();
        let contents = screen.contents();
        assert!(condition(screen), "no {what:?} on the screen:\n{contents}");
        contents
    }

    pub(crate) fn is_alternate(&self) -> bool {
        self.screen().0.screen().alternate_screen()
    }

    fn screen(&self) -> MutexGuard<'_, (vt100::Parser, bool)> {
        self.written.0.lock().unwrap()
    }

    /// Whether a cell has a color.
    pub(crate) fn is_colored(&self) -> bool {
        let parser = self.screen();
        let screen = parser.0.screen();
        let (rows, columns) = screen.size();
        let mut cells =
            (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
        cells.any(|(row, column)| {
            let cell = screen.cell(row, column).unwrap();
            [cell.fgcolor(), cell.bgcolor()] != [vt100::Color::Default; 2]
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.pid();
        kill(Pid::from_raw(pid.cast_signed()), signal).unwrap();
    }

    /// Waits for the end of the program; returns its exit code. The terminal must be as it was.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> u32 {
        let status = self.child.wait().unwrap();
        assert_eq!(
            mode(self.pty.as_ref()),
            self.mode,
            "the mode was not restored"
        );
        self.wait("main screen", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor()
        });
        status.exit_code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Does nothing for a program that has ended.
        let _ = self.child.kill();
    }
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        ..PtySize::default()
    }
}

fn mode(pty: &dyn MasterPty) -> String {
    let mode = pty.get_termios().unwrap();
    format!("{:?} {:?}", mode.local_flags, mode.output_flags)
}

fn read(mut reader: Box<dyn Read + Send>, (parser, changed): &Written) {
    let mut buffer = [0; 4096];
    // EIO is the end.
    while let Ok(length @ 1..) = reader.read(&mut buffer) {
        parser.lock().unwrap().0.process(&buffer[..length]);
        changed.notify_all();
    }
    parser.lock().unwrap().1 = true;
    changed.notify_all();
}
