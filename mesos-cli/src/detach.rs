//! `--detach`: the same program again, in a session of its own.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::process::{Child, Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Code, Error};

/// Runs the command in another process, and returns what that process reports when it is ready. Its
/// messages are shown until then, and are in `log` afterwards, or nowhere.
pub(crate) async fn start<T>(log: Option<File>) -> Result<T, Error>
where
    T: DeserializeOwned + Send + 'static,
{
    let start = tokio::task::spawn_blocking(move || start_blocking(log)).await;
    start.unwrap_or_else(|error| Err(Error::new(Code::Failure, error.to_string())))
}

fn start_blocking<T: DeserializeOwned>(mut log: Option<File>) -> Result<T, Error> {
    let failed =
        |error: io::Error| Error::new(Code::Failure, format!("cannot start a process: {error}"));
    let mut begin = 0;
    let stderr = match &mut log {
        Some(log) => {
            begin = log.seek(SeekFrom::End(0)).map_err(failed)?;
            log.try_clone().map_err(failed)?.into()
        }
        // Not inherited: the other process would keep the stderr of this program open.
        None => Stdio::piped(),
    };
    let mut child = Command::new(std::env::current_exe().map_err(failed)?)
        .args(std::env::args_os().skip(1).map(detached))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .map_err(failed)?;
    let forward = child
        .stderr
        .take()
        .map(|stderr| std::thread::spawn(move || forward(stderr)));
    let line = first_line(&mut child);
    let ready = serde_json::from_str(&line).ok();
    let status = match ready {
        Some(_) => None,
        None => Some(child.wait().map_err(failed)?),
    };
    // Otherwise the process has printed why. A panic of the thread says that itself.
    match (log, forward, &status) {
        (Some(log), ..) => show(log, begin),
        (None, Some(forward), Some(_)) => drop(forward.join()),
        _ => {}
    }
    if let Some(ready) = ready {
        return Ok(ready);
    }
    let code = status.and_then(|status| status.code());
    let code = code.and_then(|code| u8::try_from(code).ok());
    Err(Error::Exit(code.unwrap_or(Code::Failure as u8)))
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        let _ = BufReader::new(stdout).read_line(&mut line);
    }
    line
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

/// Shows what the other process has printed.
fn show(mut log: File, begin: u64) {
    let mut text = Vec::new();
    if log.seek(SeekFrom::Start(begin)).is_ok() && log.read_to_end(&mut text).is_ok() {
        let _ = io::stderr().write_all(&text);
    }
}

/// In the other process: the end of the terminal does not concern the process.
pub(crate) fn leave_session() -> Result<(), Error> {
    nix::unistd::setsid()
        .map(drop)
        .map_err(|error| Error::new(Code::Failure, format!("cannot create a session: {error}")))
}

/// In the other process: the command is ready.
pub(crate) fn report_ready(ready: &impl Serialize) -> Result<(), Error> {
    let line = serde_json::to_string(ready).unwrap_or_default();
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()?;
    Ok(())
}
