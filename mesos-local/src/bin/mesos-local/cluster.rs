//! `mesos-local cluster`: the process that has master and agents in it. The supervisor starts it
//! with all flags of Mesos in its environment, and ends it with a signal.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use mesos_local::wire::{FAILED, READY};
use mesos_native::Library;
use mesos_native::local::Local;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

/// The arguments; see [`wire::Config`](mesos_local::wire::Config).
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The libmesos to load.
    #[arg(long)]
    library: PathBuf,
    /// The directory of stand-ins for shared libraries that it wants.
    #[arg(long)]
    stand_ins: Option<PathBuf>,
    /// How long the start may take, in seconds.
    #[arg(long)]
    timeout: f64,
    /// The process that has to be the parent of this one.
    #[arg(long)]
    supervisor: i32,
}

/// Runs until a signal comes, or the supervisor ends.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if !end_with_parent(arguments.supervisor) {
        return ExitCode::FAILURE;
    }
    let mut report = match take_stdout() {
        Ok(report) => report,
        Err(error) => {
            eprintln!("cannot set stdout aside: {error}");
            return ExitCode::FAILURE;
        }
    };
    // To the same log as Mesos' own.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let started = load(arguments).and_then(|library| {
        let timeout = Duration::try_from_secs_f64(arguments.timeout).unwrap_or(Duration::MAX);
        Local::start(&library, timeout)
    });
    match started {
        Ok(cluster) => {
            say(&mut report, &format!("{READY}{}", cluster.address().port()));
            loop {
                std::thread::park();
            }
        }
        Err(error) => {
            let reason = error.to_string().replace('\n', " ");
            say(&mut report, &format!("{FAILED}{reason}"));
            ExitCode::FAILURE
        }
    }
}

fn load(arguments: &Arguments) -> mesos_native::Result<Library> {
    match &arguments.stand_ins {
        Some(directory) => Library::open_with(&arguments.library, directory),
        None => Library::open(&arguments.library),
    }
}

/// Takes the pipe to the supervisor away from stdout, which goes to the log from now on. Mesos
/// hands its own stdout to the containers of a local cluster
/// (src/slave/containerizer/mesos/io/switchboard.cpp), and whatever writes there must not be
/// taken for a report.
fn take_stdout() -> io::Result<File> {
    let report = io::stdout().as_fd().try_clone_to_owned()?;
    nix::unistd::dup2_stdout(io::stderr())?;
    Ok(File::from(report))
}

/// Nobody may be left to listen, and then the end of this process is near anyway.
fn say(report: &mut File, line: &str) {
    let _ = writeln!(report, "{line}");
}

/// Has the kernel kill this process when its parent ends; false if it is too late for that.
fn end_with_parent(parent: i32) -> bool {
    prctl::set_pdeathsig(Signal::SIGKILL).is_ok() && getppid().as_raw() == parent
}
