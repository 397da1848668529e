//! The authentication token of an executor, and its removal from the
//! environment.

use std::fmt;

/// A bearer token. `Debug` does not print its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Wraps the text of a token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The text, for the `Authorization` header only.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// The variable that the agent sets.
#[cfg(unix)]
const VARIABLE: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";

/// Removes the token from the environment of this process. The process executes
/// its own program again, once.
#[cfg(unix)]
pub(super) fn take() -> Result<Option<Token>, String> {
    if let Some(token) = handed_on::receive() {
        return Ok(Some(token));
    }
    match std::env::var(VARIABLE) {
        Ok(token) if !token.is_empty() => {
            let error = handed_on::restart_with(&token);
            Err(format!("cannot erase {VARIABLE}: {error}"))
        }
        _ => Ok(None),
    }
}

#[cfg(not(unix))]
pub(super) fn take() -> Result<Option<Token>, String> {
    Ok(None)
}

/// Passes the token from a process to the program that it executes.
#[cfg(unix)]
mod handed_on {
    use std::convert::Infallible;
    use std::fs::File;
    use std::io::{self, Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::process::CommandExt;
    use std::path::PathBuf;
    use std::process::{self, Command};

    use nix::fcntl::{FcntlArg, FdFlag, fcntl};

    use super::{Token, VARIABLE};

    /// The process id and the descriptor of the pipe: `PID:FD`. Child processes
    /// inherit the variable, but they have a different process id.
    const PIPE: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN_PIPE";

    pub(super) fn receive() -> Option<Token> {
        let place = std::env::var(PIPE).ok()?;
        let (process, descriptor) = place.split_once(':')?;
        if process.parse() != Ok(process::id()) {
            return None;
        }
        let descriptor: i32 = descriptor.parse().ok()?;
        let mut token = String::new();
        let pipe = File::open(format!("/dev/fd/{descriptor}"));
        let read = pipe.and_then(|mut pipe| pipe.read_to_string(&mut token));
        // Nothing else reads the pipe.
        let _ = nix::unistd::close(descriptor);
        (read.is_ok() && !token.is_empty()).then(|| Token::new(token))
    }

    /// Returns only if it fails, with the reason.
    pub(super) fn restart_with(token: &str) -> io::Error {
        match try_restart_with(token) {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    fn try_restart_with(token: &str) -> io::Result<Infallible> {
        let (reader, mut writer) = io::pipe()?;
        // Nothing reads the pipe yet, so the token has to fit into its buffer.
        if token.len() > 4096 {
            return Err(io::Error::other("the token is longer than 4096 bytes"));
        }
        writer.write_all(token.as_bytes())?;
        // The reader reads until all writers are closed.
        drop(writer);
        fcntl(&reader, FcntlArg::F_SETFD(FdFlag::empty()))?;
        let mut arguments = std::env::args_os();
        let mut command = Command::new(program());
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        let place = format!("{}:{}", process::id(), reader.as_raw_fd());
        let error = command
            .args(arguments)
            .env_remove(VARIABLE)
            .env(PIPE, place)
            .exec();
        Err(error)
    }

    /// The path of this program, even if its file was replaced after the start.
    fn program() -> PathBuf {
        std::env::current_exe()
            .ok()
            .filter(|path| path.exists())
            .unwrap_or_else(|| "/proc/self/exe".into())
    }
}
