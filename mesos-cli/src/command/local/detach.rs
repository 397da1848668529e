//! `mesos local up --detach`: the same program again, in a session of its own.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::state::Running;
use crate::error::{Code, Error};

/// Starts the cluster in another process, and returns when the cluster is up.
pub(super) async fn start() -> Result<Running, Error> {
    let start = tokio::task::spawn_blocking(start_blocking).await;
    start.unwrap_or_else(|error| Err(Error::new(Code::Failure, error.to_string())))
}

fn start_blocking() -> Result<Running, Error> {
    let failed =
        |error: io::Error| Error::new(Code::Failure, format!("cannot start a process: {error}"));
    let mut child = Command::new(std::env::current_exe().map_err(failed)?)
        .args(std::env::args_os().skip(1).map(detached))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // Not inherited: the cluster would keep the stderr of this program open.
    let stderr = child.stderr.take();
    let forward = std::thread::spawn(move || stderr.map(forward));
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        let _ = BufReader::new(stdout).read_line(&mut line);
    }
    if let Ok(running) = serde_json::from_str(&line) {
        return Ok(running);
    }
    let status = child.wait().map_err(failed)?;
    // The process has printed why. A panic of the thread says that itself.
    let _ = forward.join();
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Err(Error::Exit(code.unwrap_or(Code::Failure as u8)))
}

/// The argument of the other process.
fn detached(argument: OsString) -> OsString {
    if argument == "--detach" || argument == "-d" {
        "--detached".into()
    } else {
        argument
    }
}

/// Copies until the end of this program, or of the other process.
fn forward(mut stderr: impl io::Read) {
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = stderr.read(&mut bytes) {
        let _ = io::stderr().write_all(&bytes[..length]);
    }
}

/// In the other process: the end of the terminal does not concern the cluster.
pub(super) fn leave_session() -> Result<(), Error> {
    nix::unistd::setsid()
        .map(drop)
        .map_err(|error| Error::new(Code::Failure, format!("cannot create a session: {error}")))
}

/// In the other process: the cluster is up.
pub(super) fn report_ready(running: &Running) -> Result<(), Error> {
    let line = serde_json::to_string(running).unwrap_or_default();
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()?;
    Ok(())
}
