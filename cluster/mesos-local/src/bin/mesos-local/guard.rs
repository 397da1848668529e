//! The first process of `mesos-local supervise`: it only watches over the supervisor, which it
//! starts as its child.
//!
//! What SIGKILL does to the supervisor nothing can be done about in the supervisor. Its orphans
//! come to this process then, and are ended here; and if it is this one that is killed, the kernel
//! tells the supervisor, which ends everything as it does when its program ends. Whoever kills both
//! at once has to clean up himself.

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
    // With our stdin and stdout, of which this process makes no use.
    let supervisor = Command::new(std::env::current_exe()?)
        .args(["supervise", "--guard", &Pid::this().to_string()])
        .spawn()?;
    let supervisor = Pid::from_raw(i32::try_from(supervisor.id()).map_err(io::Error::other)?);
    let status = loop {
        let passed_on = tokio::select! {
            _ = children.recv() => None,
            _ = interrupt.recv() => Some(Signal::SIGINT),
            _ = terminate.recv() => Some(Signal::SIGTERM),
            _ = hangup.recv() => Some(Signal::SIGHUP),
        };
        if let Some(passed_on) = passed_on {
            // It cannot be gone: nobody but us reaps it.
            let _ = kill(supervisor, passed_on);
        }
        if let Some(status) = ended(supervisor)? {
            break status;
        }
    };
    // None unless the supervisor was killed.
    end_all(Duration::ZERO, &mut children).await?;
    Ok(status)
}

/// How the supervisor has ended, if it has.
fn ended(supervisor: Pid) -> io::Result<Option<ExitStatus>> {
    loop {
        match reap() {
            Ok(Some(reaped)) if reaped.pid == supervisor => return Ok(Some(reaped.status)),
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(Errno::ECHILD) => return Err(io::Error::other("the supervisor cannot be found")),
            Err(error) => return Err(error.into()),
        }
    }
}

/// As a shell has it.
fn code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}
