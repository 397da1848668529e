//! The environment of a process with libmesos in it, which reads it once: what was set
//! by whoever started the process wins.

use std::env;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Set in the process that goes on.
const SET: &str = "MESOS_CONFORMANCE_SET";
/// libmesos listens where the clusters are, and says only what is bad.
const SETTINGS: [(&str, &str); 2] = [
    ("LIBPROCESS_IP", "127.0.0.1"),
    ("MESOS_LOGGING_LEVEL", "ERROR"),
];

/// Becomes this program once more, with the settings that libmesos needs here; returns
/// where they are there.
///
/// # Errors
/// The program cannot be started.
pub(crate) fn with_settings() -> io::Result<()> {
    if env::var_os(SET).is_some() {
        return Ok(());
    }
    let mut again = Command::new(env::current_exe()?);
    again.args(env::args_os().skip(1)).env(SET, "1");
    for (name, value) in SETTINGS {
        if env::var_os(name).is_none() {
            again.env(name, value);
        }
    }
    Err(again.exec())
}
