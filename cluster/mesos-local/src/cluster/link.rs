//! The connection to the supervisor process: requests down its stdin, events up its stdout.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::error::{Error, ErrorKind};
use crate::wire::{Action, Config, Event, Failure, Request};

type Reply = (u64, Result<u16, Failure>);

/// A supervisor process. Dropping this closes its stdin, upon which it ends everything at once,
/// and waits for it.
#[derive(Debug)]
pub(super) struct Link {
    process: Child,
    stdin: Option<ChildStdin>,
    replies: mpsc::UnboundedReceiver<Reply>,
    exited: Arc<watch::Sender<Option<String>>>,
    last_id: u64,
    log: PathBuf,
}

impl Link {
    /// Starts a supervisor, `program`, which does nothing until it is asked to.
    pub(super) fn start(program: &Path, config: &Config) -> Result<Self, Error> {
        let log = config.work_dir.join("supervisor.log");
        let failed = |cause: std::io::Error| {
            Error::because(
                ErrorKind::Supervisor,
                format!("cannot start the supervisor process {}", program.display()),
                cause,
            )
        };
        let mut process = Command::new(program)
            .arg("supervise")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).map_err(failed)?)
            // Ctrl-C in the terminal is for the user's program, which then decides.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let (reply_sender, replies) = mpsc::unbounded_channel();
        let exited = Arc::new(watch::Sender::new(None));
        if let Some(stdout) = process.stdout.take() {
            let exited = Arc::clone(&exited);
            std::thread::spawn(move || listen(stdout, &reply_sender, &exited));
        }
        let stdin = process.stdin.take();
        let mut link = Self {
            process,
            stdin,
            replies,
            exited,
            last_id: 0,
            log,
        };
        link.send(config)?;
        Ok(link)
    }

    /// Tells of the end of the cluster process that nobody asked for.
    pub(super) fn exited(&self) -> watch::Receiver<Option<String>> {
        self.exited.subscribe()
    }

    /// Sends a request and waits for its reply, which has the cluster's port.
    ///
    /// Dropping the future drops the reply; the request is fulfilled all the same.
    pub(super) async fn request(&mut self, action: Action) -> Result<u16, Error> {
        self.last_id += 1;
        if action == Action::Start {
            self.exited.send_replace(None);
        }
        self.send(&Request {
            id: self.last_id,
            action,
        })?;
        loop {
            match self.replies.recv().await {
                // Replies to dropped futures come before.
                Some((id, _)) if id != self.last_id => {}
                Some((_, Ok(port))) => return Ok(port),
                Some((_, Err(failure))) => {
                    let kind = match action {
                        _ if failure.port_in_use => ErrorKind::PortInUse,
                        Action::Start => ErrorKind::Start,
                        _ => ErrorKind::Supervisor,
                    };
                    return Err(Error::new(kind, failure.message));
                }
                None => return Err(self.gone()),
            }
        }
    }

    fn send(&mut self, message: &impl Serialize) -> Result<(), Error> {
        let sent = self.stdin.as_mut().is_some_and(|stdin| {
            serde_json::to_vec(message).is_ok_and(|mut line| {
                line.push(b'\n');
                stdin.write_all(&line).is_ok()
            })
        });
        if sent { Ok(()) } else { Err(self.gone()) }
    }

    fn gone(&self) -> Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last = log.lines().last().unwrap_or("nothing");
        Error::new(
            ErrorKind::Supervisor,
            format!(
                "the supervisor process of the local cluster is gone; its last words in {}: {last}",
                self.log.display()
            ),
        )
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It cannot fail: this is our child, and nobody else waits for it.
        let _ = self.process.wait();
    }
}

/// Hands on what the supervisor says until it says no more.
fn listen(
    stdout: ChildStdout,
    replies: &mpsc::UnboundedSender<Reply>,
    exited: &watch::Sender<Option<String>>,
) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        match serde_json::from_str(&line) {
            // Nobody may listen any more.
            Ok(Event::Reply { id, result }) => drop(replies.send((id, result))),
            Ok(Event::Exited(message)) => drop(exited.send_replace(Some(message))),
            Err(_) => {}
        }
    }
}
