//! Restarts a process with settings for libmesos, which reads its environment once. Settings of the
//! caller take precedence.

use std::env;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Set in the restarted process.
const SET: &str = "MESOS_CONFORMANCE_SET";
/// libmesos listens on the address of the clusters, and logs errors only.
const SETTINGS: [(&str, &str); 2] = [
    ("LIBPROCESS_IP", "127.0.0.1"),
    ("MESOS_LOGGING_LEVEL", "ERROR"),
];

/// Restarts this program with the settings that libmesos needs. Returns if they are set.
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
