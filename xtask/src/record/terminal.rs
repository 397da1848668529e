//! A terminal that runs commands one after another.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

/// How long a command may take until it shows what is recorded.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the commands have written.
type Written = Arc<(Mutex<vt100::Parser>, Condvar)>;

pub(crate) struct Terminal {
    size: PtySize,
    path: OsString,
    /// The configuration and the state of the command mesos.
    home: OsString,
    written: Written,
}

impl Terminal {
    /// A terminal whose commands find programs in the folder `programs` first.
    ///
    /// # Errors
    /// A size of zero, or a path that the variable `PATH` cannot contain.
    pub(crate) fn new(rows: u16, columns: u16, programs: &Path, home: &Path) -> Result<Self> {
        let others = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&others));
        let parser = vt100::Parser::new(rows.try_into()?, columns.try_into()?, 0);
        Ok(Self {
            size: PtySize {
                rows,
                cols: columns,
                ..PtySize::default()
            },
            path: std::env::join_paths(folders)?,
            home: home.into(),
            written: Arc::new((Mutex::new(parser), Condvar::new())),
        })
    }

    /// Shows a prompt with the command, runs the command, and waits for its end.
    ///
    /// # Errors
    /// The command cannot be started, or fails.
    pub(crate) fn run(&self, command: &str) -> Result<()> {
        self.screen()
            .process(format!("\x1b[36m$\x1b[0m {command}\r\n").as_bytes());
        let mut running = self.start(command)?;
        let status = running.child.wait()?;
        running
            .reader
            .join()
            .map_err(|_| anyhow!("the terminal cannot be read"))?;
        if !status.success() {
            bail!("`{command}` failed:\n{}", self.screen().screen().contents());
        }
        Ok(())
    }

    /// Starts a command.
    ///
    /// # Errors
    /// The terminal cannot be opened, or the command cannot be started.
    pub(crate) fn start(&self, command: &str) -> Result<Running> {
        let pair = native_pty_system().openpty(self.size)?;
        let mut shell = CommandBuilder::new("sh");
        shell.args(["-c", command]);
        shell.env("PATH", &self.path);
        shell.env("XDG_CONFIG_HOME", &self.home);
        shell.env("XDG_STATE_HOME", &self.home);
        shell.env("TERM", "xterm-256color");
        for name in [
            "MESOS_MASTER",
            "MESOS_CLUSTER",
            "MESOS_CLI_CONFIG",
            "NO_COLOR",
        ] {
            shell.env_remove(name);
        }
        let child = pair.slave.spawn_command(shell)?;
        let reader = pair.master.try_clone_reader()?;
        let keys = pair.master.take_writer()?;
        let written = Arc::clone(&self.written);
        let reader = std::thread::spawn(move || read(reader, &written));
        Ok(Running {
            child,
            keys,
            reader,
        })
    }

    /// Waits until the screen contains all texts.
    ///
    /// # Errors
    /// The texts do not appear.
    pub(crate) fn wait_for(&self, texts: &[&str]) -> Result<()> {
        let lacks = |parser: &mut vt100::Parser| {
            let contents = parser.screen().contents();
            !texts.iter().all(|text| contents.contains(text))
        };
        let changed = &self.written.1;
        let waited = changed.wait_timeout_while(self.screen(), PATIENCE, lacks);
        let (parser, timeout) = waited.map_err(|_| anyhow!("the terminal cannot be read"))?;
        if timeout.timed_out() {
            bail!("{texts:?} do not appear:\n{}", parser.screen().contents());
        }
        Ok(())
    }

    /// The screen as it is now.
    pub(crate) fn screen(&self) -> MutexGuard<'_, vt100::Parser> {
        let screen = self.written.0.lock();
        screen.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A command that runs on a terminal.
pub(crate) struct Running {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    reader: std::thread::JoinHandle<()>,
}

impl Running {
    /// Presses a key, and waits for the end of the command.
    ///
    /// # Errors
    /// The terminal does not take the key.
    pub(crate) fn end_with(mut self, key: &str) -> Result<()> {
        self.keys.write_all(key.as_bytes())?;
        self.keys.flush()?;
        self.child.wait()?;
        Ok(())
    }
}

fn read(mut reader: Box<dyn Read + Send>, written: &Written) {
    let (parser, changed) = &**written;
    let mut buffer = [0; 4096];
    // EIO is the end.
    while let Ok(length @ 1..) = reader.read(&mut buffer) {
        let parser = parser.lock();
        let mut parser = parser.unwrap_or_else(std::sync::PoisonError::into_inner);
        parser.process(&buffer[..length]);
        changed.notify_all();
    }
}
