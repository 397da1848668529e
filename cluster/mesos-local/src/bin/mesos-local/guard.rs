//! The first process of `mesos-local supervise`: it starts the supervisor as its child and waits for
//! its end.
//!
//! A supervisor cannot handle SIGKILL. If the supervisor is killed, its orphans become children of
//! this process, which ends them. If this process is killed, the kernel signals the supervisor, which
//! then ends everything, as when its program ends. If both are killed at once, processes stay.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitCode, ExitStatus};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::signal::unix::{SignalKind, signal};

use crate::descendants::{adopt_orphans, end_all, reap};

/// Runs the supervisor, and ends what it leaves behind if it is killed.
pub(crate) fn run() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime.and_then(|runtime| runtime.block_on(watch())) {
        Ok(status) => ExitCode::from(code(status)),
        Err(error) => {
            eprintln!("mesos-local supervise: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn watch() -> io::Result<ExitStatus> {
    adopt_orphans()?;
    let mut children = signal(SignalKind::child())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    // The supervisor inherits stdin and stdout. This process does not use them.
    let supervisor = Command::new(std::env::current_exe()?)
        .args(["supervise", "--guard", &Pid::this().to_string()])
        .spawn()?;
    let supervisor = Pid::from_raw(i32::try_from(supervisor.id()).map_err(io::Error::other)?);
    let status = loop {
        let forwarded = tokio::select! {
            _ = children.recv() => None,
            _ = interrupt.recv() => Some(Signal::SIGINT),
            _ = terminate.recv() => Some(Signal::SIGTERM),
            _ = hangup.recv() => Some(Signal::SIGHUP),
        };
        if let Some(forwarded) = forwarded {
            // Cannot fail: only this process reaps the supervisor.
            let _ = kill(supervisor, forwarded);
        }
        if let Some(status) = ended(supervisor)? {
            break status;
        }
    };
    // Ends nothing unless the supervisor was killed.
    end_all(Duration::ZERO, &mut children).await?;
    Ok(status)
}

/// The status of the supervisor, if it has ended.
fn ended(supervisor: Pid) -> io::Result<Option<ExitStatus>> {
    loop {
        match reap() {
            Ok(Some(reaped)) if reaped.pid == supervisor => return Ok(Some(reaped.status)),
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(Errno::ECHILD) => return Err(io::Error::other("cannot find the supervisor")),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The exit code by the rule of a shell.
fn code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}
