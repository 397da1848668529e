//! The token that an agent gives its executor, and how it leaves the
//! environment.

use std::fmt;

/// A bearer token. Its value shows in no `Debug` output.
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

/// Where the agent puts it.
#[cfg(unix)]
const VARIABLE: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";

/// Takes the token out of the environment of this process, which is replaced
/// by itself for that, once.
#[cfg(unix)]
pub(super) fn take() -> Result<Option<Token>, String> {
    if let Some(token) = handed_on::receive() {
        return Ok(Some(token));
    }
    match std::env::var(VARIABLE) {
        Ok(token) if !token.is_empty() => {
            let error = handed_on::restart_with(&token);
            Err(format!("{VARIABLE} cannot be erased: {error}"))
        }
        _ => Ok(None),
    }
}

#[cfg(not(unix))]
pub(super) fn take() -> Result<Option<Token>, String> {
    Ok(None)
}

/// From a process to what it becomes.
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

    /// Names the process and the descriptor of the pipe: `PID:FD`. Children
    /// inherit the variable, and have another process id.
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
        // Read or not, nobody else has any use for it.
        let _ = nix::unistd::close(descriptor);
        (read.is_ok() && !token.is_empty()).then(|| Token::new(token))
    }

    /// Does not return, except with the reason why it did.
    pub(super) fn restart_with(token: &str) -> io::Error {
        match try_restart_with(token) {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    fn try_restart_with(token: &str) -> io::Result<Infallible> {
        let (reader, mut writer) = io::pipe()?;
        // Nobody reads yet, so it has to fit into the pipe.
        if token.len() > 4096 {
            return Err(io::Error::other("it is longer than 4096 bytes"));
        }
        writer.write_all(token.as_bytes())?;
        // Or else the pipe would never end.
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

    /// This program, also where its file was replaced since it was started.
    fn program() -> PathBuf {
        std::env::current_exe()
            .ok()
            .filter(|path| path.exists())
            .unwrap_or_else(|| "/proc/self/exe".into())
    }
}
