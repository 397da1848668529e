//! Runs a local cluster with the settings in the environment (see `mesos_native::local`) until
//! standard input ends.
//!
//! `MESOS_NATIVE_LIBRARY` is the path of libmesos. The optional argument is a directory with the
//! libraries that libmesos needs and this machine lacks.

use std::env;
use std::error::Error;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mesos_native::local::Local;
use mesos_native::{LIBRARY_VARIABLE, Library};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let library = match env::args_os().nth(1) {
        Some(dependencies) => {
            let path = env::var_os(LIBRARY_VARIABLE).ok_or("set MESOS_NATIVE_LIBRARY")?;
            Library::open_with(PathBuf::from(path), dependencies)?
        }
        None => Library::find()?,
    };
    let cluster = Local::start(&library, Duration::from_secs(30))?;
    println!(
        "Mesos {} at http://{}/master with {} agents, ready after {:?}",
        library.version().unwrap_or("(unknown)"),
        cluster.address(),
        cluster.agents().len(),
        begin.elapsed(),
    );
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
