//! The connection to the supervisor process: requests to its stdin, events from its stdout.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::error::{Error, ErrorKind};
use crate::wire::{Action, Config, Event, Failure, Request};

type Reply = (u64, Result<u16, Failure>);

/// How long the supervisor may take to end. More than it takes to give up processes that do not end.
const LIMIT: Duration = Duration::from_secs(30);
/// How long the supervisor may take to end after SIGKILL.
const LAST: Duration = Duration::from_secs(1);

/// A supervisor process. Dropping the value closes the supervisor's stdin, which ends all processes at
/// once, and waits for the supervisor, for at most half a minute.
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
    /// Starts `program` as supervisor, which waits for requests.
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
            // Ctrl-C in the terminal goes to the user's program only, which then decides.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let (reply_sender, replies) = mpsc::unbounded_channel();
        let exited = Arc::new(watch::Sender::new(None));
        if let Some(stdout) = process.stdout.take() {
            let exited = Arc::clone(&exited);
            std::thread::spawn(move || receive(stdout, &reply_sender, &exited));
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

    /// Receives the reason of an unexpected end of the cluster process.
    pub(super) fn exited(&self) -> watch::Receiver<Option<String>> {
        self.exited.subscribe()
    }

    /// Sends a request, and waits for the reply with the cluster's port.
    ///
    /// Dropping the future discards the reply. The supervisor still handles the request.
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
                // A reply to an earlier request whose future was dropped.
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
                None => return Err(self.ended()),
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
        if sent { Ok(()) } else { Err(self.ended()) }
    }

    fn ended(&self) -> Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last = log.lines().last().unwrap_or("nothing");
        Error::new(
            ErrorKind::Supervisor,
            format!(
                "the supervisor process of the local cluster has ended; the last line of {}: {last}",
                self.log.display()
            ),
        )
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if !self.ends_within(LIMIT) {
            // The process at the other end of the pipe then ends everything itself.
            let _ = self.process.kill();
            self.ends_within(LAST);
        }
    }
}

impl Link {
    /// Waits for the supervisor. It can be stopped, or wait for a process that cannot end.
    fn ends_within(&mut self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        while let Ok(None) = self.process.try_wait() {
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }
}

/// Forwards the supervisor's events until its stdout ends.
fn receive(
    stdout: ChildStdout,
    replies: &mpsc::UnboundedSender<Reply>,
    exited: &watch::Sender<Option<String>>,
) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        match serde_json::from_str(&line) {
            // The receiver may have been dropped.
            Ok(Event::Reply { id, result }) => drop(replies.send((id, result))),
            Ok(Event::Exited(message)) => drop(exited.send_replace(Some(message))),
            Err(_) => {}
        }
    }
}
