//! Questions before something that cannot be undone.

use std::io::{IsTerminal as _, Write as _};

use crate::error::{Code, Error};
use crate::output::visible;

/// Returns if the user answers yes to `question`, or said so with `--yes` before.
///
/// # Errors
/// The user did not agree, or cannot be asked because stdin is not a terminal.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(
            Error::usage("this needs a confirmation, and stdin is not a terminal")
                .hint("repeat the command with --yes"),
        );
    }
    let mut stderr = anstream::stderr();
    // The question may contain names from a cluster.
    let question: String = question.chars().map(visible).collect();
    let _ = write!(stderr, "{question} [y/N] ");
    let _ = stderr.flush();
    let mut answer = String::new();
    // A failed read leaves an empty answer, which is a no.
    let _ = stdin.read_line(&mut answer);
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Error::new(Code::Failure, "canceled; nothing was changed")),
    }
}
