//! `mesos-local supervise`: the process between a program that has a
//! [`LocalCluster`](mesos_local::LocalCluster) and the cluster process.
//!
//! The supervisor receives requests on its stdin, starts and signals the cluster process, and adopts
//! all executors and tasks. When its stdin ends, which happens when the program dies, it ends all
//! processes. If the supervisor itself is killed, `guard` ends them. The messages are in
//! [`wire`](mesos_local::wire).

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use mesos_local::wire::{
    Action, CGROUPS_VARIABLE, Config, Event, FAILED, Failure, READY, Request, port_message,
};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use crate::descendants::{Reaped, adopt_orphans, end, end_all, pause, reap};
use crate::groups::Groups;
use crate::log;
use crate::port::Port;

/// Time in addition to the ready timeout. The cluster process enforces the timeout itself, with a
/// better message.
const EXTRA: Duration = Duration::from_secs(5);
/// How long a restart waits for the port of the killed cluster.
const RELEASE: Duration = Duration::from_secs(5);
/// Prefixes of variables that Mesos, its logging or its TLS would read from the program's own
/// environment.
const NOT_INHERITED: [&str; 4] = ["MESOS_", "LIBPROCESS_", "GLOG_", "SSL_"];

type PipeLines = Lines<BufReader<pipe::Receiver>>;

/// Runs until stdin ends, a stop is requested, a signal arrives, or `guard`, the parent of this
/// process, ends.
pub(crate) fn run(guard: i32) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime.and_then(|runtime| runtime.block_on(supervise(guard))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mesos-local supervise: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn supervise(guard: i32) -> io::Result<()> {
    let mut unguarded = signal(SignalKind::user_defined1())?;
    prctl::set_pdeathsig(Signal::SIGUSR1)?;
    if getppid().as_raw() != guard {
        return Ok(());
    }
    adopt_orphans()?;
    let mut children = signal(SignalKind::child())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut requests = lines(io::stdin().as_fd().try_clone_to_owned()?)?;
    let Some(config) = requests.next_line().await? else {
        return Ok(());
    };
    let mut supervisor = Supervisor::new(serde_json::from_str(&config)?);

    let grace = supervisor.config.stop_grace;
    let (stop, grace) = loop {
        let deadline = supervisor.state.deadline();
        let timeout = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            request = requests.next_line() => match request {
                Ok(Some(line)) => {
                    let request: Request = serde_json::from_str(&line)?;
                    if request.action == Action::Stop {
                        break (Some(request.id), grace);
                    }
                    supervisor.handle(&request);
                }
                Ok(None) | Err(_) => break (None, Duration::ZERO),
            },
            line = supervisor.state.line() => supervisor.received(line),
            () = timeout => supervisor.timed_out(),
            _ = children.recv() => supervisor.reap(),
            _ = interrupt.recv() => break (None, grace),
            _ = terminate.recv() => break (None, grace),
            _ = hangup.recv() => break (None, grace),
            _ = unguarded.recv() => break (None, Duration::ZERO),
        }
    };
    // First, so that the cluster starts nothing while the other processes end.
    supervisor.kill();
    let group = supervisor.config.environment.get(CGROUPS_VARIABLE);
    let groups = group.map(|name| Groups::named(name)).unwrap_or_default();
    groups.thaw();
    end_all(grace, &mut children).await?;
    groups.remove();
    if supervisor.config.remove_work_dir && !supervisor.failed {
        fs::remove_dir_all(&supervisor.config.work_dir)?;
    }
    if let Some(id) = stop {
        reply(id, Ok(supervisor.config.port));
    }
    Ok(())
}

/// The cluster process.
#[derive(Debug)]
enum State {
    /// The process does not run.
    Down,
    /// It runs and has not reported yet. The request `id` waits for the report.
    Starting {
        pid: Pid,
        output: PipeLines,
        id: u64,
        deadline: Instant,
        log_offset: u64,
    },
    /// It is ready.
    Up {
        pid: Pid,
        output: Option<PipeLines>,
        log_offset: u64,
    },
}

impl State {
    fn pid(&self) -> Option<Pid> {
        match self {
            Self::Down => None,
            Self::Starting { pid, .. } | Self::Up { pid, .. } => Some(*pid),
        }
    }

    /// The next line of the process's stdout.
    async fn line(&mut self) -> Option<String> {
        match self {
            Self::Starting { output, .. }
            | Self::Up {
                output: Some(output),
                ..
            } => output.next_line().await.ok().flatten(),
            Self::Down | Self::Up { output: None, .. } => std::future::pending().await,
        }
    }

    /// The latest time for the process to report.
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Starting { deadline, .. } => Some(*deadline),
            Self::Down | Self::Up { .. } => None,
        }
    }
}

struct Supervisor {
    config: Config,
    /// Reserved by the first start.
    port: Option<Port>,
    state: State,
    /// Whether something failed, so that the log has to be kept.
    failed: bool,
}

impl Supervisor {
    fn new(config: Config) -> Self {
        Self {
            config,
            port: None,
            state: State::Down,
            failed: false,
        }
    }

    fn handle(&mut self, request: &Request) {
        let result = match (request.action, self.state.pid()) {
            (Action::Start, None) => match self.start(request.id) {
                // The reply follows when the cluster is ready.
                Ok(()) => return,
                Err(failure) => {
                    self.failed = true;
                    Err(failure)
                }
            },
            (Action::Start, Some(_)) => Err(failure("the cluster is up already")),
            (Action::Kill | Action::Stop, _) => {
                self.kill();
                Ok(())
            }
            (Action::Pause, Some(pid)) => pause(pid).map_err(signal_failure),
            (Action::Resume, Some(pid)) => kill(pid, Signal::SIGCONT).map_err(signal_failure),
            (Action::Pause | Action::Resume, None) => Err(failure("the cluster is down")),
        };
        reply(request.id, result.map(|()| self.config.port));
    }

    /// Reserves the port. A cluster with any free port keeps the first one.
    ///
    /// A process that the killed cluster has just forked has the listening socket until its exec.
    fn reserve_port(&mut self) -> io::Result<()> {
        let (port, limit) = match self.port.take() {
            Some(port) => (port, RELEASE),
            None => (Port::reserve(self.config.port)?, Duration::ZERO),
        };
        self.config.port = port.number();
        let port = self.port.insert(port);
        let end = Instant::now() + limit;
        loop {
            match port.check() {
                // Nothing tells when another process closes a socket.
                Err(_) if Instant::now() < end => std::thread::sleep(RELEASE / 500),
                result => return result,
            }
        }
    }

    fn start(&mut self, id: u64) -> Result<(), Failure> {
        self.reserve_port().map_err(|error| Failure {
            port_in_use: true,
            message: format!("{}: {error}", port_message(self.config.port)),
        })?;
        let spawned = self.spawn();
        let (pid, output, log_offset) = spawned.map_err(|error| {
            failure(format!(
                "cannot start {}: {error}",
                self.config.program.join(" ")
            ))
        })?;
        let deadline = Instant::now() + self.config.ready_timeout + EXTRA;
        self.state = State::Starting {
            pid,
            output,
            id,
            deadline,
            log_offset,
        };
        Ok(())
    }

    fn spawn(&self) -> io::Result<(Pid, PipeLines, u64)> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.config.log())?;
        let log_offset = log.metadata()?.len();
        let (program, arguments) = self
            .config
            .program
            .split_first()
            .ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| NOT_INHERITED.iter().any(|prefix| name.starts_with(prefix)))
            {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(arguments)
            .args(["--supervisor", &Pid::this().to_string()])
            .envs(&self.config.environment)
            .env("LIBPROCESS_PORT", self.config.port.to_string())
            .current_dir(&self.config.work_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        Ok((Pid::from_raw(pid), lines(output.into())?, log_offset))
    }

    /// The cluster process wrote a line, or closed its stdout.
    fn received(&mut self, line: Option<String>) {
        match std::mem::replace(&mut self.state, State::Down) {
            State::Starting {
                pid,
                output,
                id,
                deadline,
                log_offset,
            } => match line {
                Some(line) if line == READY => {
                    self.state = State::Up {
                        pid,
                        output: Some(output),
                        log_offset,
                    };
                    reply(id, Ok(self.config.port));
                }
                Some(line) if line.starts_with(FAILED) => {
                    end(pid);
                    self.start_failed(id, &line[FAILED.len()..]);
                }
                // Output of libmesos.
                Some(_) => {
                    self.state = State::Starting {
                        pid,
                        output,
                        id,
                        deadline,
                        log_offset,
                    }
                }
                None => {
                    let how = end(pid).map_or_else(String::new, |status| format!("{status}: "));
                    let reason = log::reason(&self.config.log(), log_offset);
                    self.start_failed(id, &format!("{how}{reason}"));
                }
            },
            State::Up {
                pid,
                output,
                log_offset,
            } => {
                // Output of libmesos, or the end of the process, which SIGCHLD reports.
                let output = output.filter(|_| line.is_some());
                self.state = State::Up {
                    pid,
                    output,
                    log_offset,
                };
            }
            State::Down => {}
        }
    }

    /// The cluster process was not ready in time.
    fn timed_out(&mut self) {
        if let State::Starting { pid, id, .. } = std::mem::replace(&mut self.state, State::Down) {
            end(pid);
            let limit = self.config.ready_timeout;
            self.start_failed(id, &format!("it was not ready after {limit:?}"));
        }
    }

    fn start_failed(&mut self, id: u64, reason: &str) {
        self.failed = true;
        let log = self.config.log();
        let message = format!(
            "the local cluster did not start: {reason} (its log is {})",
            log.display()
        );
        reply(id, Err(failure(message)));
    }

    /// A child ended: an adopted orphan, or the cluster process.
    fn reap(&mut self) {
        while let Ok(Some(Reaped { pid, status })) = reap() {
            match &self.state {
                State::Up {
                    pid: cluster,
                    log_offset,
                    ..
                } if *cluster == pid => {
                    self.failed = true;
                    let log = self.config.log();
                    let reason = log::reason(&log, *log_offset);
                    send(&Event::Exited(format!(
                        "the local cluster ended unexpectedly ({status}): {reason} (its log is {})",
                        log.display()
                    )));
                    self.state = State::Down;
                }
                State::Starting {
                    pid: cluster,
                    id,
                    log_offset,
                    ..
                } if *cluster == pid => {
                    let reason = log::reason(&self.config.log(), *log_offset);
                    let (id, reason) = (*id, format!("{status}: {reason}"));
                    self.state = State::Down;
                    self.start_failed(id, &reason);
                }
                _ => {}
            }
        }
    }

    /// Ends the cluster process, if it runs. A start in progress fails.
    fn kill(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Down);
        if let Some(pid) = state.pid() {
            end(pid);
        }
        if let State::Starting { id, .. } = state {
            reply(id, Err(failure("the start was interrupted")));
        }
    }
}

fn signal_failure(error: Errno) -> Failure {
    failure(format!(
        "cannot send a signal to the cluster process: {error}"
    ))
}

fn failure(message: impl Into<String>) -> Failure {
    Failure {
        port_in_use: false,
        message: message.into(),
    }
}

fn reply(id: u64, result: Result<u16, Failure>) {
    send(&Event::Reply { id, result });
}

/// Sends an event to the program. The program may have ended; then stdin ends too.
fn send(event: &Event) {
    if let Ok(mut line) = serde_json::to_string(event) {
        line.push('\n');
        let _ = io::stdout()
            .write_all(line.as_bytes())
            .and_then(|()| io::stdout().flush());
    }
}

fn lines(pipe: std::os::fd::OwnedFd) -> io::Result<PipeLines> {
    Ok(BufReader::new(pipe::Receiver::from_owned_fd(pipe)?).lines())
}
