//! The authentication token of an executor, and its removal from the
//! environment.

use std::fmt;

use zeroize::Zeroizing;

/// A bearer token. `Debug` does not print its value. Dropping the token overwrites it in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Wraps the text of a token. A `String` is taken over; of a `&str` the caller keeps a copy, which
    /// nothing overwrites.
    pub fn new(token: impl Into<String>) -> Self {
        Self(Zeroizing::new(token.into()))
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
#[cfg(any(target_os = "linux", target_os = "android"))]
const VARIABLE: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";

/// Removes the token from the environment of this process. The process executes
/// its own program again, once.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn take() -> Result<Option<Token>, String> {
    if let Some(token) = handed_on::receive() {
        return Ok(Some(token));
    }
    match std::env::var(VARIABLE).map(Zeroizing::new) {
        Ok(token) if !token.is_empty() => {
            let error = handed_on::restart_with(&token);
            Err(format!("cannot erase {VARIABLE}: {error}"))
        }
        _ => Ok(None),
    }
}

/// The environment of this process keeps the token: Mesos agents that authenticate executors run on
/// Linux only.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn take() -> Result<Option<Token>, String> {
    let token = std::env::var("MESOS_EXECUTOR_AUTHENTICATION_TOKEN").ok();
    Ok(token.filter(|token| !token.is_empty()).map(Token::new))
}

/// Passes the token from a process to the program that it executes, in an open file without a name
/// in any directory. The label of the file has the process id, and the program closes the file at
/// once. So neither the environment nor a child process has a trace of the token.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod handed_on {
    use std::convert::Infallible;
    use std::fs::{self, File};
    use std::io::{self, Read, Seek, Write};
    use std::os::fd::RawFd;
    use std::os::unix::process::CommandExt;
    use std::path::PathBuf;
    use std::process::{self, Command};

    use nix::sys::memfd::{MFdFlags, memfd_create};
    use zeroize::Zeroizing;

    use super::{Token, VARIABLE};

    const DESCRIPTORS: &str = "/proc/self/fd";

    fn label() -> String {
        format!("mesos-executor-token-{}", process::id())
    }

    /// The descriptor of the file, if this process has one.
    fn find() -> io::Result<Option<RawFd>> {
        // The kernel's notation of such a file.
        let target = PathBuf::from(format!("/memfd:{} (deleted)", label()));
        for entry in fs::read_dir(DESCRIPTORS)? {
            let entry = entry?;
            // Fails for the descriptor of this search after its end.
            if fs::read_link(entry.path()).is_ok_and(|found| found == target) {
                let name = entry.file_name();
                return Ok(name.to_str().and_then(|name| name.parse().ok()));
            }
        }
        Ok(None)
    }

    pub(super) fn receive() -> Option<Token> {
        let descriptor = find().ok()??;
        let mut token = Zeroizing::new(String::new());
        // Another open file description, with its own position.
        let file = File::open(format!("{DESCRIPTORS}/{descriptor}"));
        let read = file.and_then(|mut file| {
            // Reserved, because a string that grows leaves copies behind.
            let length = usize::try_from(file.metadata()?.len()).unwrap_or_default();
            token.reserve_exact(length + 1);
            file.read_to_string(&mut token)
        });
        // Nothing else uses the descriptor.
        let _ = nix::unistd::close(descriptor);
        (read.is_ok() && !token.is_empty()).then_some(Token(token))
    }

    /// Returns only if it fails, with the reason.
    pub(super) fn restart_with(token: &str) -> io::Error {
        match try_restart_with(token) {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    fn try_restart_with(token: &str) -> io::Result<Infallible> {
        // Not closed by exec.
        let mut file = File::from(memfd_create(label().as_str(), MFdFlags::empty())?);
        file.write_all(token.as_bytes())?;
        file.rewind()?;
        if find()?.is_none() {
            let text = format!("{DESCRIPTORS} does not show the descriptors; mount /proc");
            return Err(io::Error::other(text));
        }
        let mut arguments = std::env::args_os();
        let mut command = Command::new(program());
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        Err(command.args(arguments).env_remove(VARIABLE).exec())
    }

    /// The path of this program, even if its file was replaced after the start.
    fn program() -> PathBuf {
        std::env::current_exe()
            .ok()
            .filter(|path| path.exists())
            .unwrap_or_else(|| "/proc/self/exe".into())
    }
}
