//! The rows. Each one starts what it needs, and compares within one run.

mod growth;
mod memory;
mod programs;
mod real;
mod speed;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::flood::{Flood, Options, Report};
use anyhow::{Context, Result, bail};

use crate::job::{Drive, Job, Outcome};
use crate::table::Row;

/// A group of rows that are measured together.
pub type Play = fn(&Bench) -> Result<Vec<Row>>;

/// All of them, by the name that `--only` takes.
pub const ROWS: [(&str, Play); 12] = [
    ("offers", speed::offers),
    ("updates", speed::updates),
    ("delay", speed::delay),
    ("order", speed::order),
    ("allocations", memory::allocations),
    ("resident", memory::resident),
    ("reconcile", speed::reconcile),
    ("event", memory::event),
    ("failover", speed::failover),
    ("real", real::real),
    ("callbacks", real::callbacks),
    ("growth", growth::growth),
];

/// What is measured when asked for by name only: it is slow, or about more than
/// the drivers.
pub const MORE: [(&str, Play); 1] = [("programs", programs::programs)];

/// How to measure.
#[derive(Clone, Copy, Debug)]
pub struct Bench {
    /// Smaller numbers: whether it works, not how well.
    pub quick: bool,
}

impl Bench {
    /// `full`, or `quick` of it.
    fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    fn rounds(&self) -> usize {
        self.size(5, 1)
    }

    /// Plays a client's job against a load master.
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
        // It has left, so the load master notices.
        let report = flood.wait()?;
        Ok((report, outcome))
    }

    /// Plays our driver, and sees to it that nothing went wrong.
    fn drive(&self, client: Client, options: Options, drive: &Drive) -> Result<(Report, Outcome)> {
        let (report, outcome) = self.play_with(client, options, |url| {
            Job::Drive(Drive {
                url,
                ..drive.clone()
            })
        })?;
        if !report.complete || report.missing > 0 || report.wrong.total() > 0 {
            bail!("something was lost or wrong:\n{report}");
        }
        Ok((report, outcome))
    }
}

/// In which program the job is done.
#[derive(Clone, Copy)]
enum Client {
    Plain,
    /// Allocations are counted.
    Counting,
    /// Instructions are counted, by callgrind.
    Callgrind,
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
        };
        if !matches!(self, Self::Counting) {
            command.arg("client");
        }
        command.arg(serde_json::to_string(job)?);
        let errors = match self {
            Self::Callgrind => Stdio::piped(),
            _ => Stdio::inherit(),
        };
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        command
            .stderr(errors)
            .spawn()
            .context("cannot start a client")
    }
}

/// A program that was built with this one.
fn beside(program: &Path, name: &str) -> Result<PathBuf> {
    let path = program.with_file_name(name);
    if !path.exists() {
        bail!(
            "{} is not built; `cargo xtask bench` does that",
            path.display()
        );
    }
    Ok(path)
}

fn finish(child: Child) -> Result<Outcome> {
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("the client ended with {}", output.status);
    }
    serde_json::from_slice(&output.stdout).context("what the client printed")
}
