//! The rows. Each row starts the processes it needs, and compares within one run.

mod growth;
mod instructions;
mod memory;
mod placement;
mod process;
#[cfg(feature = "cluster")]
mod programs;
#[cfg(feature = "cluster")]
mod real;
mod speed;
#[cfg(feature = "cluster")]
mod state;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::flood::{Flood, Options, Report};
use anyhow::{Context, Result, bail};

use crate::job::{Drive, Job, Outcome};
use crate::table::Row;

/// A group of rows that are measured together.
pub type Play = fn(&Bench) -> Result<Vec<Row>>;

/// All rows, by the name for `--only`.
pub const ROWS: &[(&str, Play)] = &[
    ("offers", speed::offers),
    ("updates", speed::updates),
    ("delay", speed::delay),
    ("order", speed::order),
    ("allocations", memory::allocations),
    ("resident", memory::resident),
    ("reconcile", speed::reconcile),
    ("event", memory::event),
    #[cfg(feature = "cluster")]
    ("state", state::state),
    ("failover", speed::failover),
    #[cfg(feature = "cluster")]
    ("real", real::real),
    #[cfg(feature = "cluster")]
    ("callbacks", real::callbacks),
    #[cfg(feature = "cluster")]
    ("jobs", real::jobs),
    ("growth", growth::growth),
    ("instructions", instructions::instructions),
    ("placement", placement::placement),
];

/// Rows that run only by name, because they are slow or not about the drivers.
pub const MORE: &[(&str, Play)] = &[
    #[cfg(feature = "cluster")]
    ("programs", programs::programs),
    ("process", process::process),
];

/// How to measure.
#[derive(Clone, Copy, Debug)]
pub struct Bench {
    /// Use smaller numbers, to check that the rows work.
    pub quick: bool,
}

impl Bench {
    /// `full`, or `quick` in a quick run.
    fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    fn rounds(&self) -> usize {
        self.size(5, 1)
    }

    /// Runs a client's job against a load master.
    fn play(&self, options: Options, job: impl FnOnce(String) -> Job) -> Result<(Report, Outcome)> {
        self.play_with(Client::Plain, options, job)
    }

    fn play_with(
        &self,
        client: Client,
        options: Options,
        job: impl FnOnce(String) -> Job,
    ) -> Result<(Report, Outcome)> {
        let flood = Flood::start(options)?;
        let child = client.start(&job(flood.url()))?;
        let outcome = finish(child)?;
        // The client has disconnected, so the load master stops.
        let report = flood.wait()?;
        Ok((report, outcome))
    }

    /// Runs the driver, and checks that there were no errors.
    fn drive(&self, client: Client, options: Options, drive: &Drive) -> Result<(Report, Outcome)> {
        let (report, outcome) = self.play_with(client, options, |url| {
            Job::Drive(Drive {
                url,
                ..drive.clone()
            })
        })?;
        if !report.complete || report.missing > 0 || report.wrong.total() > 0 {
            bail!("the report contains errors:\n{report}");
        }
        Ok((report, outcome))
    }
}

/// The program that performs the job.
#[derive(Clone, Copy)]
enum Client {
    Plain,
    /// Counts allocations.
    Counting,
    /// Counts instructions, by callgrind.
    Callgrind,
    /// Counts system calls, by strace.
    Strace,
}

impl Client {
    fn start(self, job: &Job) -> Result<Child> {
        let plain = std::env::current_exe()?;
        let mut command = match self {
            Self::Plain => Command::new(plain),
            Self::Counting => Command::new(beside(&plain, "mesos-bench-count")?),
            Self::Callgrind => {
                let mut valgrind = Command::new("valgrind");
                valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
                valgrind.arg(plain);
                valgrind
            }
            Self::Strace => {
                let mut strace = Command::new("strace");
                strace.args(["-f", "-c", "-U", "calls,name"]).arg(plain);
                strace
            }
        };
        if !matches!(self, Self::Counting) {
            command.arg("client");
        }
        command.arg(serde_json::to_string(job)?);
        let errors = match self {
            Self::Callgrind | Self::Strace => Stdio::piped(),
            Self::Plain | Self::Counting => Stdio::inherit(),
        };
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        command
            .stderr(errors)
            .spawn()
            .context("cannot start a client")
    }
}

/// A program that was built together with this one.
fn beside(program: &Path, name: &str) -> Result<PathBuf> {
    let path = program.with_file_name(name);
    if !path.exists() {
        bail!("{} is not built; run `cargo xtask bench`", path.display());
    }
    Ok(path)
}

fn finish(child: Child) -> Result<Outcome> {
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("the client ended with {}", output.status);
    }
    serde_json::from_slice(&output.stdout).context("cannot decode the output of the client")
}
