//! Errors and exit codes.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use mesos::ErrorKind;

use crate::output::visible;

/// What to do about a wrong address.
const ADDRESS: &str = "check that the address is the address of a master, with `mesos config show`; \
                       --master and MESOS_MASTER set another one";

/// Why a command failed, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Anything else, such as a call that Mesos refused.
    Failure = 1,
    /// Wrong arguments or a wrong configuration. clap uses the same code.
    Usage = 2,
    /// An id or a name is unknown or ambiguous.
    NotFound = 3,
    /// No answer of a Mesos: wrong address, no leader, timeout.
    Unreachable = 4,
    /// The credentials are missing, wrong or insufficient (401, 403).
    Unauthorized = 5,
    /// `mesos run` could not run its task: the other codes are those of the task. `docker run` and
    /// `env` use the same code.
    Run = 125,
}

/// Why a command ended without success.
#[derive(Debug)]
pub(crate) enum Error {
    /// A failure with a message for the user.
    Failed {
        code: Code,
        message: String,
        /// What to change.
        hint: Option<String>,
    },
    /// The reader of the output went away (`mesos task list | head -1`), which is not a failure.
    ClosedPipe,
    /// The command did its work, and its exit code has a meaning of its own, such as the exit
    /// code of a task.
    Exit(u8),
}

impl Error {
    /// A failure without a hint. The message is in lower case, without a period at the end.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self::Failed {
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// A usage error.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    /// Adds what to change.
    #[must_use]
    pub(crate) fn hint(mut self, text: impl Into<String>) -> Self {
        if let Self::Failed { hint, .. } = &mut self {
            *hint = Some(text.into());
        }
        self
    }

    /// Replaces the exit code, except that of wrong usage.
    #[must_use]
    pub(crate) fn with_code(mut self, new: Code) -> Self {
        match &mut self {
            Self::Failed { code, .. } if *code != Code::Usage => *code = new,
            _ => {}
        }
        self
    }

    /// Puts what was attempted in front of the message.
    #[must_use]
    pub(crate) fn context(mut self, attempt: impl Display) -> Self {
        if let Self::Failed { message, .. } = &mut self {
            *message = format!("{attempt}: {message}");
        }
        self
    }

    /// Prints the error on stderr; returns the exit code of the process.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::ClosedPipe => ExitCode::SUCCESS,
            Self::Exit(code) => ExitCode::from(code),
            Self::Failed {
                code,
                message,
                hint,
            } => {
                let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
                let mut text = format!("{red}error:{red:#} {}\n", printable(&message));
                if let Some(hint) = hint {
                    let bold = Style::new().bold();
                    text.push_str(&format!("{bold}hint:{bold:#} {}\n", printable(&hint)));
                }
                // Nobody can be told that stderr is closed.
                let _ = anstream::stderr().write_all(text.as_bytes());
                ExitCode::from(code as u8)
            }
        }
    }
}

/// A message may contain names from a cluster, which must not control the terminal.
fn printable(text: &str) -> String {
    let character = |found| match found {
        '\n' => found,
        _ => visible(found),
    };
    text.chars().map(character).collect()
}

impl From<mesos::Error> for Error {
    fn from(error: mesos::Error) -> Self {
        use ErrorKind::*;
        let (code, hint) = match error.kind() {
            Config => (Code::Usage, None),
            Unauthorized => (
                Code::Unauthorized,
                Some(
                    "set MESOS_PRINCIPAL and MESOS_SECRET (or MESOS_TOKEN_FILE), or the keys of \
                     the cluster in the configuration file; `mesos config show` prints the \
                     settings in use",
                ),
            ),
            Forbidden => (
                Code::Unauthorized,
                Some("use a principal that the ACLs of the master permit to do this"),
            ),
            Tls if format!("{error:#}").contains("client certificate") => (
                Code::Unreachable,
                Some(
                    "set MESOS_CERTIFICATE_FILE and MESOS_KEY_FILE to a certificate that a CA of \
                     the cluster has signed",
                ),
            ),
            Tls => (
                Code::Unreachable,
                Some(
                    "set MESOS_CA_FILE, and check with `mesos config show` that the address has \
                     the right scheme",
                ),
            ),
            // The server was reached, and says why it cannot do this.
            Unavailable if error.status() == Some(500) => (Code::Failure, None),
            NotLeader | Unavailable => (
                Code::Unreachable,
                Some("the masters may be electing a leader; repeat the command, or use --timeout"),
            ),
            // A server that is not a master rarely answers in the format of a master.
            Decode => (Code::Unreachable, Some(ADDRESS)),
            Transport | Timeout | HeartbeatLost | Protocol => {
                let hint = error.is_configuration().then_some(ADDRESS);
                (Code::Unreachable, hint)
            }
            _ => (Code::Failure, None),
        };
        let failed = Self::new(code, format!("{error:#}"));
        match hint {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    }
}

/// A failed write to stdout.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::new(Code::Failure, format!("cannot write the output: {error}")),
        }
    }
}
