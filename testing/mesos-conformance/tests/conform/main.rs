//! Runs the cases over the backends. One program with three uses:
//!
//! * `cargo test -p mesos-conformance` runs every case on a real Mesos as a test;
//! * `cargo xtask conform`, which passes `--table`, also runs the cases on the fake master and
//!   prints a table;
//! * a real agent starts the program with `--executor` as the executor of the cases.

mod backends;
mod certificates;
mod cli;
mod cluster;
mod executor;
mod known;
mod pool;
mod progress;
mod reexec;
mod trials;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let first = args.next();
    let done = match first.as_deref().and_then(|first| first.to_str()) {
        Some("--executor") => {
            let libmesos = args.next().map(std::path::PathBuf::from);
            executor::run(libmesos.as_deref())
                .map(|()| true)
                .map_err(|error| error.to_string())
        }
        Some("--table") => restarted().and_then(|()| cli::run(args)),
        _ => match restarted() {
            Ok(()) => return trials::run(),
            Err(error) => Err(error),
        },
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn restarted() -> Result<(), String> {
    reexec::with_settings()
        .map_err(|error| format!("cannot restart with the settings for libmesos: {error}"))
}
